// The ledger: what it records it can prove, and verification names the first entry that is not what was recorded.

import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { Fault, type EntryKind, type LedgerEntry } from "../kernel/index.ts";
import { openStore, verifyLedger, type NewEntry, type SignedHead, type Store, type VerifyReport } from "./index.ts";

const NOW = 1_800_000_000_000;
const keys = generateKeyPairSync("ed25519");
const publicKeyPem = keys.publicKey.export({ type: "spki", format: "pem" }).toString();
const signText = (text: string): string => sign(null, Buffer.from(text), keys.privateKey).toString("hex");

function entry(kind: EntryKind, request: string | null, more: Partial<NewEntry> = {}): NewEntry {
  return { kind, session: "s1", principal: "agent", subject: "files.read", request, facts: { b: 1, a: [2] }, ...more };
}

interface Place {
  readonly file: string;
  open(isSigned?: boolean): Store;
  verify(anchors?: readonly SignedHead[], key?: string | null): Promise<VerifyReport>;
  /** Changes the file behind the ledger's back. */
  tamper(sql: string): void;
}

function place(t: TestContext): Place {
  const folder = mkdtempSync(join(tmpdir(), "freehold-ledger-"));
  const file = join(folder, "freehold.db");
  const stores: Store[] = [];
  t.after(() => {
    for (const store of stores) {
      try {
        store.close();
      } catch (error) {
        if (!(error instanceof Fault)) throw error; // A tampered file may refuse its last head.
      }
    }
    rmSync(folder, { recursive: true });
  });
  return {
    file,
    open(isSigned = true) {
      const store = openStore({ file, sign: isSigned ? signText : null, nowMs: () => NOW, randomBytes });
      stores.push(store);
      return store;
    },
    verify: (anchors = [], key = publicKeyPem) => verifyLedger({ file, publicKeyPem: key, anchors }),
    tamper(sql) {
      const database = new DatabaseSync(file);
      database.exec("PRAGMA foreign_keys = OFF");
      database.exec(sql);
      database.close();
    },
  };
}

function fill(store: Store, count: number): readonly LedgerEntry[] {
  return store.transaction(() =>
    Array.from({ length: count }, (_, at) => store.ledger.append(entry("session", null, { text: `text ${at + 1}` }))),
  );
}

test("entries are numbered, chained, and come back as they were appended", (t) => {
  const { ledger } = place(t).open();
  const first = ledger.append(entry("intent", "r1"));
  const second = ledger.append(entry("outcome", "r1"));
  assert.deepEqual([first.seq, second.seq, second.prev], [1, 2, first.hash]);
  assert.deepEqual(ledger.entries({ limit: 10 }), [
    { ...first, facts: { a: [2], b: 1 } },
    { ...second, facts: { a: [2], b: 1 } },
  ]);
});

test("entries are found by request, kind and place; without a start the latest come", (t) => {
  const { ledger } = place(t).open();
  for (let at = 1; at <= 9; at += 1) ledger.append(entry(at % 3 === 0 ? "denied" : "session", `r${at % 2}`));
  const seqs = (query: Parameters<typeof ledger.entries>[0]): readonly number[] =>
    ledger.entries(query).map(({ seq }) => seq);
  assert.deepEqual(seqs({ limit: 3 }), [7, 8, 9]);
  assert.deepEqual(seqs({ limit: 3, before: 7 }), [4, 5, 6]);
  assert.deepEqual(seqs({ limit: 3, after: 2 }), [3, 4, 5]);
  assert.deepEqual(seqs({ limit: 9, kind: "denied" }), [3, 6, 9]);
  assert.deepEqual(seqs({ limit: 9, kind: "denied", request: "r1" }), [3, 9]);
  assert.deepEqual(seqs({ limit: 0 }), []);
});

test("the second intent of one request is unfinished though the first has its outcome", (t) => {
  const here = place(t);
  const store = here.open();
  for (const kind of ["intent", "outcome", "intent"] as const) store.ledger.append(entry(kind, "a"));
  const unfinished = (): readonly number[] => store.ledger.unfinished().map(({ seq }) => seq);
  assert.deepEqual(unfinished(), [3]);
  store.ledger.append(entry("lost", "a"));
  assert.deepEqual(unfinished(), []);
});

test("an intent is unfinished until its outcome, loss or unknown end is recorded", (t) => {
  const here = place(t);
  const store = here.open();
  for (const request of ["a", "b", "c", "d"]) store.ledger.append(entry("intent", request));
  store.ledger.append(entry("outcome", "a"));
  store.ledger.append(entry("lost", "b"));
  store.ledger.append(entry("unknown", "c"));
  assert.deepEqual(
    here
      .open()
      .ledger.unfinished()
      .map(({ request }) => request),
    ["d"],
  );
});

test("a rule's uses are counted from the intents it allowed", (t) => {
  const { ledger } = place(t).open();
  ledger.append(entry("intent", "a", { facts: { rule: "weekly" } }));
  ledger.append(entry("denied", "b", { facts: { rule: "weekly" } }));
  ledger.append(entry("intent", "c", { facts: { rule: "other" } }));
  assert.equal(ledger.usesOf("weekly", NOW), 1);
  assert.equal(ledger.usesOf("weekly", NOW + 1), 0);
  assert.equal(ledger.usesOf("none", 0), 0);
});

test("listeners hear each committed entry once and in order, and none that was undone", async (t) => {
  const store = place(t).open();
  const heard: number[] = [];
  const stop = store.ledger.onAppend(({ seq }) => heard.push(seq));
  fill(store, 2);
  assert.throws(() =>
    store.transaction(() => {
      store.ledger.append(entry("session", null));
      throw new Error("no");
    }),
  );
  fill(store, 1);
  await Promise.resolve();
  assert.deepEqual(heard, [1, 2, 3]);
  stop();
  fill(store, 1);
  await Promise.resolve();
  assert.equal(heard.length, 3);
});

test("a forgotten text is gone from the disk, recorded, and the ledger still verifies", async (t) => {
  const here = place(t);
  const { ledger } = here.open();
  ledger.append(entry("session", null, { text: "a very private sentence" }));
  ledger.append(entry("session", null, { text: "another one" }));
  assert.equal(ledger.text(1), "a very private sentence");
  ledger.forget(1);
  ledger.forget(1);
  assert.equal(ledger.text(1), null);
  assert.equal(ledger.text(2), "another one");
  assert.deepEqual(
    ledger.entries({ limit: 9, kind: "forget" }).map(({ facts }) => facts),
    [{ seq: 1 }],
  );
  for (const file of [here.file, `${here.file}-wal`]) {
    assert.equal(readFileSync(file).includes("private sentence"), false, file);
  }
  assert.equal((await here.verify()).kind, "good");
});

test("a text over 8 MiB stops the run", (t) => {
  const { ledger } = place(t).open();
  assert.throws(() => ledger.append(entry("session", null, { text: "x".repeat(8 * 1024 * 1024 + 1) })), /Bug/);
  assert.equal(ledger.head().size, 0);
});

test("heads are signed each thousand entries and at closing, and opening goes on from the last", async (t) => {
  const here = place(t);
  const store = here.open();
  assert.equal(store.ledger.signHead(), null);
  fill(store, 2_500);
  const before = store.ledger.head();
  // Left open, as a crash leaves it: 500 entries stand after the last stored head.
  assert.deepEqual(here.open().ledger.head(), before);
  store.close();
  const report = await here.verify();
  assert.deepEqual(report, { kind: "good", entries: 2_500, signedHeads: 3, head: before });
});

test("a store without a signer keeps unsigned heads, and still verifies", async (t) => {
  const here = place(t);
  const store = here.open(false);
  fill(store, 5);
  assert.equal(store.ledger.signHead(), null);
  store.close();
  const report = await here.verify();
  assert.ok(report.kind === "good" && report.signedHeads === 0);
});

const plants: readonly (readonly [claim: string, sql: string, seq: number, reason: RegExp])[] = [
  ["a flipped fact", 'UPDATE entries SET facts = \'{"a":[3],"b":1}\' WHERE seq = 7', 7, /was changed/],
  [
    "a fact with two readings",
    'UPDATE entries SET facts = \'{"b":9,"a":[2],"b":1}\' WHERE seq = 7',
    7,
    /cannot be read/,
  ],
  ["facts in another spelling", 'UPDATE entries SET facts = \'{"b":1,"a":[2]}\' WHERE seq = 7', 7, /not canonical/],
  ["a changed time", "UPDATE entries SET at_ms = at_ms + 1 WHERE seq = 7", 7, /was changed/],
  ["an unknown kind", "UPDATE entries SET kind = 'owned' WHERE seq = 7", 7, /cannot be read/],
  ["a dropped entry", "DELETE FROM texts WHERE seq = 7; DELETE FROM entries WHERE seq = 7", 7, /expected entry 7/],
  [
    "two entries that changed places",
    "UPDATE entries SET seq = -15 + seq WHERE seq IN (7, 8); UPDATE entries SET seq = -seq WHERE seq < 0",
    7,
    /does not follow/,
  ],
  ["a changed text", "UPDATE texts SET text = 'lie' WHERE seq = 7", 7, /text was changed/],
  ["a text without its record of forgetting", "UPDATE texts SET text = NULL, salt = NULL WHERE seq = 7", 7, /emptied/],
  ["a removed text", "DELETE FROM texts WHERE seq = 7", 7, /emptied/],
  ["a cut before a signed head", "DELETE FROM texts WHERE seq > 18; DELETE FROM entries WHERE seq > 18", 19, /was cut/],
  ["a forged signature", "UPDATE heads SET signature = replace(signature, 'a', 'b')", 20, /signature/],
  ["a head of another history", "UPDATE heads SET root = chain, signature = NULL", 1, /entries 1 to 20/],
];

for (const [claim, sql, seq, reason] of plants) {
  test(`verification names ${claim}`, async (t) => {
    const here = place(t);
    const store = here.open();
    fill(store, 20);
    store.close();
    here.tamper(sql);
    const report = await here.verify();
    assert.ok(report.kind === "bad", JSON.stringify(report));
    assert.equal(report.seq, seq);
    assert.match(report.reason, reason);
  });
}

test("a cut before the last anchored head is named; a cut after it can not be seen", async (t) => {
  const here = place(t);
  const store = here.open();
  fill(store, 10);
  const anchor = store.ledger.signHead();
  assert.ok(anchor !== null);
  fill(store, 10);
  store.close();
  here.tamper(
    "DELETE FROM texts WHERE seq > 15; DELETE FROM entries WHERE seq > 15; DELETE FROM heads WHERE size > 15",
  );
  assert.equal((await here.verify([anchor])).kind, "good");
  here.tamper("DELETE FROM texts WHERE seq > 8; DELETE FROM entries WHERE seq > 8; DELETE FROM heads");
  assert.equal((await here.verify()).kind, "good");
  const report = await here.verify([anchor]);
  assert.deepEqual(report, { kind: "bad", seq: 9, reason: "was cut: the anchored head counts 10 entries, 8 are here" });
});

test("a history written anew from some entry on does not pass the anchored head", async (t) => {
  const [here, forged] = [place(t), place(t)];
  const store = here.open();
  fill(store, 10);
  const first = store.ledger.signHead();
  fill(store, 10);
  const second = store.ledger.signHead();
  assert.ok(first !== null && second !== null);
  const other = forged.open(false);
  fill(other, 20);
  other.close();
  const report = await forged.verify([first, second]);
  assert.ok(report.kind === "bad");
  assert.equal(report.seq, 1);
  const impostor = { ...first, signature: "00".repeat(64) };
  const wrong = await here.verify([impostor, second]);
  assert.ok(wrong.kind === "bad" && wrong.seq === 10 && /signature/.test(wrong.reason));
});

test("a ledger that was cut under its last head does not open", (t) => {
  const here = place(t);
  const store = here.open();
  fill(store, 20);
  store.close();
  here.tamper("DELETE FROM texts WHERE seq > 15; DELETE FROM entries WHERE seq > 15");
  assert.throws(
    () => here.open(),
    (error: unknown) => error instanceof Fault && error.code === "store.ledger-broken",
  );
});

test("verifying gives its progress and runs beside a writer", async (t) => {
  const here = place(t);
  const store = here.open();
  fill(store, 2_200);
  const progress: number[] = [];
  const report = await verifyLedger({
    file: here.file,
    publicKeyPem,
    anchors: [],
    onProgress(entries) {
      progress.push(entries);
      store.ledger.append(entry("session", null));
    },
  });
  assert.deepEqual(progress, [1_000, 2_000]);
  assert.ok(report.kind === "good" && report.entries >= 2_200);
});
