// What was said in a conversation, in the order it came; only ever added to. Whose data it is says its session's label.

import { canonical, type JsonObject } from "../kernel/index.ts";
import type { Database } from "./database.ts";
import { integerOf, objectOf, textOf, type Row } from "./rows.ts";

export interface TurnRow {
  readonly session: string;
  readonly seq: number;
  readonly atMs: number;
  readonly body: JsonObject;
}

export interface Turns {
  /** Committed when it returns. */
  append(session: string, body: JsonObject): void;
  /** The first turn and the last ones of a conversation, in order. */
  read(session: string, limit: number): readonly TurnRow[];
  /** The first turn of each conversation, the one that was last spoken in first. */
  openings(limit: number): readonly (TurnRow & { readonly lastAtMs: number })[];
}

export function turnsOf(database: Database, nowMs: () => number): Turns {
  return {
    append(session, body) {
      const sql = `INSERT INTO turns (session, seq, at_ms, body)
        SELECT ?, coalesce(max(seq), 0) + 1, ?, ? FROM turns WHERE session = ?`;
      database.transaction(() => database.run(sql, session, nowMs(), canonical(body), session));
    },
    read(session, limit) {
      const sql = "SELECT * FROM turns WHERE session = ? AND seq > 1 ORDER BY seq DESC LIMIT ?";
      const first = database.all("SELECT * FROM turns WHERE session = ? AND seq = 1", session);
      return [...first, ...database.all(sql, session, limit).toReversed()].map(turnOf);
    },
    openings(limit) {
      const sql = `SELECT one.*, (SELECT max(at_ms) FROM turns WHERE session = one.session) AS last_at_ms
        FROM turns AS one WHERE one.seq = 1 ORDER BY last_at_ms DESC, one.session LIMIT ?`;
      return database.all(sql, limit).map((row) => ({ ...turnOf(row), lastAtMs: integerOf(row, "last_at_ms") }));
    },
  };
}

function turnOf(row: Row): TurnRow {
  return {
    session: textOf(row, "session"),
    seq: integerOf(row, "seq"),
    atMs: integerOf(row, "at_ms"),
    body: objectOf(row, "body"),
  };
}
