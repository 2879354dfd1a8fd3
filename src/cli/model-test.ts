// freehold model test [NAME]: asks a model one short thing through the door, and prints the receipt.

import type { JsonObject } from "../kernel/index.ts";
import { callAsOwner } from "./owner.ts";
import type { Given } from "./given.ts";
import { lineIn, safeLine, textIn, textsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { indent, wrap } from "./table.ts";

const NEXT: Readonly<Record<string, string>> = {
  "no-model": "freehold model add",
  budget: "freehold spend; a price and a budget stand in stack.yaml",
  failed: "see that its engine runs, then freehold model list",
  flow: "freehold model list",
};

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
    : `No answer (${lineIn(reply, "why", 40)}): ${withNext(reply)}`;
  const text = [
    ...wrap(head, shell.width),
    "",
    shell.paint("bold", `Receipt ${lineIn(reply, "request", 60)}`),
    ...receipt,
  ];
  return { json: { ...reply, receipt: textsIn(why, "lines") }, text, exit: isAnswered ? 0 : 1 };
}

/** Some reasons say what to do by themselves. */
function withNext(reply: JsonObject): string {
  const reason = lineIn(reply, "reason", 400);
  const next = NEXT[textIn(reply, "why")];
  return next === undefined || reason.includes("Next: ") ? reason : `${reason}. Next: ${next}`;
}
