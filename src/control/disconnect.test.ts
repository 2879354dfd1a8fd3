// What becomes of a program's calls when the owner takes its access away.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { heldFiles, OWNER } from "../../tests/fixtures/door.ts";
import { openRulesStage, type RulesStage } from "../../tests/fixtures/rules.ts";
import { stackOperations, type StackParts } from "./ops-stack.ts";

const HELD_MS = 30_000;

function open(t: TestContext, isHeld: boolean): Promise<RulesStage> {
  return openRulesStage(t, {
    operations: (parts: StackParts) => stackOperations(parts),
    ...(isHeld ? { files: heldFiles } : {}),
  });
}

test("what is held for a program does not act once its access is taken away", async (t) => {
  const stage = await open(t, true);
  const { fixture } = stage;
  const id = (await stage.ask("/a")) ?? "";
  assert.equal(fixture.store.questions.get(id)?.state, "held");
  await stage.run("client.remove", { name: "other" });
  assert.equal(fixture.store.questions.get(id)?.state, "held", "another program's access is not its own");
  await stage.run("client.remove", { name: "shell" });
  fixture.nowMs += HELD_MS;
  await fixture.door.carryOutHeld();
  assert.deepEqual(fixture.sent, []);
  assert.match(fixture.store.questions.get(id)?.note ?? "", /access of shell was taken away/);
});

test("what a program asked is no longer asked once its access is taken away", async (t) => {
  const stage = await open(t, false);
  const { fixture } = stage;
  const id = (await stage.ask("/a")) ?? "";
  await stage.run("client.remove", { name: "shell" });
  const late = await fixture.door.answer(id, { kind: "yes" }, OWNER);
  assert.deepEqual([late.kind, fixture.sent.length], ["refused", 0]);
});
