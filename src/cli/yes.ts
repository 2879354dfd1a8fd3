// freehold yes ID: the PIN, then the whole question, then the yes. There is no way around the look.

import { answered } from "./answer.ts";
import { needArgument, type Given } from "./given.ts";
import { callAsOwner, proveOwner } from "./owner.ts";
import { questionText } from "./question-text.ts";
import { textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const terminal = await shell.needTerminal();
  await proveOwner(shell);
  const question = await callAsOwner(shell, { op: "question.show", input: { id: needArgument(given) } });
  const id = textIn(question, "id");
  terminal.write(`${questionText(shell, question).join("\n")}\n`);
  if (!(await terminal.confirm("Yes to exactly this?"))) {
    return {
      json: { id, state: textIn(question, "state"), outcome: null },
      text: `Question ${id} stays open.`,
      exit: 2,
    };
  }
  return answered(await callAsOwner(shell, { op: "question.answer", input: { id, answer: "yes" } }));
}
