// What a conversation consists of, as it is kept. A turn that an older or newer build wrote and that is not understood
// here is left out and said.

import { isObject, textAt, type JsonObject, type JsonValue, type ModelCall } from "../kernel/index.ts";

export type Turn =
  /** By the owner, or whoever sits there. */
  | { readonly kind: "said"; readonly text: string; readonly isOwners: boolean }
  /** What became of a question, or of a command of the owner's. */
  | { readonly kind: "news"; readonly text: string; readonly question: string | null }
  | {
      readonly kind: "answered";
      readonly text: string;
      readonly calls: readonly ModelCall[];
      readonly model: string;
      /** The door's request, for `why`. */
      readonly request: string;
    }
  /** `question` is what the call waits for. */
  | { readonly kind: "result"; readonly call: string; readonly text: string; readonly question: string | null }
  | { readonly kind: "ended"; readonly receipt: JsonObject };

export function turnBody(turn: Turn): JsonObject {
  switch (turn.kind) {
    case "answered":
      return { ...turn, calls: turn.calls.map((call) => ({ ...call })) };
    case "said":
    case "news":
    case "result":
    case "ended":
      return { ...turn };
  }
}

/** Null for what is none. */
export function turnFrom(body: JsonObject): Turn | null {
  const text = textAt(body, "text") ?? "";
  const question = textAt(body, "question");
  switch (body["kind"]) {
    case "said":
      return { kind: "said", text, isOwners: body["isOwners"] === true };
    case "news":
      return { kind: "news", text, question };
    case "answered": {
      const calls: readonly JsonValue[] = Array.isArray(body["calls"]) ? body["calls"] : [];
      const [model, request] = [textAt(body, "model") ?? "", textAt(body, "request") ?? ""];
      return { kind: "answered", text, model, request, calls: calls.filter((one) => isObject(one)).map(callFrom) };
    }
    case "result":
      return { kind: "result", call: textAt(body, "call") ?? "", text, question };
    case "ended":
      return { kind: "ended", receipt: isObject(body["receipt"]) ? body["receipt"] : {} };
    default:
      return null;
  }
}

function callFrom(body: JsonObject): ModelCall {
  return { id: textAt(body, "id") ?? "", name: textAt(body, "name") ?? "", args: textAt(body, "args") ?? "" };
}

/** Questions that a call of the conversation waits for and of whose end it has not been told. */
export function openQuestions(turns: readonly Turn[]): readonly string[] {
  const asked = turns.flatMap((turn) => (turn.kind === "result" && turn.question !== null ? [turn.question] : []));
  const told = new Set(
    turns.flatMap((turn) => (turn.kind === "news" && turn.question !== null ? [turn.question] : [])),
  );
  return [...new Set(asked)].filter((question) => !told.has(question)).slice(-QUESTIONS_MAX);
}

/** Calls of the last answer that have no result: Freehold ended in the middle of them. */
export function cutOff(turns: readonly Turn[]): readonly ModelCall[] {
  const at = turns.findLastIndex((turn) => turn.kind === "answered");
  const last = turns[at];
  if (last?.kind !== "answered") return [];
  const done = new Set(turns.slice(at).flatMap((turn) => (turn.kind === "result" ? [turn.call] : [])));
  return last.calls.filter((call) => !done.has(call.id));
}

/** What was called for the owner's last words, whether it came to an end or not. */
export function calledSince(turns: readonly Turn[]): readonly ModelCall[] {
  const at = turns.findLastIndex((turn) => turn.kind === "said");
  return turns.slice(at + 1).flatMap((turn) => (turn.kind === "answered" ? turn.calls : []));
}

/** The owner's last words have no end yet. */
export function isUnfinished(turns: readonly Turn[]): boolean {
  return turns.findLastIndex((turn) => turn.kind === "said") > turns.findLastIndex((turn) => turn.kind === "ended");
}

const QUESTIONS_MAX = 20;
