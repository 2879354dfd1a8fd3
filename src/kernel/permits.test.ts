// A permit is good once, for the very bytes it was issued for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { issuePermit } from "./permits.ts";

const terms = { id: "p1", request: "r1", server: "files", method: "tools/call", canonicalParams: '{"a":1}' };

test("the issued bytes pass once", () => {
  const permit = issuePermit(terms);
  assert.equal(permit.spend('{"a":1}'), true);
  assert.equal(permit.spend('{"a":1}'), false);
});

test("other bytes do not pass, and do not spend it", () => {
  const permit = issuePermit(terms);
  for (const other of ['{"a":1 }', '{"a":2}', "", '{"a":1}\n']) assert.equal(permit.spend(other), false);
  assert.equal(permit.spend('{"a":1}'), true);
});

test("a permit cannot be changed after it was issued", () => {
  const permit = issuePermit(terms);
  assert.throws(() => Object.assign(permit, { spend: () => true, server: "mail" }), TypeError);
  assert.equal(permit.server, "files");
});
