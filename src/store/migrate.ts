// A newer schema is made on a copy of the state, which takes the state's place by one rename once it is found whole.
// Until then the old state stands as it was. What the older Freehold needs to go back stays beside it.

import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Fault, reasonOf } from "../kernel/index.ts";
import { faultFrom } from "./database.ts";
import { integerOf } from "./rows.ts";

/** Kept of a state that was migrated: its tables as they were, without the ledger, which the newer state has whole. */
export function stateOfSchema(file: string, schema: number): string {
  return `${file}.v${schema}`;
}

const NO_LEDGER = "DELETE FROM texts; DELETE FROM entries; DELETE FROM heads";

export interface Migration {
  readonly file: string;
  readonly migrations: readonly string[];
  /** Hears after every step on disk. */
  readonly onStep?: (step: string) => void;
}

/** Does nothing for a new file or one of the present schema. Faults: `store.migration-failed` and those of the disk. */
export function migrateOnCopy({ file, migrations, onStep = () => undefined }: Migration): void {
  const from = schemaOf(file);
  if (from === 0 || from >= migrations.length) return;
  const [next, older] = [`${file}.next`, `${stateOfSchema(file, from)}.new`];
  try {
    for (const path of [next, older]) discard(path);
    copyOut(file, [next, older]);
    onStep("copied the state");
    const migrate = (copy: DatabaseSync): void => {
      for (const migration of migrations.slice(from)) copy.exec(migration);
      copy.exec(`PRAGMA user_version = ${migrations.length}`);
    };
    changed(next, { work: migrate });
    onStep("migrated the copy");
    // Texts that are forgotten later must not live on here.
    changed(older, { work: (copy) => copy.exec(NO_LEDGER), after: "VACUUM" });
    onStep("kept the older schema");
    putInPlace(older, stateOfSchema(file, from));
    onStep("named the older schema");
    putInPlace(next, file);
    onStep("put the migrated state in place");
  } catch (error) {
    for (const path of [next, older]) discard(path);
    throw faultFrom(error, file) ?? failed(file, error);
  }
}

/** 0 for a file that is not there or was never written. */
export function schemaOf(file: string): number {
  if (!existsSync(file) || statSync(file).size === 0) return 0;
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return integerOf(database.prepare("PRAGMA user_version").get() ?? {}, "user_version");
  } catch (error) {
    throw faultFrom(error, file) ?? error;
  } finally {
    database.close();
  }
}

/** Whole copies, and an empty log: its pages must never be read into another file. */
function copyOut(file: string, targets: readonly string[]): void {
  const database = new DatabaseSync(file, { timeout: 2_000 });
  try {
    for (const target of targets) vacuumInto(database, target);
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } finally {
    database.close();
  }
}

export function vacuumInto(database: DatabaseSync, target: string): void {
  closeSync(openSync(target, "wx", 0o600));
  database.prepare("VACUUM INTO ?").run(target);
}

interface Change {
  readonly work: (database: DatabaseSync) => void;
  /** Outside of the transaction. */
  readonly after?: string;
  /** Another file, readable as `newer`. */
  readonly newer?: string;
}

/** One transaction, then a look at every page. */
export function changed(file: string, { work, after = "", newer }: Change): void {
  const database = new DatabaseSync(file, { enableForeignKeyConstraints: false });
  try {
    if (newer !== undefined) database.prepare("ATTACH ? AS newer").run(newer);
    database.exec("PRAGMA main.secure_delete = ON; BEGIN IMMEDIATE");
    work(database);
    database.exec("COMMIT");
    if (newer !== undefined) database.exec("DETACH newer");
    database.exec(after);
    const sound = database.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
    const dangling = database.prepare("PRAGMA foreign_key_check").get();
    if (sound !== "ok" || dangling !== undefined) throw new Error(`the copy is not whole (${String(sound)})`);
  } finally {
    database.close();
  }
}

export function putInPlace(from: string, to: string): void {
  sync(from);
  for (const suffix of ["-wal", "-shm"]) rmSync(`${to}${suffix}`, { force: true });
  renameSync(from, to);
  sync(dirname(to));
}

export function discard(path: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(`${path}${suffix}`, { force: true });
}

function sync(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function failed(file: string, error: unknown): Fault {
  if (error instanceof Fault) return error;
  return new Fault("store.migration-failed", {
    at: file,
    message: `the state cannot be brought to this Freehold's schema: ${reasonOf(error)}. It was left as it was.`,
    next: "go on with the Freehold that wrote it, and report this",
    cause: error,
  });
}
