// What became of an answered call, kept for the session that asked until it comes for it.

import { canonical, type JsonObject, type Label } from "../kernel/index.ts";
import type { Database } from "./database.ts";
import { labelFrom, labelText } from "./labels.ts";
import { objectOf, textOf } from "./rows.ts";

export interface AnswerRow {
  readonly question: string;
  readonly principal: string;
  readonly session: string;
  readonly answer: JsonObject;
  readonly label: Label;
}

export interface Answers {
  put(row: AnswerRow): void;
  get(question: string): AnswerRow | null;
}

export function answersOf(database: Database): Answers {
  return {
    put({ question, principal, session, answer, label }) {
      const values = [question, principal, session, canonical(answer), labelText(label)];
      database.transaction(() => database.run("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", ...values));
    },
    get(question) {
      const row = database.one("SELECT * FROM answers WHERE question = ?", question);
      if (row === null) return null;
      return {
        question,
        principal: textOf(row, "principal"),
        session: textOf(row, "session"),
        answer: objectOf(row, "answer"),
        label: labelFrom(row, "label"),
      };
    },
  };
}
