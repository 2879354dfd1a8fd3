// freehold yes ID --all: every question of that conversation in full, then one yes. Each is decided by itself.

import { yesToAll } from "./alike.ts";
import { answered } from "./answer.ts";
import { callAsOwner, proveOwner } from "./owner.ts";
import { questionText } from "./question-text.ts";
import { objectsIn, textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function yesToConversation(shell: Shell, id: string): Promise<Outcome> {
  const terminal = await shell.needTerminal();
  await proveOwner(shell);
  const session = textIn(await callAsOwner(shell, { op: "question.show", input: { id } }), "session");
  const listed = objectsIn(await callAsOwner(shell, { op: "question.list" }), "questions");
  const questions = listed.filter((one) => textIn(one, "session") === session);
  for (const one of questions) terminal.write(`\n${questionText(shell, one).join("\n")}\n`);
  const [only] = questions;
  if (only === undefined) return { json: { answers: [] }, text: "Nothing of this conversation waits.", exit: 2 };
  const count = questions.length;
  if (!(await terminal.confirm(count === 1 ? "Yes to exactly this?" : `Yes to exactly these ${count}?`))) {
    return { json: { answers: [] }, text: count === 1 ? "It stays open." : "They stay open.", exit: 2 };
  }
  if (count > 1) return { json: { answers: await yesToAll(shell, terminal, questions) }, text: "" };
  return answered(
    await callAsOwner(shell, { op: "question.answer", input: { id: textIn(only, "id"), answer: "yes" } }),
  );
}
