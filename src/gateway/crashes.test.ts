import assert from "node:assert/strict";
import { test } from "node:test";
import { countCrashes, type Crashes } from "./crashes.ts";

function open(): { crashes: Crashes; pass: (ms: number) => void } {
  let nowMs = 1_800_000_000_000;
  return { crashes: countCrashes({ nowMs: () => nowMs }), pass: (ms) => void (nowMs += ms) };
}

test("the first crash is mended at once, each further one waits twice as long, and the wait runs out", () => {
  const { crashes, pass } = open();
  const pauses = [0, 1, 2, 3].map(() => {
    crashes.note("files");
    return crashes.pauseMs("files");
  });
  assert.deepEqual(pauses, [0, 250, 500, 1_000]);
  pass(400);
  assert.equal(crashes.pauseMs("files"), 600);
  pass(600);
  assert.equal(crashes.pauseMs("files"), 0);
  assert.equal(crashes.pauseMs("mail"), 0);
});

test("five crashes within ten minutes hold a server back for an hour, or until the owner tries again", () => {
  const { crashes, pass } = open();
  for (let times = 0; times < 5; times += 1) {
    assert.equal(crashes.heldBack("files"), null);
    crashes.note("files");
    pass(60_000);
  }
  assert.match(crashes.heldBack("files") ?? "", /5 times within 10 minutes/);
  pass(50 * 60_000);
  assert.notEqual(crashes.heldBack("files"), null);
  assert.equal(crashes.heldBack("mail"), null);
  crashes.forget("files");
  assert.equal(crashes.heldBack("files"), null);
});

test("what crashed an hour ago is tried again, and what crashes rarely is never held back", () => {
  const { crashes, pass } = open();
  for (let times = 0; times < 5; times += 1) crashes.note("files");
  pass(3_600_001);
  assert.equal(crashes.heldBack("files"), null);
  for (let times = 0; times < 40; times += 1) {
    crashes.note("mail");
    assert.equal(crashes.heldBack("mail"), null);
    pass(3 * 60_000);
  }
});
