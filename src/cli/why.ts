// freehold why ID: the story of one request in plain sentences.

import { needArgument, type Given } from "./given.ts";
import { lineIn, maybeTextIn, safeLine, textsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { indent, wrap } from "./table.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const control = await shell.control();
  const reply = await control.call("why", { id: needArgument(given) });
  const head = [
    maybeTextIn(reply, "request") === null ? "" : `Request ${lineIn(reply, "request", 60)}`,
    maybeTextIn(reply, "question") === null ? "" : `question ${lineIn(reply, "question", 20)}`,
    maybeTextIn(reply, "decision") === null
      ? ""
      : `${lineIn(reply, "decision", 20)} by ${lineIn(reply, "because", 10)}`,
  ].filter((part) => part !== "");
  const lines = textsIn(reply, "lines").flatMap((line) => {
    const [first = "", ...rest] = wrap(safeLine(line, 2_000), shell.width - 2);
    return [`- ${first}`, ...indent(rest)];
  });
  return { json: reply, text: [shell.paint("bold", head.join(", ")), ...lines] };
}
