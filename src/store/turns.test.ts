import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openStore } from "./store.ts";

test("turns come back in order, with the first one, after a restart too; the last spoken in is listed first", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "freehold-turns-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  let now = 1_000;
  const open = (): ReturnType<typeof openStore> =>
    openStore({
      file: join(dir, "x.db"),
      sign: null,
      nowMs: () => (now += 1),
      randomBytes: (count) => randomBytes(count),
    });
  const store = open();
  for (let at = 0; at < 5; at += 1) store.turns.append("a", { at });
  store.turns.append("b", { at: 0 });
  store.turns.append("a", { at: 5 });
  store.close();
  const again = open();
  t.after(() => again.close());
  assert.deepEqual(
    again.turns.read("a", 2).map(({ body }) => body["at"]),
    [0, 4, 5],
  );
  assert.deepEqual(again.turns.read("none", 2), []);
  assert.deepEqual(
    again.turns.openings(10).map(({ session }) => session),
    ["a", "b"],
  );
});
