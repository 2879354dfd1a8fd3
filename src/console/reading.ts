// What operations answer, as the pages need it. The one place that turns JSON objects into typed views.

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
  /** Canonical JSON: the very bytes that a yes sends. */
  readonly args: string;
  readonly roles: ReadonlyMap<string, Role>;
  readonly clauses: readonly ClauseView[];
  readonly because: string;
  readonly digest: string;
  readonly askedAtMs: number;
  readonly expiresAtMs: number;
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
