// What the program that asked is told about its question. Words only: what becomes of the call is decided in
// answers.ts.

import { oneLine, type Question } from "../kernel/index.ts";

/** How a denial begins that nobody said no to. */
export const CANCELLED = "it was cancelled while it was held";
export const WITHDRAWN = "the program that asked took it back";

export const CUT_OFF =
  "Freehold ended in the call. It may or may not have happened; the owner was told. Do not repeat it";

export function waitingText({ id, state }: Question): string {
  return `${state === "held" ? "Held, can be cancelled as" : "Waiting for the owner, question"} ${id}`;
}

/** `by` is null where nobody proved to be the owner, or the program that takes its own call back. */
export function noText({ note }: Question, by: string | null): string {
  const said = by === null ? CANCELLED : by === "owner" ? "the owner said no" : WITHDRAWN;
  return note === null || note === "" ? said : `${said}: ${oneLine(note, 300)}`;
}

export function pastText({ state, note }: Question): string {
  return note === null ? `the question is ${state}` : `the question is ${state}: ${oneLine(note, 300)}`;
}
