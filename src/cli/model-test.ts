// freehold model test [NAME]: asks a model one short thing through the door, and prints the receipt.

import { callAsOwner } from "./owner.ts";
import type { Given } from "./given.ts";
import { lineIn, safeLine, textIn, textsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { indent, wrap } from "./table.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const [name] = given.args;
  const reply = await callAsOwner(shell, { op: "model.test", input: name === undefined ? {} : { name } });
  const why = await (await shell.control()).call("why", { id: textIn(reply, "request") });
  const receipt = textsIn(why, "lines").flatMap((line) => {
    const [first = "", ...rest] = wrap(safeLine(line, 2_000), shell.width - 2);
    return [`- ${first}`, ...indent(rest)];
  });
  const isAnswered = textIn(reply, "kind") === "answered";
  const head = isAnswered
    ? `${lineIn(reply, "model", 40)} says: ${lineIn(reply, "text", 200) || "(nothing)"}`
    : `No answer (${lineIn(reply, "why", 40)}): ${lineIn(reply, "reason", 400)}`;
  const text = [
    ...wrap(head, shell.width),
    "",
    shell.paint("bold", `Receipt ${lineIn(reply, "request", 60)}`),
    ...receipt,
  ];
  return { json: { ...reply, receipt: textsIn(why, "lines") }, text, exit: isAnswered ? 0 : 1 };
}
