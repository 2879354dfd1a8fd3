import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openStore, type NewEntry, type Store } from "./index.ts";

const READ: NewEntry = { kind: "outcome", session: "s", principal: "agent", subject: "a.b", request: null, facts: {} };

function opened(t: TestContext): { readonly store: Store; readonly reopen: () => Store } {
  const folder = mkdtempSync(join(tmpdir(), "freehold-shared-"));
  const open = (): Store => {
    const store = openStore({
      file: join(folder, "freehold.db"),
      sign: null,
      nowMs: () => 1_800_000_000_000,
      randomBytes,
    });
    t.after(() => store.close());
    return store;
  };
  t.after(() => rmSync(folder, { recursive: true }));
  return { store: open(), reopen: open };
}

test("works of one turn are committed together, in their order", async (t) => {
  const { store } = opened(t);
  const waiting = [1, 2, 3].map((n) => store.together(() => store.ledger.append({ ...READ, facts: { n } }).seq));
  assert.equal(store.ledger.head().size, 0);
  assert.deepEqual(await Promise.all(waiting), [1, 2, 3]);
  assert.deepEqual(
    store.ledger.entries({ limit: 9 }).map((entry) => entry.facts["n"]),
    [1, 2, 3],
  );
});

test("a work that fails undoes itself and none of its neighbours", async (t) => {
  const { store } = opened(t);
  const before = store.together(() => store.ledger.append(READ).seq);
  const failing = store.together(() => {
    store.ledger.append(READ);
    throw new Error("cannot be");
  });
  const after = store.together(() => store.ledger.append(READ).seq);
  await assert.rejects(failing, /cannot be/);
  assert.deepEqual(await Promise.all([before, after]), [1, 2]);
  assert.equal(store.ledger.head().size, 2);
});

test("closing commits what still waits", async (t) => {
  const { store, reopen } = opened(t);
  const waiting = store.together(() => store.ledger.append(READ).seq);
  store.close();
  assert.equal(await waiting, 1);
  assert.equal(reopen().ledger.head().size, 1);
});

test("what is asked of a closed store fails instead of hanging", async (t) => {
  const { store } = opened(t);
  store.close();
  await assert.rejects(store.together(() => store.ledger.append(READ)));
});

test("works that keep coming are committed all the same", async (t) => {
  const { store } = opened(t);
  const seqs: number[] = [];
  await Promise.all(
    Array.from({ length: 40 }, async () => {
      for (let turn = 0; turn < 5; turn += 1) seqs.push(await store.together(() => store.ledger.append(READ).seq));
    }),
  );
  assert.deepEqual(
    seqs.toSorted((a, b) => a - b),
    Array.from({ length: 200 }, (_unused, index) => index + 1),
  );
});
