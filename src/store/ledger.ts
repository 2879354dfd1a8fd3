// The ledger's only writer: appends to the hash chain and the tree, keeps texts apart, signs heads.
// Invariants: no entry is changed or removed; an entry, its text and its side rows are one transaction;
// the head in memory is the head in the file, also after a rollback.

import {
  assert,
  canonical,
  commit,
  EMPTY_TREE,
  Fault,
  GENESIS,
  grow,
  headText,
  seal,
  treeRoot,
} from "../kernel/index.ts";
import type { Digest, EntryBody, EntryKind, Head, LedgerEntry, Sign, Tree } from "../kernel/index.ts";
import type { Database } from "./database.ts";
import { openIntents, selectEntries, type EntryQuery } from "./entry-rows.ts";
import { damaged, integerOf, textOf, textOrNull, type Row } from "./rows.ts";

export interface SignedHead {
  readonly head: Head;
  /** Ed25519 over `headText(head)`, hex. */
  readonly signature: string;
}

export type NewEntry = Omit<EntryBody, "atMs" | "commitment"> & { readonly text?: string };

export interface Ledger {
  append(entry: NewEntry): LedgerEntry;
  head(): Head;
  /** Null without a signer or entries. */
  signHead(): SignedHead | null;
  /** In the order of their numbers. */
  entries(query: EntryQuery): readonly LedgerEntry[];
  /** Null where there was no text or it was forgotten. */
  text(seq: number): string | null;
  /** Empties the text and its salt, and records that it did. */
  forget(seq: number): void;
  /** Intents without outcome, lost or unknown. */
  unfinished(): readonly LedgerEntry[];
  /** Called after the commit, once for each entry, in order. Answers how to stop listening. */
  onAppend(listener: (entry: LedgerEntry) => void): () => void;
  /** How many intents since then say in `facts.rule` that this rule allowed them. */
  usesOf(ruleId: string, sinceMs: number): number;
}

const HEAD_EVERY_ENTRIES = 1_000;
const TEXT_BYTES_MAX = 8 * 1024 * 1024;
const SALT_BYTES = 16;
const CLOSING_KINDS: readonly EntryKind[] = ["outcome", "lost", "unknown"];

interface End {
  readonly chain: Digest;
  readonly tree: Tree;
}

interface LedgerOptions {
  readonly database: Database;
  readonly sign: Sign | null;
  readonly nowMs: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  /** Takes the values of secrets out of a text before it is kept. */
  readonly mask: (text: string) => string;
}

export function ledgerOf(options: LedgerOptions): Ledger {
  const { database } = options;
  const { append, head, saveHead, open, listeners } = writerOf(options);
  return {
    append,
    head,
    signHead: () => (head().size === 0 ? null : database.transaction(saveHead)),
    entries: (query) => selectEntries(database, query),
    text(seq) {
      const row = database.one("SELECT text FROM texts WHERE seq = ?", seq);
      return row === null ? null : textOrNull(row, "text");
    },
    forget(seq) {
      database.transaction(() => {
        const sql = "UPDATE texts SET salt = NULL, text = NULL WHERE seq = ? AND text IS NOT NULL";
        if (database.run(sql, seq) === 0) return;
        append({ kind: "forget", session: null, principal: null, subject: "text", request: null, facts: { seq } });
      });
      // The pages as they were before stand in the log until it is emptied.
      database.checkpoint();
    },
    unfinished() {
      return openIntents(database, Math.min(head().size + 1, ...open.values()));
    },
    onAppend(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    usesOf(ruleId, sinceMs) {
      const row = database.one("SELECT count(*) AS uses FROM rule_uses WHERE rule = ? AND at_ms >= ?", ruleId, sinceMs);
      return row === null ? 0 : integerOf(row, "uses");
    },
  };
}

function writerOf({ database, sign, nowMs, randomBytes, mask }: LedgerOptions) {
  const listeners = new Set<(entry: LedgerEntry) => void>();
  let end = readEnd(database);
  let saved = end;
  let fresh: LedgerEntry[] = [];
  /** Number of each intent that nothing has closed, by request. */
  const open = new Map(openIntents(database, openFrom(database)).map((intent) => [intent.request ?? "", intent.seq]));
  database.join({
    begin() {
      saved = end;
      fresh = [];
    },
    committed() {
      for (const entry of fresh) {
        if (entry.kind === "intent") open.set(entry.request ?? "", entry.seq);
        else if (CLOSING_KINDS.includes(entry.kind)) open.delete(entry.request ?? "");
        // Later and apart, so that a listener's fault is never taken for a failed append.
        for (const listener of listeners) queueMicrotask(() => listener(entry));
      }
    },
    rolledBack() {
      end = saved;
    },
  });

  function append(entry: NewEntry): LedgerEntry {
    const { text: said, ...body } = entry;
    const text = said === undefined ? undefined : mask(said);
    assert(text === undefined || Buffer.byteLength(text) <= TEXT_BYTES_MAX, "a ledger text over 8 MiB");
    return database.transaction(() => {
      const salt = text === undefined ? null : Buffer.from(randomBytes(SALT_BYTES)).toString("hex");
      const commitment = text === undefined || salt === null ? null : commit(salt, text);
      const sealed = seal(end.tree.size + 1, end.chain, { ...body, atMs: nowMs(), commitment });
      insert(database, sealed);
      if (text !== undefined) database.run("INSERT INTO texts VALUES (?, ?, ?)", sealed.seq, salt, text);
      end = { chain: sealed.hash, tree: grow(end.tree, sealed.hash) };
      fresh.push(sealed);
      if (sealed.seq % HEAD_EVERY_ENTRIES === 0) saveHead();
      return sealed;
    });
  }

  function head(): Head {
    return { size: end.tree.size, chain: end.chain, root: treeRoot(end.tree), atMs: nowMs() };
  }

  function saveHead(): SignedHead | null {
    const now = head();
    const signature = sign === null ? null : sign(headText(now));
    const { size, chain, root, atMs } = now;
    const peaks = JSON.stringify(end.tree.peaks);
    // What this transaction itself opened comes after: at worst a little more is looked through.
    const first = Math.min(saved.tree.size + 1, ...open.values());
    const values = [size, chain, root, atMs, peaks, signature, first];
    database.run("INSERT OR REPLACE INTO heads VALUES (?, ?, ?, ?, ?, ?, ?)", ...values);
    return signature === null ? null : { head: now, signature };
  }

  return { append, head, saveHead, open, listeners };
}

function insert(database: Database, entry: LedgerEntry): void {
  const { seq, prev, hash, atMs, kind, session, principal, subject, request, facts, commitment } = entry;
  const values = [seq, prev, hash, atMs, kind, session, principal, subject, request, canonical(facts), commitment];
  database.run("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", ...values);
  if (kind === "intent") {
    assert(request !== null, "an intent without a request");
    if (typeof facts["rule"] === "string") {
      database.run("INSERT INTO rule_uses VALUES (?, ?, ?)", facts["rule"], atMs, seq);
    }
  }
}

function openFrom(database: Database): number {
  const row = database.one("SELECT open_from FROM heads ORDER BY size DESC LIMIT 1");
  return row === null ? 1 : integerOf(row, "open_from");
}

/** Goes on from the last stored head, so that opening hashes at most a thousand entries. */
function readEnd(database: Database): End {
  const row = database.one("SELECT * FROM heads ORDER BY size DESC LIMIT 1");
  let end: End = row === null ? { chain: GENESIS, tree: EMPTY_TREE } : storedEnd(row);
  const sql = "SELECT seq, prev, hash FROM entries WHERE seq > ? ORDER BY seq LIMIT ?";
  for (;;) {
    const rows = database.all(sql, end.tree.size, HEAD_EVERY_ENTRIES);
    for (const each of rows) {
      if (integerOf(each, "seq") !== end.tree.size + 1 || textOf(each, "prev") !== end.chain) throw broken();
      const hash = textOf(each, "hash");
      end = { chain: hash, tree: grow(end.tree, hash) };
    }
    if (rows.length < HEAD_EVERY_ENTRIES) break;
  }
  const last = database.one("SELECT coalesce(max(seq), 0) AS seq FROM entries");
  if (last === null || integerOf(last, "seq") !== end.tree.size) throw broken();
  return end;
}

function storedEnd(row: Row): End {
  const peaks: unknown = JSON.parse(textOf(row, "peaks"));
  if (!Array.isArray(peaks) || !peaks.every((peak) => typeof peak === "string")) throw damaged("peaks");
  const tree: Tree = { size: integerOf(row, "size"), peaks };
  if (treeRoot(tree) !== textOf(row, "root")) throw broken();
  return { chain: textOf(row, "chain"), tree };
}

function broken(): Fault {
  return new Fault("store.ledger-broken", {
    message: "the ledger does not continue its last head: entries were changed or cut.",
    next: "freehold ledger verify",
  });
}
