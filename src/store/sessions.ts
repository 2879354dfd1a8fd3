// Sessions and the labels they have read. A saved label joins the stored one, so nothing here lowers it.

import { assert, join, type Label } from "../kernel/index.ts";
import type { Database } from "./database.ts";
import { labelFrom, labelText } from "./labels.ts";
import { integerOf, textOf } from "./rows.ts";

export interface SessionRow {
  readonly id: string;
  /** The principal's text form. */
  readonly principal: string;
  readonly label: Label;
  readonly createdAtMs: number;
  readonly lastAtMs: number;
}

export interface Sessions {
  get(id: string): SessionRow | null;
  /** A session never changes its principal. */
  save(row: SessionRow): void;
  /** Principals of whose conversations one has read what is secret. */
  withSecret(): readonly string[];
}

export function sessionsOf(database: Database): Sessions {
  function get(id: string): SessionRow | null {
    const row = database.one("SELECT * FROM sessions WHERE id = ?", id);
    if (row === null) return null;
    return {
      id,
      principal: textOf(row, "principal"),
      label: labelFrom(row, "label"),
      createdAtMs: integerOf(row, "created_at_ms"),
      lastAtMs: integerOf(row, "last_at_ms"),
    };
  }
  return {
    get,
    withSecret: () =>
      database
        .all("SELECT DISTINCT principal FROM sessions WHERE json_extract(label, '$.secret')")
        .map((row) => textOf(row, "principal")),
    save(row) {
      database.transaction(() => {
        const known = get(row.id);
        if (known === null) {
          const values = [row.id, row.principal, labelText(row.label), row.createdAtMs, row.lastAtMs];
          database.run("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", ...values);
          return;
        }
        assert(known.principal === row.principal, "a session changed its principal");
        const label = labelText(join(known.label, row.label));
        database.run("UPDATE sessions SET label = ?, last_at_ms = ? WHERE id = ?", label, row.lastAtMs, row.id);
      });
    },
  };
}
