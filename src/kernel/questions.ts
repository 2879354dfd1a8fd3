// What the owner is asked, bound to one exact call, and the states it can be in.
// Invariants: at most one yes is ever spent; no event leads out of a final state; expiry means no; what is held is not
// spent before its hold ends, unless the owner lets it go.

import { digestOf, type Digest, type JsonObject } from "./json.ts";
import type { ClauseAnswer, ClauseId } from "./decide.ts";
import type { Label } from "./labels.ts";

/** Everything that a yes is given to. Another value in any field is another question. */
export interface Binding {
  readonly session: string;
  readonly principal: string;
  readonly tool: string;
  /** Canonical JSON: the bytes that were shown and that will be sent. */
  readonly args: string;
  readonly pin: Digest;
  /** Of the parts of the accepted policy that bear on this call: its card, its server, what was locked for it. */
  readonly policy: Digest;
  readonly label: Label;
  readonly expiresAtMs: number;
}

export const QUESTION_STATES = ["open", "held", "yes", "spent", "no", "expired", "void"] as const;
export type QuestionState = (typeof QUESTION_STATES)[number];

export interface Question {
  /** Short enough to say: `7KQ`. */
  readonly id: string;
  readonly request: string;
  readonly binding: Binding;
  readonly digest: Digest;
  readonly state: QuestionState;
  readonly because: ClauseId;
  readonly clauses: readonly ClauseAnswer[];
  /** One plain sentence, safe to show anywhere. */
  readonly sentence: string;
  readonly askedAtMs: number;
  /** Open: not shown again before this time. Held: does not act before it. */
  readonly laterUntilMs: number | null;
  readonly answeredAtMs: number | null;
  /** The owner's words with a no; what voided it otherwise. */
  readonly note: string | null;
}

export type QuestionEvent =
  | { readonly kind: "yes" }
  | { readonly kind: "hold"; readonly untilMs: number }
  | { readonly kind: "no"; readonly note: string }
  | { readonly kind: "later"; readonly untilMs: number }
  | { readonly kind: "expire" }
  | { readonly kind: "void"; readonly note: string }
  | { readonly kind: "spend" };

export type Step =
  | { readonly kind: "moved"; readonly question: Question }
  | { readonly kind: "refused"; readonly reason: string };

export function bindingDigest(binding: Binding): Digest {
  return digestOf({ ...binding, label: { ...binding.label } } satisfies JsonObject);
}

/** The only place where a question changes state. */
export function step(question: Question, event: QuestionEvent, nowMs: number): Step {
  if (event.kind === "spend") {
    const isHeldOut = question.state === "held" && nowMs >= (question.laterUntilMs ?? Infinity);
    return (question.state === "yes" || isHeldOut) && !isExpired(question, nowMs)
      ? moved(question, { state: "spent" })
      : refused(question, nowMs);
  }
  if (event.kind === "void" && question.state === "yes") return moved(question, { state: "void", note: event.note });
  if (question.state !== "open" && question.state !== "held") return refused(question, nowMs);
  if (event.kind === "expire") {
    return isExpired(question, nowMs)
      ? moved(question, { state: "expired", answeredAtMs: nowMs })
      : { kind: "refused", reason: "it has not expired" };
  }
  if (isExpired(question, nowMs)) return { kind: "refused", reason: "it has expired" };
  switch (event.kind) {
    case "yes":
      return moved(question, { state: "yes", answeredAtMs: nowMs });
    case "hold":
      return moved(question, { state: "held", laterUntilMs: event.untilMs, answeredAtMs: nowMs });
    case "no":
      return moved(question, { state: "no", answeredAtMs: nowMs, note: event.note });
    case "later":
      return moved(question, { laterUntilMs: event.untilMs });
    case "void":
      return moved(question, { state: "void", answeredAtMs: nowMs, note: event.note });
  }
}

export function isExpired(question: Question, nowMs: number): boolean {
  return nowMs >= question.binding.expiresAtMs;
}

function moved(question: Question, change: Partial<Question>): Step {
  return { kind: "moved", question: { ...question, ...change } };
}

function refused(question: Question, nowMs: number): Step {
  const state = question.state === "open" && isExpired(question, nowMs) ? "expired" : question.state;
  return { kind: "refused", reason: `it is already ${state === "yes" ? "answered" : state}` };
}

const ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A question's name from random bytes; letters and digits that are not mistaken for each other. */
export function questionId(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => ALPHABET[byte % ALPHABET.length]).join("");
}
