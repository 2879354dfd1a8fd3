// One SQLite file: opening, migrations, cached statements, transactions, and SQLite's errors as faults.

import { accessSync, closeSync, constants, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { assert, Fault, reasonOf } from "../kernel/index.ts";
import { integerOf, type Row } from "./rows.ts";
import { MIGRATIONS } from "./schema.ts";
import { sharedTransactions } from "./shared.ts";

/** Keeps state in memory beside the file: told when a transaction begins and how it ended. */
export interface Participant {
  begin(): void;
  committed(): void;
  rolledBack(): void;
}

export interface Database {
  /** Answers the number of changed rows. */
  run(sql: string, ...values: readonly SQLInputValue[]): number;
  one(sql: string, ...values: readonly SQLInputValue[]): Row | null;
  all(sql: string, ...values: readonly SQLInputValue[]): readonly Row[];
  /** BEGIN IMMEDIATE; a nested call joins the outer one, and its failure undoes the whole even when it is caught. */
  readonly transaction: <T>(work: () => T) => T;
  /** See `Store.together`. */
  readonly together: <T>(work: () => T) => Promise<T>;
  join(participant: Participant): void;
  /** Transactions committed since opening. */
  readonly commits: () => number;
  /** Moves everything into the main file and empties the write-ahead log; not inside a transaction. */
  checkpoint(): void;
  close(): void;
}

const BUSY_TIMEOUT_MS = 2_000;
/** 16 MB: fewer, larger checkpoints, because each one waits for the disk. */
const CHECKPOINT_PAGES = 4_000;

export function openDatabase(file: string): Database {
  const sqlite = guarded(file, () => {
    createPrivately(file);
    return new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true, defensive: true });
  });
  try {
    guarded(file, () => prepareFile(sqlite, file));
  } catch (error) {
    sqlite.close();
    throw error;
  }
  return databaseOver(sqlite, file);
}

/** The log and index files that SQLite adds take the mode of this one. */
function createPrivately(file: string): void {
  try {
    // Never opened again by us: closing any other descriptor of the file would drop SQLite's locks on it.
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    const isThere = error instanceof Error && "code" in error && error.code === "EEXIST";
    if (!isThere) throw error;
  }
}

function prepareFile(sqlite: DatabaseSync, file: string): void {
  sqlite.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA secure_delete = ON;
    PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
    PRAGMA trusted_schema = OFF;
  `);
  sqlite.exec("BEGIN IMMEDIATE");
  const version = integerOf(sqlite.prepare("PRAGMA user_version").get() ?? {}, "user_version");
  if (version > MIGRATIONS.length) {
    throw new Fault("store.newer-schema", {
      at: file,
      message: `the state was written by a newer Freehold (schema ${version}; this one knows ${MIGRATIONS.length}).`,
      next: "update Freehold, or restore the generation that wrote it",
    });
  }
  for (const migration of MIGRATIONS.slice(version)) sqlite.exec(migration);
  if (version < MIGRATIONS.length) sqlite.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  sqlite.exec("COMMIT");
}

function databaseOver(sqlite: DatabaseSync, file: string): Database {
  const statements = new Map<string, StatementSync>();
  const participants: Participant[] = [];
  let isInside = false;
  let failures: unknown[] = [];
  let commits = 0;

  /** The texts are literals of this room, so the cache is bounded by its source. */
  function prepared(sql: string): StatementSync {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = sqlite.prepare(sql);
    statements.set(sql, statement);
    return statement;
  }

  function outermost<T>(work: () => T): T {
    prepared("BEGIN IMMEDIATE").run();
    isInside = true;
    failures = [];
    for (const each of participants) each.begin();
    let value: T;
    try {
      value = work();
      assert(!(value instanceof Promise), "a transaction's work is asynchronous");
      if (failures.length > 0) throw failures[0];
      prepared("COMMIT").run();
    } catch (error) {
      isInside = false;
      // SQLite has already rolled back by itself after some errors, a full disk among them.
      if (sqlite.isTransaction) prepared("ROLLBACK").run();
      for (const each of participants) each.rolledBack();
      throw error;
    }
    isInside = false;
    commits += 1;
    for (const each of participants) each.committed();
    return value;
  }

  function transaction<T>(work: () => T): T {
    return isInside ? joinOuter(work, failures) : guarded(file, () => outermost(work));
  }

  const shared = sharedTransactions(transaction);
  return {
    run: (sql, ...values) => guarded(file, () => Number(prepared(sql).run(...values).changes)),
    one: (sql, ...values) => guarded(file, () => prepared(sql).get(...values) ?? null),
    all: (sql, ...values) => guarded(file, () => prepared(sql).all(...values)),
    transaction,
    together: shared.together,
    join: (participant) => void participants.push(participant),
    commits: () => commits,
    checkpoint() {
      assert(!isInside, "checkpoint inside a transaction");
      guarded(file, () => void prepared("PRAGMA wal_checkpoint(TRUNCATE)").get());
    },
    close() {
      shared.flush();
      statements.clear();
      sqlite.close();
    },
  };
}

/** A failure inside is remembered, so that the outer transaction fails too, even when it was caught. */
function joinOuter<T>(work: () => T, failures: unknown[]): T {
  try {
    return work();
  } catch (error) {
    failures.push(error);
    throw error;
  }
}

/** Runs work and turns SQLite's own errors into faults; every other error passes as it is. */
export function guarded<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw faultFrom(error, file) ?? error;
  }
}

const SQLITE_FULL = 13;
const SQLITE_READONLY = 8;
const SQLITE_CANTOPEN = 14;
const SQLITE_BUSY = 5;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** Null for what is not SQLite's or the disk's. */
export function faultFrom(error: unknown, file: string): Fault | null {
  if (!(error instanceof Error) || !("code" in error)) return null;
  const fault = (code: string, message: string, next: string): Fault =>
    new Fault(code, { at: file, message, next, cause: error });
  const readOnly = (): Fault =>
    fault(
      "store.read-only",
      "the state cannot be written.",
      "make its folder writable for the user that runs Freehold",
    );
  if (error.code === "EROFS" || error.code === "EACCES" || error.code === "EPERM") return readOnly();
  if (error.code === "ENOSPC") return fault("store.full", "the disk is full; nothing was recorded.", "free some space");
  if (error.code === "ENOENT") return fault("store.cannot-open", "the state's folder is missing.", "freehold init");
  if (error.code !== "ERR_SQLITE_ERROR" || !("errcode" in error) || typeof error.errcode !== "number") return null;
  const why = reasonOf(error);
  switch (error.errcode & 0xff) {
    case SQLITE_FULL:
      return fault("store.full", "the disk is full; nothing was recorded.", "free some space");
    case SQLITE_READONLY:
      return readOnly();
    case SQLITE_CANTOPEN:
      if (!isWritable(dirname(file))) return readOnly();
      return fault("store.cannot-open", `the state cannot be opened: ${why}.`, "check the folder's owner and mode");
    case SQLITE_BUSY:
      return fault("store.busy", "another program holds the state.", "stop the other program, then try again");
    case SQLITE_IOERR:
      return fault("store.disk", `the disk failed: ${why}.`, "check the disk");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fault("store.damaged", `the state is damaged: ${why}.`, "restore the last backup");
    default:
      return null;
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    // Any reason will do: the question is only whether files can be made there.
    return false;
  }
}
