// Questions that differ in values alone, put to the owner together: every one of them in full, then one key for all.

import { canonical, isObject, parseStrict, type JsonObject } from "../kernel/index.ts";
import { outcomeText } from "./answer.ts";
import { callAsOwner } from "./owner.ts";
import { questionText } from "./question-text.ts";
import { maybeTextIn, objectsIn, safeLine, textIn } from "./reply.ts";
import type { Shell } from "./shell.ts";
import type { Terminal } from "./terminal.ts";

const ALIKE_MAX = 20;

/** In their order; a question that is like no other is a group of its own. */
export function alikeGroups(questions: readonly JsonObject[]): readonly (readonly JsonObject[])[] {
  const groups = Map.groupBy(questions, (question) => shapeOf(question));
  return [...groups.values()].flatMap((group) => partsOf(group));
}

function partsOf(group: readonly JsonObject[]): readonly (readonly JsonObject[])[] {
  const parts: (readonly JsonObject[])[] = [];
  for (let at = 0; at < group.length; at += ALIKE_MAX) parts.push(group.slice(at, at + ALIKE_MAX));
  return parts;
}

function shapeOf(question: JsonObject): string {
  const parsed = parseStrict(textIn(question, "args"));
  if (parsed.kind === "refused" || !isObject(parsed.value)) return textIn(question, "id");
  const names = Object.keys(parsed.value).toSorted();
  return canonical([textIn(question, "principal"), textIn(question, "tool"), names]);
}

export type AlikeAnswer =
  | { readonly kind: "answered"; readonly replies: readonly JsonObject[] }
  | { readonly kind: "one-by-one" }
  | { readonly kind: "skipped" }
  | { readonly kind: "quit" };

export async function answerAlike(
  shell: Shell,
  terminal: Terminal,
  questions: readonly JsonObject[],
): Promise<AlikeAnswer> {
  for (const question of questions) terminal.write(`\n${questionText(shell, question).join("\n")}\n`);
  const amount = questions.length;
  terminal.write(`\nThese ${amount} are alike: the same program, tool and arguments; only values differ.\n`);
  const key = await terminal.key(`[a]ll ${amount} yes  [o]ne by one  [s]kip  [q]uit `, "aosq");
  if (key === "o") return { kind: "one-by-one" };
  if (key !== "a") return { kind: key === "s" ? "skipped" : "quit" };
  const ids = questions.map((question) => textIn(question, "id"));
  const digests = questions.map((question) => textIn(question, "digest"));
  const reply = await callAsOwner(shell, { op: "questions.answerAlike", input: { ids, digests } });
  const replies = objectsIn(reply, "outcomes");
  for (const each of replies) terminal.write(`${alikeText(each)}\n`);
  return { kind: "answered", replies };
}

function alikeText(reply: JsonObject): string {
  const refused = maybeTextIn(reply, "refused");
  if (refused === null) return outcomeText(reply);
  return `Question ${safeLine(textIn(reply, "id"), 20)}: not answered, ${safeLine(refused)}.`;
}
