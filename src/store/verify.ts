// Verifies a ledger offline: chain, texts against their commitments, signed heads, and heads anchored elsewhere.

import { verify as verifySignature } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import {
  canonical,
  checkEntry,
  commit,
  EMPTY_TREE,
  Fault,
  GENESIS,
  grow,
  headText,
  treeRoot,
  type Digest,
  type Head,
  type LedgerEntry,
  type Tree,
} from "../kernel/index.ts";
import { faultFrom, guarded } from "./database.ts";
import { entryOf } from "./entry-rows.ts";
import type { SignedHead } from "./ledger.ts";
import { integerOf, textOf, textOrNull, type Row } from "./rows.ts";

export type VerifyReport =
  | { readonly kind: "good"; readonly entries: number; readonly signedHeads: number; readonly head: Head }
  /** The first bad entry; a cut is named by the first missing one. */
  | { readonly kind: "bad"; readonly seq: number; readonly reason: string };

export interface VerifyOptions {
  readonly file: string;
  readonly publicKeyPem: string | null;
  readonly anchors: readonly SignedHead[];
  readonly onProgress?: (entries: number) => void;
}

interface Walk {
  readonly seq: number;
  readonly prev: Digest;
  readonly tree: Tree;
  readonly atMs: number;
  /** Last entry that a head vouched for. */
  readonly vouched: number;
}

type Claim = { readonly head: Head; readonly signature: string | null; readonly from: "signed" | "anchored" };

const CHUNK = 1_000;
const ENTRIES =
  "SELECT e.*, t.seq AS text_seq, t.salt, t.text FROM entries e LEFT JOIN texts t ON t.seq = e.seq" +
  " WHERE e.seq > ? ORDER BY e.seq LIMIT ?";

/** Streams, gives the event loop a turn every thousand entries, and never writes. Throws only when it cannot read. */
export async function verifyLedger(options: VerifyOptions): Promise<VerifyReport> {
  const { file } = options;
  const database = guarded(file, () => new DatabaseSync(file, { readOnly: true }));
  try {
    return await walk(database, options);
  } catch (error) {
    throw faultFrom(error, file) ?? error;
  } finally {
    database.close();
  }
}

async function walk(database: DatabaseSync, options: VerifyOptions): Promise<VerifyReport> {
  const claims = claimsOf(database, options.anchors);
  const statement = guarded(options.file, () => database.prepare(ENTRIES));
  /** Emptied texts whose forget entry was not met yet. */
  const emptied = new Set<number>();
  let at: Walk = { seq: 0, prev: GENESIS, tree: EMPTY_TREE, atMs: 0, vouched: 0 };
  for (;;) {
    const rows = chunkOf(statement, at.seq);
    for (const row of rows) {
      const checked = checkRow(row, at, emptied);
      if (typeof checked === "string") return bad(at.seq + 1, checked);
      at = { ...at, seq: checked.seq, prev: checked.hash, atMs: checked.atMs, tree: grow(at.tree, checked.hash) };
      for (const claim of claims.get(at.seq) ?? []) {
        const fault = checkClaim(claim, at, options.publicKeyPem);
        if (fault !== null) return bad(fault.seq, fault.reason);
        at = { ...at, vouched: at.seq };
      }
    }
    if (rows.length < CHUNK) break;
    options.onProgress?.(at.seq);
    await setImmediate();
  }
  for (const claim of [...claims.values()].flat()) {
    if (claim.head.size > at.seq) {
      return bad(at.seq + 1, `was cut: the ${claim.from} head counts ${claim.head.size} entries, ${at.seq} are here`);
    }
  }
  const [lost] = [...emptied].sort((a, b) => a - b);
  if (lost !== undefined) return bad(lost, "its text was emptied without a record of forgetting it");
  const signedHeads = [...claims.values()].flat().filter((claim) => claim.signature !== null).length;
  const head: Head = { size: at.seq, chain: at.prev, root: treeRoot(at.tree), atMs: at.atMs };
  return { kind: "good", entries: at.seq, signedHeads, head };
}

function bad(seq: number, reason: string): VerifyReport {
  return { kind: "bad", seq, reason };
}

function chunkOf(statement: StatementSync, after: number): readonly Row[] {
  return statement.all(after, CHUNK);
}

/** By size, ascending. */
function claimsOf(database: DatabaseSync, anchors: readonly SignedHead[]): ReadonlyMap<number, readonly Claim[]> {
  const stored = database.prepare("SELECT * FROM heads").all().map(storedClaim);
  const anchored = anchors.map((anchor): Claim => ({ ...anchor, from: "anchored" }));
  const sorted = [...stored, ...anchored].sort((a, b) => a.head.size - b.head.size);
  return Map.groupBy(sorted, (claim) => claim.head.size);
}

function storedClaim(row: Row): Claim {
  const size = integerOf(row, "size");
  const head: Head = { size, chain: textOf(row, "chain"), root: textOf(row, "root"), atMs: integerOf(row, "at_ms") };
  return { head, signature: textOrNull(row, "signature"), from: "signed" };
}

/** The entry, or why it is bad. */
function checkRow(row: Row, at: Walk, emptied: Set<number>): LedgerEntry | string {
  let entry: LedgerEntry;
  try {
    entry = entryOf(row);
  } catch (error) {
    if (error instanceof Fault) return `cannot be read: ${error.message}`;
    throw error;
  }
  const check = checkEntry(entry, at.seq + 1, at.prev);
  if (check.kind === "bad") return check.reason;
  // A text with two readings could show other facts than those that were hashed.
  if (canonical(entry.facts) !== row["facts"]) return "its facts are not canonical";
  const text = checkText(row, entry);
  if (text === "emptied") emptied.add(entry.seq);
  else if (text !== null) return text;
  const forgotten = entry.kind === "forget" ? entry.facts["seq"] : null;
  if (typeof forgotten === "number") emptied.delete(forgotten);
  return entry;
}

function checkText(row: Row, entry: LedgerEntry): string | null {
  if (entry.commitment === null) return row["text_seq"] === null ? null : "has a text that it does not commit to";
  const { salt, text } = row;
  if (typeof salt === "string" && typeof text === "string") {
    return commit(salt, text) === entry.commitment ? null : "its text was changed";
  }
  return "emptied";
}

function checkClaim(claim: Claim, at: Walk, publicKeyPem: string | null): { seq: number; reason: string } | null {
  const { head, signature, from } = claim;
  if (publicKeyPem !== null && signature !== null && !isSigned(head, signature, publicKeyPem)) {
    return { seq: at.seq, reason: `the ${from} head at ${head.size} does not carry your key's signature` };
  }
  if (head.chain === at.prev && head.root === treeRoot(at.tree)) return null;
  const first = at.vouched + 1;
  return { seq: first, reason: `entries ${first} to ${head.size} are not those of the ${from} head at ${head.size}` };
}

function isSigned(head: Head, signature: string, publicKeyPem: string): boolean {
  return verifySignature(null, Buffer.from(headText(head)), publicKeyPem, Buffer.from(signature, "hex"));
}
