// One at a time, in the order they came, in a line of bounded length.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openTurns } from "./llama-turns.ts";

const ALWAYS = new AbortController().signal;

test("who comes while another is asked waits, in order, and a full line is refused", async () => {
  const turns = openTurns(2);
  assert.equal(await turns.take(ALWAYS), true);
  const seen: string[] = [];
  const waiting = ["first", "second"].map(async (name) => {
    assert.equal(await turns.take(ALWAYS), true);
    seen.push(name);
  });
  assert.equal(await turns.take(ALWAYS), false);
  turns.end();
  await waiting[0];
  assert.deepEqual(seen, ["first"]);
  turns.end();
  await waiting[1];
  assert.equal(turns.isFree(), false);
  turns.end();
  assert.equal(turns.isFree(), true);
});

test("who leaves the line gives up no turn but its own", async () => {
  const turns = openTurns(2);
  await turns.take(ALWAYS);
  const leaving = new AbortController();
  const gone = turns.take(leaving.signal);
  const next = turns.take(ALWAYS);
  leaving.abort();
  assert.equal(await gone, false);
  turns.end();
  assert.equal(await next, true);
  assert.equal(await turns.take(leaving.signal), false, "who is gone already is not let in");
});
