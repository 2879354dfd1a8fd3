// Reads ledger entries; writes none.

import { ENTRY_KINDS, type EntryKind, type LedgerEntry } from "../kernel/index.ts";
import type { Database } from "./database.ts";
import { integerOf, objectOf, textOf, textOrNull, wordOf, type Row } from "./rows.ts";

export interface EntryQuery {
  /** Only entries with a higher number; the answer then starts there. Without it the answer is the latest ones. */
  readonly after?: number;
  readonly before?: number;
  readonly limit: number;
  readonly request?: string;
  readonly kind?: EntryKind;
  /** Without an index: give a small span of numbers with it. */
  readonly subject?: string;
}

const ENTRIES_LIMIT_MAX = 10_000;

export function selectEntries(database: Database, query: EntryQuery): readonly LedgerEntry[] {
  const limit = Math.min(query.limit, ENTRIES_LIMIT_MAX);
  const wheres = ["seq > ?", "seq < ?"];
  const values: (string | number)[] = [query.after ?? 0, query.before ?? Number.MAX_SAFE_INTEGER];
  if (query.request !== undefined) {
    wheres.push("request = ?");
    values.push(query.request);
  }
  if (query.kind !== undefined) {
    // The second term is the index's own, without which SQLite would not use it.
    if (!["intent", "outcome"].includes(query.kind)) wheres.push("kind NOT IN ('intent', 'outcome')");
    wheres.push("kind = ?");
    values.push(query.kind);
  }
  if (query.subject !== undefined) {
    wheres.push("subject = ?");
    values.push(query.subject);
  }
  const order = query.after === undefined ? "DESC" : "ASC";
  const sql = `SELECT * FROM entries WHERE ${wheres.join(" AND ")} ORDER BY seq ${order} LIMIT ?`;
  const found = database.all(sql, ...values, limit).map(entryOf);
  return order === "DESC" ? found.toReversed() : found;
}

/** Intents from there on that nothing closed. A request may have several: a model's stand-in has one of its own. */
export function openIntents(database: Database, fromSeq: number): readonly LedgerEntry[] {
  const ends = "c.kind IN ('outcome', 'lost', 'unknown')";
  const closed = `SELECT 1 FROM entries c WHERE c.request = e.request AND c.seq > e.seq AND ${ends}`;
  const sql = `SELECT * FROM entries e WHERE seq >= ? AND +kind = 'intent' AND NOT EXISTS (${closed}) ORDER BY seq`;
  return database.all(sql, fromSeq).map((row) => entryOf(row));
}

export function entryOf(row: Row): LedgerEntry {
  return {
    seq: integerOf(row, "seq"),
    prev: textOf(row, "prev"),
    hash: textOf(row, "hash"),
    atMs: integerOf(row, "at_ms"),
    kind: wordOf(row, "kind", ENTRY_KINDS),
    session: textOrNull(row, "session"),
    principal: textOrNull(row, "principal"),
    subject: textOf(row, "subject"),
    request: textOrNull(row, "request"),
    facts: objectOf(row, "facts"),
    commitment: textOrNull(row, "commitment"),
  };
}
