// What takes back an effect that ran: the exact call, kept from when its result came until it is used.

import { canonical, type JsonObject, type Label } from "../kernel/index.ts";
import type { Database } from "./database.ts";
import { labelFrom, labelText } from "./labels.ts";
import { integerOf, integerOrNull, objectOf, textOf, type Row } from "./rows.ts";

export interface UndoRow {
  /** The request that would be undone. */
  readonly request: string;
  /** The tool that ran. */
  readonly ran: string;
  /** The tool that takes it back, and with what. */
  readonly tool: string;
  readonly args: JsonObject;
  /** Of the result that the arguments come from. */
  readonly label: Label;
  readonly atMs: number;
  readonly usedAtMs: number | null;
}

export interface Undos {
  put(row: Omit<UndoRow, "atMs" | "usedAtMs">): void;
  get(request: string): UndoRow | null;
  /** Not used and not older; newest first. */
  offered(sinceMs: number): readonly UndoRow[];
  /** True once: it is offered once. */
  take(request: string): boolean;
  /** For one that was taken and of which nothing was sent. */
  giveBack(request: string): void;
}

const LIST_MAX = 50;

export function undosOf(database: Database, nowMs: () => number): Undos {
  const write = (sql: string, ...values: readonly (string | number)[]): number =>
    database.transaction(() => database.run(sql, ...values));
  return {
    put({ request, ran, tool, args, label }) {
      const sql = "INSERT INTO undos VALUES (?, ?, ?, ?, ?, ?, NULL) ON CONFLICT DO NOTHING";
      write(sql, request, ran, tool, canonical(args), labelText(label), nowMs());
    },
    get(request) {
      const row = database.one("SELECT * FROM undos WHERE request = ?", request);
      return row === null ? null : undoOf(row);
    },
    offered(sinceMs) {
      const sql = "SELECT * FROM undos WHERE used_at_ms IS NULL AND at_ms >= ? ORDER BY at_ms DESC LIMIT ?";
      return database.all(sql, sinceMs, LIST_MAX).map(undoOf);
    },
    take: (request) =>
      write("UPDATE undos SET used_at_ms = ? WHERE request = ? AND used_at_ms IS NULL", nowMs(), request) === 1,
    giveBack: (request) => void write("UPDATE undos SET used_at_ms = NULL WHERE request = ?", request),
  };
}

function undoOf(row: Row): UndoRow {
  return {
    request: textOf(row, "request"),
    ran: textOf(row, "ran"),
    tool: textOf(row, "tool"),
    args: objectOf(row, "args"),
    label: labelFrom(row, "label"),
    atMs: integerOf(row, "at_ms"),
    usedAtMs: integerOrNull(row, "used_at_ms"),
  };
}
