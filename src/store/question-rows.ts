// Questions as the database keeps them. questions.ts checks one against its digest before anything acts on it.

import { canonical, CLAUSES, isObject, QUESTION_STATES } from "../kernel/index.ts";
import type { Binding, ClauseAnswer, JsonObject, JsonValue, Question } from "../kernel/index.ts";
import { labelOf } from "./labels.ts";
import { damaged, integerOf, integerOrNull, objectOf, textOf, textOrNull, wordOf, type Row } from "./rows.ts";

export function bodyOf(question: Question): string {
  const clauses = question.clauses.map((each) => ({ ...each }));
  const binding = { ...question.binding, label: { ...question.binding.label } };
  return canonical({ ...question, clauses, binding });
}

export function questionOf(row: Row): Question {
  const body = objectOf(row, "body");
  const clauses = body["clauses"];
  if (!Array.isArray(clauses)) throw damaged("clauses");
  return {
    id: textOf(body, "id"),
    request: textOf(body, "request"),
    binding: bindingOf(fieldOf(body, "binding")),
    digest: textOf(body, "digest"),
    state: wordOf(body, "state", QUESTION_STATES),
    because: wordOf(body, "because", CLAUSES),
    clauses: clauses.map((each: JsonValue) => clauseOf(each)),
    sentence: textOf(body, "sentence"),
    askedAtMs: integerOf(body, "askedAtMs"),
    laterUntilMs: integerOrNull(body, "laterUntilMs"),
    answeredAtMs: integerOrNull(body, "answeredAtMs"),
    note: textOrNull(body, "note"),
  };
}

function bindingOf(from: JsonObject): Binding {
  return {
    session: textOf(from, "session"),
    principal: textOf(from, "principal"),
    tool: textOf(from, "tool"),
    args: textOf(from, "args"),
    pin: textOf(from, "pin"),
    policy: textOf(from, "policy"),
    label: labelOf(fieldOf(from, "label")),
    expiresAtMs: integerOf(from, "expiresAtMs"),
  };
}

function clauseOf(from: JsonValue): ClauseAnswer {
  if (!isObject(from)) throw damaged("clauses");
  const clause = wordOf(from, "clause", CLAUSES);
  const answer = wordOf(from, "answer", ["deny", "ask", "allow"]);
  const reason = textOf(from, "reason");
  return from["rule"] === undefined
    ? { clause, answer, reason }
    : { clause, answer, reason, rule: textOf(from, "rule") };
}

function fieldOf(from: JsonObject, name: string): JsonObject {
  const field = from[name];
  if (!isObject(field)) throw damaged(name);
  return field;
}
