// The way back of the state to an older schema: the older tables, filled with what the newer state knows. Time does not
// go back: the ledger goes on, and nothing that was spent, answered or withdrawn since is open again.

import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { Fault } from "../kernel/index.ts";
import { guarded } from "./database.ts";
import { changed, discard, stateOfSchema, vacuumInto } from "./migrate.ts";
import { integerOf, textOf } from "./rows.ts";

export interface CarryBack {
  /** The newer state; it stays as it is. Nobody may write to it meanwhile. */
  readonly file: string;
  readonly schema: number;
  /** The state of the older schema is made here. */
  readonly into: string;
}

export interface CarriedBack {
  /** Rows, tables and columns that the older schema has no place for. */
  readonly lost: readonly { readonly what: string; readonly rows: number }[];
  /** Tables that changed too much to be filled from the newer state: they are as they were at the migration. */
  readonly stale: readonly string[];
}

/** The kill switch; see the door. */
const STOPPED = "door.stopped";

/** Faults: `store.no-older-state` where nothing was kept of that schema. */
export function carryBack({ file, schema, into }: CarryBack): CarriedBack {
  const older = stateOfSchema(file, schema);
  if (!existsSync(older)) {
    throw new Fault("store.no-older-state", {
      at: older,
      message: `nothing was kept of the state's schema ${schema}.`,
      next: "restore a backup of that time",
    });
  }
  return guarded(file, () => {
    discard(into);
    const kept = new DatabaseSync(older, { readOnly: true });
    try {
      vacuumInto(kept, into);
    } finally {
      kept.close();
    }
    let report: CarriedBack = { lost: [], stale: [] };
    changed(into, { newer: file, work: (database) => void (report = fill(database)) });
    return report;
  });
}

function fill(database: DatabaseSync): CarriedBack {
  const lost: { what: string; rows: number }[] = [];
  const stale: string[] = [];
  const tables = tablesOf(database, "main");
  for (const table of tables) {
    const [own, newer] = [columnsOf(database, "main", table), columnsOf(database, "newer", table)];
    if (own.some((column) => !newer.includes(column))) {
      stale.push(table);
      continue;
    }
    const list = own.map(quoted).join(", ");
    database.exec(`DELETE FROM main.${quoted(table)}`);
    database.exec(`INSERT INTO main.${quoted(table)} (${list}) SELECT ${list} FROM newer.${quoted(table)}`);
    for (const column of newer.filter((name) => !own.includes(name))) {
      const rows = countOf(database, `newer.${quoted(table)} WHERE ${quoted(column)} IS NOT NULL`);
      if (rows > 0) lost.push({ what: `${table}.${column}`, rows });
    }
  }
  for (const table of tablesOf(database, "newer").filter((name) => !tables.includes(name))) {
    const rows = countOf(database, `newer.${quoted(table)}`);
    if (rows > 0) lost.push({ what: table, rows });
  }
  if (stale.length > 0) stop(database, stale);
  return { lost, stale };
}

/** What is of before may open what was closed since: nothing passes until the owner has looked. */
function stop(database: DatabaseSync, stale: readonly string[]): void {
  const reason = `rolled back with older ${stale.join(", ")}`;
  database.prepare("INSERT OR REPLACE INTO settings VALUES (?, ?)").run(STOPPED, reason);
}

function tablesOf(database: DatabaseSync, schema: "main" | "newer"): readonly string[] {
  const own = "type = 'table' AND name NOT LIKE 'sqlite_%'";
  return database
    .prepare(`SELECT name FROM ${schema}.sqlite_schema WHERE ${own} ORDER BY rowid`)
    .all()
    .map((row) => textOf(row, "name"));
}

function columnsOf(database: DatabaseSync, schema: "main" | "newer", table: string): readonly string[] {
  const rows = database.prepare(`SELECT name FROM pragma_table_info(?, '${schema}')`).all(table);
  return rows.map((row) => textOf(row, "name"));
}

function countOf(database: DatabaseSync, from: string): number {
  return integerOf(database.prepare(`SELECT count(*) AS rows FROM ${from}`).get() ?? {}, "rows");
}

/** Names come from SQLite's own schema table of files that we made. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
