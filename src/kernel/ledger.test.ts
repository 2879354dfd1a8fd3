// The chain and the tree: checked against a plain reading of RFC 6962.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { sha256 } from "./json.ts";
import { checkEntry, commit, EMPTY_TREE, GENESIS, grow, headText, seal, treeRoot, type EntryBody } from "./ledger.ts";

const body: EntryBody = {
  atMs: 1,
  kind: "intent",
  session: "s1",
  principal: "agent",
  subject: "files.read",
  request: "r1",
  facts: { b: 1, a: [2] },
  commitment: null,
};

/** RFC 6962 section 2.1, as it is written there. */
function plainRoot(leaves: readonly string[]): string {
  const hash = (prefix: number, ...parts: readonly string[]): string =>
    createHash("sha256")
      .update(Uint8Array.of(prefix))
      .update(Buffer.from(parts.join(""), "hex"))
      .digest("hex");
  if (leaves.length === 0) return sha256("");
  const [only = ""] = leaves;
  if (leaves.length === 1) return hash(0, only);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return hash(1, plainRoot(leaves.slice(0, split)), plainRoot(leaves.slice(split)));
}

test("the growing tree has the root of RFC 6962 at every size", () => {
  const leaves = Array.from({ length: 70 }, (_, at) => sha256(String(at)));
  let tree = EMPTY_TREE;
  assert.equal(treeRoot(tree), plainRoot([]));
  for (const [at, leaf] of leaves.entries()) {
    tree = grow(tree, leaf);
    assert.equal(treeRoot(tree), plainRoot(leaves.slice(0, at + 1)), `size ${at + 1}`);
    assert.equal(tree.size, at + 1);
  }
});

test("an entry passes as it was sealed, and any other field, place or predecessor does not", () => {
  const entry = seal(1, GENESIS, body);
  assert.deepEqual(checkEntry(entry, 1, GENESIS), { kind: "good" });
  const other = sha256("other");
  const changes = [
    { atMs: 2 },
    { kind: "outcome" as const },
    { session: null },
    { principal: "owner" },
    { subject: "files.write" },
    { request: "r2" },
    { facts: { a: [2], b: 2 } },
    { commitment: other },
    { hash: other },
  ];
  for (const change of changes) assert.equal(checkEntry({ ...entry, ...change }, 1, GENESIS).kind, "bad");
  assert.equal(checkEntry(entry, 2, GENESIS).kind, "bad");
  assert.equal(checkEntry(entry, 1, other).kind, "bad");
  assert.deepEqual(checkEntry({ ...entry, facts: { a: [2], b: 1 } }, 1, GENESIS), { kind: "good" });
});

test("a commitment tells texts apart and hides which text it is without the salt", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      assert.equal(commit("00", a) === commit("00", b), a === b);
      assert.notEqual(commit("00", a), commit("01", a));
    }),
  );
});

test("a head's text says which kind of thing is signed, and every field of it", () => {
  const head = { size: 1, chain: "a", root: "b", atMs: 2 };
  assert.equal(headText(head), '{"atMs":2,"chain":"a","root":"b","size":1,"v":"freehold-head-1"}');
});
