// What operations answer, as the pages need it. The one place that turns JSON objects into typed views.

import { together, type Together } from "../control/index.ts";
import { isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";
import type { Role } from "./exact.ts";

export function textOf(object: JsonObject, field: string): string {
  const value = object[field];
  return typeof value === "string" ? value : "";
}

export function numberOf(object: JsonObject, field: string): number {
  const value = object[field];
  return typeof value === "number" ? value : 0;
}

export function listOf(object: JsonObject, field: string): readonly JsonObject[] {
  const value = object[field];
  return Array.isArray(value) ? value.filter((item: JsonValue) => isObject(item)) : [];
}

export function textsOf(object: JsonObject, field: string): readonly string[] {
  const value = object[field];
  return Array.isArray(value) ? value.filter((item: JsonValue) => typeof item === "string") : [];
}

function maybeTextOf(object: JsonObject, field: string): string | null {
  const value = object[field];
  return typeof value === "string" && value !== "" ? value : null;
}

const CLAUSE_WORDS: Readonly<Record<string, string>> = {
  C0: "a hard limit",
  C1: "where data may flow",
  C2: "plain reads",
  C3: "your own words",
  C4: "what was planned before reading",
  C5: "foreign links and addresses",
};

/** What a clause of the decision is about. */
export function clauseWords(clause: string): string {
  return CLAUSE_WORDS[clause] ?? clause;
}

export interface ClauseView {
  readonly clause: string;
  readonly answer: string;
  readonly reason: string;
}

export interface QuestionView {
  readonly id: string;
  readonly state: string;
  readonly sentence: string;
  readonly tool: string;
  readonly principal: string;
  readonly session: string;
  /** Canonical JSON: the very bytes that a yes sends. */
  readonly args: string;
  readonly roles: ReadonlyMap<string, Role>;
  readonly clauses: readonly ClauseView[];
  readonly because: string;
  readonly digest: string;
  readonly askedAtMs: number;
  readonly expiresAtMs: number;
  /** Null for a question. */
  readonly heldUntilMs: number | null;
  readonly undo: string;
  readonly origin: string;
  readonly note: string;
}

export function questionOf(object: JsonObject): QuestionView {
  return {
    id: textOf(object, "id"),
    state: textOf(object, "state"),
    sentence: textOf(object, "sentence"),
    tool: textOf(object, "tool"),
    principal: textOf(object, "principal"),
    session: textOf(object, "session"),
    args: textOf(object, "args"),
    roles: new Map(listOf(object, "pretty").map((row) => [textOf(row, "name"), roleFrom(textOf(row, "role"))])),
    clauses: listOf(object, "clauses").map((row) => ({
      clause: textOf(row, "clause"),
      answer: textOf(row, "answer"),
      reason: textOf(row, "reason"),
    })),
    because: textOf(object, "because"),
    digest: textOf(object, "digest"),
    askedAtMs: numberOf(object, "askedAtMs"),
    expiresAtMs: numberOf(object, "expiresAtMs"),
    heldUntilMs: typeof object["heldUntilMs"] === "number" ? object["heldUntilMs"] : null,
    undo: textOf(object, "undo"),
    origin: textOf(object, "origin"),
    note: textOf(object, "note"),
  };
}

/** Anything unknown decides, as in the kernel. */
function roleFrom(text: string): Role {
  return text === "content" || text === "egress" ? text : "critical";
}

export interface UnknownView {
  readonly request: string;
  readonly tool: string;
  readonly principal: string;
  readonly atMs: number;
  /** The exact call as canonical JSON, or null when its text was forgotten. */
  readonly args: string | null;
}

export function unknownOf(object: JsonObject, story: JsonObject): UnknownView {
  const intent = listOf(story, "entries").find((entry) => textOf(entry, "kind") === "intent");
  return {
    request: textOf(object, "request"),
    tool: textOf(object, "tool"),
    principal: textOf(object, "principal"),
    atMs: numberOf(object, "atMs"),
    args: intent === undefined ? null : maybeTextOf(intent, "text"),
  };
}

export interface UndoView {
  readonly request: string;
  readonly tool: string;
  /** Canonical JSON: the very bytes that are sent. */
  readonly args: string;
  readonly digest: string;
  /** Why it is not offered any more; empty while it is. */
  readonly gone: string;
}

export function undoOf(object: JsonObject): UndoView {
  return {
    request: textOf(object, "request"),
    tool: textOf(object, "tool"),
    args: textOf(object, "args"),
    digest: textOf(object, "digest"),
    gone: textOf(object, "gone"),
  };
}

export interface EntryView {
  readonly seq: number;
  readonly atMs: number;
  readonly kind: string;
  readonly principal: string;
  readonly subject: string;
  readonly request: string | null;
  readonly facts: JsonObject;
  readonly text: string | null;
}

export function entryOf(object: JsonObject): EntryView {
  const facts = object["facts"];
  return {
    seq: numberOf(object, "seq"),
    atMs: numberOf(object, "atMs"),
    kind: textOf(object, "kind"),
    principal: textOf(object, "principal"),
    subject: textOf(object, "subject"),
    request: maybeTextOf(object, "request"),
    facts: isObject(facts) ? facts : {},
    text: maybeTextOf(object, "text"),
  };
}

export interface MeterView {
  readonly questions: number;
  readonly sentence: string;
  readonly advice: string;
}

export function meterOf(object: JsonObject): MeterView {
  const [sentence, advice] = [textOf(object, "sentence"), textOf(object, "advice")];
  return { questions: numberOf(object, "questions"), sentence, advice };
}

/** Groups of two and more that may be answered with one word. */
export function groupsOf(questions: readonly QuestionView[]): readonly Together<QuestionView>[] {
  return together(questions).filter((group) => group.questions.length > 1);
}

export interface IdeaView {
  readonly key: string;
  readonly width: string;
  readonly sentence: string;
  readonly reason: string;
  readonly said: string;
  /** How many of those that it would have allowed the owner refused. */
  readonly refused: number;
  readonly yaml: string;
  readonly worst: readonly { readonly ended: string; readonly call: string }[];
}

export function ideaOf(object: JsonObject): IdeaView {
  const test = isObject(object["test"]) ? object["test"] : {};
  return {
    key: textOf(object, "key"),
    width: textOf(object, "width"),
    sentence: textOf(object, "sentence"),
    reason: textOf(object, "reason"),
    said: textOf(object, "said"),
    refused: numberOf(test, "refusedByOwner"),
    yaml: textOf(object, "yaml"),
    worst: listOf(test, "worst").map((one) => ({ ended: textOf(one, "ended"), call: textOf(one, "call") })),
  };
}

/** What every page of the owner's says at its head. */
export interface Head {
  readonly isStopped: boolean;
  readonly waiting: number;
  readonly pending: number;
}

export function headOf(status: JsonObject): Head {
  return {
    isStopped: status["stopped"] === true,
    waiting: numberOf(status, "questionsOpen") + numberOf(status, "unknown"),
    pending: numberOf(status, "pending"),
  };
}
