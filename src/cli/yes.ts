// freehold yes ID: the PIN, then the whole question, then the yes. There is no way around the look. What is held goes
// at once; with --in it is held for that long and can still be cancelled.

import { answered } from "./answer.ts";
import { hasFlag, needArgument, numberFrom, textOption, type Given } from "./given.ts";
import { callAsOwner, proveOwner } from "./owner.ts";
import { questionText } from "./question-text.ts";
import { textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { yesToConversation } from "./yes-all.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  if (hasFlag(given, "all")) return yesToConversation(shell, needArgument(given));
  const minutes = textOption(given, "in");
  const limits = { what: "--in, in minutes,", min: 1, max: 1_440 } as const;
  const later = minutes === null ? {} : { inMinutes: numberFrom(minutes, limits) };
  const terminal = await shell.needTerminal();
  await proveOwner(shell);
  const question = await callAsOwner(shell, { op: "question.show", input: { id: needArgument(given) } });
  const id = textIn(question, "id");
  terminal.write(`${questionText(shell, question).join("\n")}\n`);
  const state = textIn(question, "state");
  if (!(await terminal.confirm(state === "held" ? "Let it go now?" : "Yes to exactly this?"))) {
    return {
      json: { id, state, outcome: null },
      text: `${id} stays ${state}.`,
      exit: 2,
    };
  }
  return answered(await callAsOwner(shell, { op: "question.answer", input: { id, answer: "yes", ...later } }));
}
