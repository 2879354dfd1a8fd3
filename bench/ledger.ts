// The ledger as effects use it: appends that wait for the disk, a million entries verified, and named tampering.

import { randomBytes } from "node:crypto";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sha256 } from "../src/kernel/index.ts";
import { openSigner, type Signer } from "../src/secrets/index.ts";
import { openStore, verifyLedger, type NewEntry, type SignedHead, type Store } from "../src/store/index.ts";
import { median, quantile, round, type Bench, type BenchOptions } from "./lib.ts";

const CALLERS = 16;
const TAMPERED_ENTRIES = 3_000;
const ANCHORED_AT = 2_500;

export const run: Bench = async (options) => {
  const folder = mkdtempSync(join(tmpdir(), "freehold-bench-ledger-"));
  const signer = openSigner({ dir: folder });
  try {
    const appends = await groupCommit(join(folder, "appends.db"), signer, options);
    const million = await verifyMany(join(folder, "million.db"), signer, options);
    return { ...appends, ...million, ...(await tampering(folder, signer, options)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

function open(file: string, signer: Signer): Store {
  return openStore({ file, sign: signer.sign, nowMs: () => Date.now(), randomBytes });
}

/** As the door writes an effect's intent. */
function intent(n: number): NewEntry & { readonly request: string } {
  const text = `{"a":${n},"b":"a line that the owner allowed by a rule"}`;
  const digest = sha256(text);
  return {
    kind: "intent",
    session: "0123456789abcdef.5b0c3f5e-3a1f-4b57-9d0e-6f2f5a0d4c11",
    principal: "client:bench",
    subject: "notes.write_note",
    request: `r-a1b2c3d4e5f6-${n}`,
    facts: {
      args: digest,
      because: "C3",
      clauses: ["C3 allow: your rule notes: my notes"],
      decision: "allow",
      effect: true,
      label: { compartments: ["personal"], integrity: "third-party", secret: false },
      permit: digest,
      policy: digest,
      rule: "notes",
    },
    text,
  };
}

/** Sixteen callers, each of which spends a permit, writes its intent and waits until both are on disk. */
async function groupCommit(
  file: string,
  signer: Signer,
  { quick, note }: BenchOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const store = open(file, signer);
  const seconds = quick ? 0.5 : 3;
  const rounds = quick ? 1 : 5;
  let count = 0;
  const waits: number[] = [];
  const one = async (): Promise<void> => {
    const from = performance.now();
    count += 1;
    const entry = intent(count);
    store.transaction(() => {
      const { request } = entry;
      store.permits.spend({ request, server: "notes", method: "tools/call", digest: sha256(request) });
      store.ledger.append(entry);
    });
    await store.durable();
    waits.push(performance.now() - from);
  };
  const rates: number[] = [];
  for (let turn = 0; turn < rounds; turn += 1) {
    const [from, before] = [performance.now(), count];
    const lane = async (): Promise<void> => {
      while (performance.now() - from < seconds * 1_000) await one();
    };
    await Promise.all(Array.from({ length: CALLERS }, lane));
    rates.push(((count - before) * 1_000) / (performance.now() - from));
    note(`${round(rates.at(-1) ?? 0, 0)} durable appends/s`);
  }
  store.close();
  return {
    appendsPerSecond: round(median(rates), 0),
    appendsPerSecondMin: round(Math.min(...rates), 0),
    durableP50Ms: round(quantile(waits, 0.5)),
    durableP99Ms: round(quantile(waits, 0.99)),
    callers: CALLERS,
  };
}

function fill(store: Store, count: number): void {
  const { ledger } = store;
  store.transaction(() => {
    for (let n = 1; n <= count; n += 2) {
      const { kind, text, facts, ...rest } = intent(n);
      ledger.append({ ...rest, kind, facts, ...(text === undefined ? {} : { text }) });
      ledger.append({ ...rest, kind: "outcome", facts: { label: facts["label"] ?? null, reply: "result" } });
    }
  });
}

async function verifyMany(
  file: string,
  signer: Signer,
  { quick, note }: BenchOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const [entries, each, rounds] = quick ? [20_000, 10_000, 1] : [1_000_000, 100_000, 3];
  note(`writing ${entries} entries`);
  const store = open(file, signer);
  const from = performance.now();
  for (let done = 0; done < entries; done += each) fill(store, each);
  const writeSeconds = (performance.now() - from) / 1_000;
  const signed = store.ledger.signHead();
  store.close();
  const anchors = signed === null ? [] : [signed];
  const times: number[] = [];
  for (let turn = 0; turn < rounds; turn += 1) {
    const start = performance.now();
    const report = await verifyLedger({ file, publicKeyPem: signer.publicKeyPem, anchors });
    if (report.kind !== "good" || report.entries !== entries) throw new Error(JSON.stringify(report));
    times.push(((performance.now() - start) / 1_000) * (1_000_000 / entries));
    note(`verified in ${round(times.at(-1) ?? 0, 1)} s per million`);
  }
  return {
    verifyMillionSeconds: round(median(times), 2),
    verifyMillionSecondsMax: round(Math.max(...times), 2),
    verifiedEntries: entries,
    writeMillionSeconds: round(writeSeconds * (1_000_000 / entries), 2),
  };
}

interface Tampering {
  readonly name: string;
  readonly sql: readonly string[];
  /** The entry that must be named first. */
  readonly seq: number;
}

const MOVE = "UPDATE entries SET seq = seq + 1000000 WHERE seq IN (1200, 1201)";
/** 1001200 becomes 1201, and 1001201 becomes 1200. */
const SWAP = "UPDATE entries SET seq = 1002401 - seq WHERE seq > 1000000";
const TAMPERINGS: readonly Tampering[] = [
  {
    name: "flipped",
    sql: ["UPDATE entries SET facts = replace(facts, 'allow', 'denied') WHERE seq = 1201"],
    seq: 1201,
  },
  { name: "dropped", sql: ["DELETE FROM entries WHERE seq = 1200"], seq: 1200 },
  { name: "reordered", sql: [MOVE, SWAP], seq: 1200 },
  {
    name: "cut",
    sql: [`DELETE FROM entries WHERE seq > 2400`, `DELETE FROM heads WHERE size > 2400`],
    seq: 2401,
  },
];

async function tampering(
  folder: string,
  signer: Signer,
  { note }: BenchOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const whole = join(folder, "whole.db");
  const store = open(whole, signer);
  fill(store, ANCHORED_AT);
  const anchor = store.ledger.signHead();
  fill(store, TAMPERED_ENTRIES - ANCHORED_AT);
  store.close();
  const anchors: readonly SignedHead[] = anchor === null ? [] : [anchor];
  const named: Record<string, boolean> = {};
  for (const { name, sql, seq } of TAMPERINGS) {
    const file = join(folder, `${name}.db`);
    copyFileSync(whole, file);
    const database = new DatabaseSync(file, { enableForeignKeyConstraints: false });
    for (const each of sql) database.exec(each);
    database.close();
    const report = await verifyLedger({ file, publicKeyPem: signer.publicKeyPem, anchors });
    named[name] = report.kind === "bad" && report.seq === seq;
    note(`${name}: ${report.kind === "bad" ? `entry ${report.seq} ${report.reason}` : "not seen"}`);
  }
  return { tamperNamed: Object.values(named).every(Boolean), tampered: named };
}
