// freehold later ID [MINUTES]: the question is out of sight, or what is held stays held, for that long.

import { needArgument, numberFrom, type Given } from "./given.ts";
import { callAsOwner } from "./owner.ts";
import { lineIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

const MINUTES_DEFAULT = "60";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const minutes = numberFrom(given.args[1] ?? MINUTES_DEFAULT, { what: "the time in minutes", min: 1, max: 1_440 });
  const input = { id: needArgument(given), answer: "later", minutes };
  const reply = await callAsOwner(shell, { op: "question.answer", input });
  const id = lineIn(reply, "id", 20);
  const isHeld = lineIn(reply, "state", 20) === "held";
  return {
    json: reply,
    text: isHeld ? `${id} is held for ${minutes} min.` : `Question ${id} comes back in ${minutes} min.`,
  };
}
