// Questions of one conversation or of one shape, put to the owner together: each in full, then one key for all.

import { together, type TogetherKind } from "../control/reach.ts";
import type { JsonObject } from "../kernel/index.ts";
import { outcomeText } from "./outcome-text.ts";
import { callAsOwner } from "./owner.ts";
import { questionText } from "./question-text.ts";
import { maybeTextIn, objectsIn, safeLine, textIn } from "./reply.ts";
import type { Shell } from "./shell.ts";
import type { Terminal } from "./terminal.ts";

export interface Group {
  readonly kind: TogetherKind;
  readonly questions: readonly JsonObject[];
}

/** In their order; a question that goes with no other is a group of its own. */
export function groupsOf(questions: readonly JsonObject[]): readonly Group[] {
  const calls = questions.map((question) => ({
    id: textIn(question, "id"),
    session: textIn(question, "session"),
    principal: textIn(question, "principal"),
    tool: textIn(question, "tool"),
    args: textIn(question, "args"),
    question,
  }));
  return together(calls).map(({ kind, questions: each }) => ({ kind, questions: each.map((one) => one.question) }));
}

const WHY: Readonly<Record<TogetherKind, string>> = {
  alike: "are alike: the same program, tool and arguments; only values differ",
  "one conversation": "are of one conversation",
};

export type AlikeAnswer =
  | { readonly kind: "answered"; readonly replies: readonly JsonObject[] }
  | { readonly kind: "one-by-one" }
  | { readonly kind: "skipped" }
  | { readonly kind: "quit" };

export async function answerAlike(shell: Shell, terminal: Terminal, { kind, questions }: Group): Promise<AlikeAnswer> {
  for (const question of questions) terminal.write(`\n${questionText(shell, question).join("\n")}\n`);
  const amount = questions.length;
  terminal.write(`\nThese ${amount} ${WHY[kind]}. Each is decided by itself.\n`);
  const key = await terminal.key(`[a]ll ${amount} yes  [o]ne by one  [s]kip  [q]uit `, "aosq");
  if (key === "o") return { kind: "one-by-one" };
  if (key !== "a") return { kind: key === "s" ? "skipped" : "quit" };
  return { kind: "answered", replies: await yesToAll(shell, terminal, questions) };
}

/** All of them were shown in full. */
export async function yesToAll(
  shell: Shell,
  terminal: Terminal,
  questions: readonly JsonObject[],
): Promise<readonly JsonObject[]> {
  const ids = questions.map((question) => textIn(question, "id"));
  const digests = questions.map((question) => textIn(question, "digest"));
  const reply = await callAsOwner(shell, { op: "questions.answerAlike", input: { ids, digests } });
  const replies = objectsIn(reply, "outcomes");
  for (const each of replies) terminal.write(`${alikeText(each)}\n`);
  return replies;
}

function alikeText(reply: JsonObject): string {
  const refused = maybeTextIn(reply, "refused");
  if (refused === null) return outcomeText(reply);
  return `Question ${safeLine(textIn(reply, "id"), 20)}: not answered, ${safeLine(refused)}.`;
}
