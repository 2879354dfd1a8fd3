// freehold no ID [REASON]: denies a question; the asking program is told the reason.

import { answered } from "./answer.ts";
import { needArgument, type Given } from "./given.ts";
import { callAsOwner } from "./owner.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const note = given.args.slice(1).join(" ");
  return answered(
    await callAsOwner(shell, { op: "question.answer", input: { id: needArgument(given), answer: "no", note } }),
  );
}
