// Results that are kept from a conversation and only named to it.

import { canonical, type JsonObject, type Label } from "../kernel/index.ts";
import type { Database } from "./database.ts";
import { labelFrom, labelText } from "./labels.ts";
import { integerOf, objectOf, textOf } from "./rows.ts";

export interface HandleRow {
  /** `q:17` */
  readonly id: string;
  readonly session: string;
  readonly result: JsonObject;
  readonly label: Label;
  /** How often something was taken out of it. */
  readonly taken: number;
}

export interface Handles {
  put(kept: Pick<HandleRow, "session" | "result" | "label">): string;
  get(id: string): HandleRow | null;
  /** Counts one more taking and answers the new count. */
  take(id: string): number;
}

export function handlesOf(database: Database): Handles {
  const numberOf = (id: string): number => (/^q:\d{1,15}$/.test(id) ? Number(id.slice(2)) : 0);
  return {
    put({ session, result, label }) {
      const sql = "INSERT INTO handles (session, result, label, taken) VALUES (?, ?, ?, 0)";
      return database.transaction(() => {
        database.run(sql, session, canonical(result), labelText(label));
        const row = database.one("SELECT max(id) AS id FROM handles");
        return `q:${row === null ? 0 : integerOf(row, "id")}`;
      });
    },
    get(id) {
      const row = database.one("SELECT * FROM handles WHERE id = ?", numberOf(id));
      if (row === null) return null;
      return {
        id,
        session: textOf(row, "session"),
        result: objectOf(row, "result"),
        label: labelFrom(row, "label"),
        taken: integerOf(row, "taken"),
      };
    },
    take(id) {
      return database.transaction(() => {
        database.run("UPDATE handles SET taken = taken + 1 WHERE id = ?", numberOf(id));
        const row = database.one("SELECT taken FROM handles WHERE id = ?", numberOf(id));
        return row === null ? 0 : integerOf(row, "taken");
      });
    },
  };
}
