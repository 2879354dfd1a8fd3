import assert from "node:assert/strict";
import { test } from "node:test";
import { openRest } from "./rest.ts";

test("memory is given back once after work has ended, and never in the middle of it", () => {
  let [done, collected] = [0, 0];
  const look = openRest({ work: () => done, collect: () => void (collected += 1) });
  look();
  assert.equal(collected, 1, "what the start left behind");
  look();
  assert.equal(collected, 1, "once");
  for (let turn = 0; turn < 3; turn += 1) {
    done += 1;
    look();
    assert.equal(collected, 1, "at work");
  }
  look();
  look();
  assert.equal(collected, 2);
});
