// Labels form a lattice: joining never loses anything, and order and repetition do not matter.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CLEAN, covers, isTainted, join, outside, type Label } from "./labels.ts";

const anyLabel: fc.Arbitrary<Label> = fc.record(
  {
    compartments: fc.subarray(["family", "health", "home", "work"]),
    integrity: fc.constantFrom("owner", "system", "third-party"),
    secret: fc.boolean(),
  },
  { noNullPrototype: true },
);

test("joining is associative, commutative and idempotent, with clean as its zero", () => {
  fc.assert(
    fc.property(anyLabel, anyLabel, anyLabel, (a, b, c) => {
      assert.deepEqual(join(join(a, b), c), join(a, join(b, c)));
      assert.deepEqual(join(a, b), join(b, a));
      assert.deepEqual(join(a, a), a);
      assert.deepEqual(join(a, CLEAN), a);
    }),
  );
});

test("a join covers both sides, and is covered by whatever covers both", () => {
  fc.assert(
    fc.property(anyLabel, anyLabel, anyLabel, (a, b, c) => {
      assert.ok(covers(join(a, b), a) && covers(join(a, b), b));
      if (covers(c, a) && covers(c, b)) assert.ok(covers(c, join(a, b)));
      assert.equal(covers(a, b), JSON.stringify(join(a, b)) === JSON.stringify(a));
    }),
  );
});

test("what is outside a clearance only grows with joining", () => {
  fc.assert(
    fc.property(anyLabel, anyLabel, fc.subarray(["family", "health", "work"]), (a, b, clearance) => {
      const joined = outside(join(a, b), clearance);
      assert.ok(outside(a, clearance).every((name) => joined.includes(name)));
      assert.ok(isTainted(join(a, b)) === (isTainted(a) || isTainted(b)));
    }),
  );
});
