// A newer schema is made on a copy, and the way back keeps the ledger and everything that closed a door.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { carryBack, goBackToOwnSchema, openStore, verifyLedger, type Store } from "./index.ts";
import { migrateOnCopy, schemaOf, stateOfSchema } from "./migrate.ts";
import { MIGRATIONS, SCHEMA_VERSION } from "./schema.ts";

const NEXT =
  "CREATE TABLE drafts (id INTEGER PRIMARY KEY, text TEXT) STRICT; ALTER TABLE clients ADD COLUMN seen INTEGER";
const NEWER = [...MIGRATIONS, NEXT];

function open(file: string): Store {
  return openStore({ file, sign: null, nowMs: () => 1_000, randomBytes });
}

function say(store: Store, subject: string): void {
  store.ledger.append({
    kind: "change",
    session: null,
    principal: "owner",
    subject,
    request: null,
    facts: {},
    text: `text of ${subject}`,
  });
}

/** A state of the present schema with something in it. */
function stateIn(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "freehold-migrate-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, "freehold.db");
  const store = open(file);
  say(store, "before");
  store.clients.put({ name: "one", tokenHash: "h1", createdAtMs: 1 });
  store.settings.set("door.stopped", "");
  store.close();
  return file;
}

function sql(file: string, text: string): readonly Record<string, unknown>[] {
  const database = new DatabaseSync(file);
  try {
    return database.prepare(text).all();
  } finally {
    database.close();
  }
}

test("a newer schema is made on a copy, and the older tables are kept without the ledger's texts", (t) => {
  const file = stateIn(t);
  migrateOnCopy({ file, migrations: NEWER });
  assert.equal(schemaOf(file), NEWER.length);
  assert.equal(sql(file, "SELECT * FROM entries").length, 1);
  const kept = stateOfSchema(file, SCHEMA_VERSION);
  assert.equal(schemaOf(kept), SCHEMA_VERSION);
  assert.deepEqual(
    sql(kept, "SELECT name FROM clients").map(({ name }) => name),
    ["one"],
  );
  assert.equal(readFileSync(kept).includes("text of before"), false);
  assert.equal(statSync(kept).mode & 0o777, 0o600);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.throws(() => open(file), { code: "store.newer-schema" });
});

test("a migration that fails leaves the state as it was, and the old Freehold starts on it", (t) => {
  const file = stateIn(t);
  const before = readFileSync(file);
  for (const bad of ["CREATE TABLE entries (x)", "INSERT INTO texts VALUES (99, 'a', 'b')", "nonsense"]) {
    assert.throws(
      () => migrateOnCopy({ file, migrations: [...MIGRATIONS, bad] }),
      { code: "store.migration-failed" },
      bad,
    );
    assert.deepEqual(readFileSync(file), before);
    assert.equal(existsSync(`${file}.next`), false);
  }
  open(file).close();
});

test("killed at every step of a migration: the state is of the old schema or the new one, and whole", async (t) => {
  const file = stateIn(t);
  const program = join(import.meta.dirname, "..", "..", "tests", "fixtures", "crash-migration.ts");
  const met = new Set<number>();
  for (let point = 1; point <= 5; point += 1) {
    const dir = mkdtempSync(join(tmpdir(), "freehold-migrate-"));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const copy = join(dir, "freehold.db");
    cpSync(file, copy);
    const ran = spawnSync(process.execPath, [program, copy, String(point), NEXT], { encoding: "utf8" });
    assert.equal(ran.signal, "SIGKILL", `point ${point}: ${ran.stderr}`);
    met.add(schemaOf(copy));
    assert.equal((await verifyLedger({ file: copy, publicKeyPem: null, anchors: [] })).kind, "good");
    migrateOnCopy({ file: copy, migrations: NEWER });
    assert.equal(schemaOf(copy), NEWER.length);
  }
  assert.deepEqual(met, new Set([SCHEMA_VERSION, NEWER.length]));
});

/** Migrated, and lived on: an entry more, a token revoked, a limit spent, a draft written. */
function livedOn(t: TestContext): string {
  const file = stateIn(t);
  migrateOnCopy({ file, migrations: NEWER });
  const database = new DatabaseSync(file);
  database.exec("DELETE FROM clients; INSERT INTO drafts (text) VALUES ('a'), ('b')");
  database.exec(
    "INSERT INTO accounts VALUES ('day', 70, 0); UPDATE settings SET value = 'halt' WHERE key = 'door.stopped'",
  );
  database.close();
  return file;
}

test("the way back keeps the ledger, what was spent, what was revoked and the kill switch", async (t) => {
  const file = livedOn(t);
  const into = `${file}.back`;
  const report = carryBack({ file, schema: SCHEMA_VERSION, into });
  assert.deepEqual(report, { lost: [{ what: "drafts", rows: 2 }], stale: [] });
  assert.equal(schemaOf(file), NEWER.length, "the newer state stays");
  const store = open(into);
  assert.equal(store.ledger.head().size, 1);
  assert.equal(store.ledger.text(1), "text of before");
  assert.deepEqual(store.clients.list(), []);
  assert.equal(store.settings.get("door.stopped"), "halt");
  say(store, "after");
  store.close();
  const verified = await verifyLedger({ file: into, publicKeyPem: null, anchors: [] });
  assert.deepEqual([verified.kind, verified.kind === "good" && verified.entries], ["good", 2]);
  assert.equal(sql(into, "SELECT spent FROM accounts WHERE account = 'day'")[0]?.["spent"], 70);
});

test("killed at every step of the way back: it is gone to its end at the next start", async (t) => {
  const file = livedOn(t);
  const program = join(import.meta.dirname, "..", "..", "tests", "fixtures", "crash-migration.ts");
  for (let point = 1; point <= 3; point += 1) {
    const dir = mkdtempSync(join(tmpdir(), "freehold-migrate-"));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const copy = join(dir, "freehold.db");
    for (const suffix of ["", `.v${SCHEMA_VERSION}`]) cpSync(`${file}${suffix}`, `${copy}${suffix}`);
    const ran = spawnSync(process.execPath, [program, copy, String(point), "back"], { encoding: "utf8" });
    assert.equal(ran.signal, "SIGKILL", `point ${point}: ${ran.stderr}`);
    assert.equal(schemaOf(copy), point < 3 ? NEWER.length : SCHEMA_VERSION);
    goBackToOwnSchema(copy);
    assert.equal(schemaOf(copy), SCHEMA_VERSION);
    const store = open(copy);
    assert.deepEqual([store.ledger.head().size, store.clients.list().length], [1, 0]);
    store.close();
    const [left] = readdirSync(join(dir, "left"));
    assert.equal(sql(join(dir, "left", left ?? ""), "SELECT * FROM drafts").length, 2, "the newer state is kept whole");
  }
});

test("a table that changed too much stays as it was, and everything is stopped until the owner has looked", (t) => {
  const file = stateIn(t);
  migrateOnCopy({ file, migrations: [...MIGRATIONS, "ALTER TABLE clients RENAME COLUMN token_hash TO secret_hash"] });
  const into = `${file}.back`;
  const report = carryBack({ file, schema: SCHEMA_VERSION, into });
  assert.deepEqual(report.stale, ["clients"]);
  const store = open(into);
  assert.equal(store.settings.get("door.stopped"), "rolled back with older clients");
  store.close();
});

test("without a kept state of the older schema there is no way back, and it is said", (t) => {
  const file = stateIn(t);
  assert.throws(() => carryBack({ file, schema: 2, into: `${file}.back` }), { code: "store.no-older-state" });
});
