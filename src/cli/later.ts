// freehold later ID [MINUTES]: the question stays open and is out of sight for a while.

import { needArgument, numberFrom, type Given } from "./given.ts";
import { callAsOwner } from "./owner.ts";
import { lineIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

const MINUTES_DEFAULT = "60";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const minutes = numberFrom(given.args[1] ?? MINUTES_DEFAULT, { what: "the time in minutes", min: 1, max: 1_440 });
  const input = { id: needArgument(given), answer: "later", minutes };
  const reply = await callAsOwner(shell, { op: "question.answer", input });
  return { json: reply, text: `Question ${lineIn(reply, "id", 20)} comes back in ${minutes} min.` };
}
