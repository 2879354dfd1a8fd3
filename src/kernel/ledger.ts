// Hash chain and RFC 6962 tree of the ledger. Texts are committed to with a salt and can be forgotten.
// Invariants: an entry's hash covers all its fields and its predecessor; the tree covers every entry hash in order.

import { hash } from "node:crypto";
import { canonical, sha256, type Digest, type JsonObject } from "./json.ts";

export const ENTRY_KINDS = [
  "start",
  "stop",
  "resume",
  "session",
  "label",
  "denied",
  "question",
  "answer",
  "hold",
  "intent",
  "outcome",
  "lost",
  "unknown",
  "connection",
  "masked",
  "owner",
  "change",
  "client",
  "forget",
] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

export interface EntryBody {
  readonly atMs: number;
  readonly kind: EntryKind;
  readonly session: string | null;
  readonly principal: string | null;
  /** The tool or the operation. */
  readonly subject: string;
  /** Ties the entries of one request together. */
  readonly request: string | null;
  /** Small facts that may stay for ever: decision, counts, digests, labels. Never a text that was read. */
  readonly facts: JsonObject;
  /** SHA-256(salt, text) of what the side table holds; null where there is no text. */
  readonly commitment: Digest | null;
}

export interface LedgerEntry extends EntryBody {
  readonly seq: number;
  readonly prev: Digest;
  readonly hash: Digest;
}

export const GENESIS: Digest = "0".repeat(64);

export function commit(salt: string, text: string): Digest {
  return sha256(`${salt}\n${text}`);
}

export function seal(seq: number, prev: Digest, body: EntryBody): LedgerEntry {
  return { ...body, seq, prev, hash: entryHash(seq, prev, body) };
}

function entryHash(seq: number, prev: Digest, body: EntryBody): Digest {
  const { atMs, kind, session, principal, subject, request, facts, commitment } = body;
  // In canonical order already, which makes hashing a million entries quick.
  return sha256(canonical({ atMs, commitment, facts, kind, prev, principal, request, seq, session, subject }));
}

export type EntryCheck = { readonly kind: "good" } | { readonly kind: "bad"; readonly reason: string };

export function checkEntry(entry: LedgerEntry, expectedSeq: number, expectedPrev: Digest): EntryCheck {
  if (entry.seq !== expectedSeq) return { kind: "bad", reason: `expected entry ${expectedSeq}, found ${entry.seq}` };
  if (entry.prev !== expectedPrev) return { kind: "bad", reason: "does not follow its predecessor" };
  if (entry.hash !== entryHash(entry.seq, entry.prev, entry)) return { kind: "bad", reason: "was changed" };
  return { kind: "good" };
}

/** Roots of the perfect subtrees, largest first: enough to append and to compute the root. */
export interface Tree {
  readonly size: number;
  readonly peaks: readonly Digest[];
}

export const EMPTY_TREE: Tree = { size: 0, peaks: [] };

export function grow(tree: Tree, entry: Digest): Tree {
  const peaks = [...tree.peaks];
  let node = nodeHash("00", entry);
  for (let rest = tree.size; (rest & 1) === 1; rest = Math.floor(rest / 2)) {
    const left = peaks.pop() ?? "";
    node = nodeHash("01", left + node);
  }
  peaks.push(node);
  return { size: tree.size + 1, peaks };
}

export function treeRoot(tree: Tree): Digest {
  const [last, ...rest] = tree.peaks.toReversed();
  if (last === undefined) return sha256("");
  return rest.reduce((right, left) => nodeHash("01", left + right), last);
}

/** RFC 6962 section 2.1: 00 before a leaf, 01 before an inner node, so that neither passes for the other. */
function nodeHash(prefix: "00" | "01", hex: string): Digest {
  return hash("sha256", Buffer.from(prefix + hex, "hex"), "hex");
}

export interface Head {
  readonly size: number;
  readonly chain: Digest;
  readonly root: Digest;
  readonly atMs: number;
}

/** The bytes under the signature of a head. */
export function headText(head: Head): string {
  return canonical({ v: "freehold-head-1", size: head.size, chain: head.chain, root: head.root, atMs: head.atMs });
}
