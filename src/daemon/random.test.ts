import assert from "node:assert/strict";
import { test } from "node:test";
import { openRandom } from "./random.ts";

test("random bytes never come twice, whatever sizes are asked for", () => {
  const random = openRandom();
  const seen = new Set<string>();
  for (let turn = 0; turn < 2_000; turn += 1) {
    const count = 16 + (turn % 40);
    const bytes = random.bytes(count);
    assert.equal(bytes.length, count);
    seen.add(Buffer.from(bytes.subarray(0, 16)).toString("hex"));
  }
  assert.equal(seen.size, 2_000);
});

test("bytes that were given do not change when more are asked for", () => {
  const random = openRandom();
  const first = random.bytes(16);
  const copy = Uint8Array.from(first);
  for (let turn = 0; turn < 600; turn += 1) random.bytes(16);
  assert.deepEqual(first, copy);
});

test("more than the pool holds is given too", () => {
  assert.equal(openRandom().bytes(10_000).length, 10_000);
});
