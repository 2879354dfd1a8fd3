// What a model says that no model should: too much of it, or what no record can hold.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { isObject } from "../../src/kernel/index.ts";
import { openAgentWorld, type AgentWorld, type Scripted } from "../fixtures/agent.ts";

function worldOf(t: TestContext, ...answers: readonly Scripted[]): AgentWorld {
  const opened = openAgentWorld({ script: (_body, turn) => answers[Math.min(turn, answers.length) - 1] ?? {} });
  t.after(() => opened.close());
  return opened;
}

test("of an answer without end, no more is kept than any answer needs", async (t) => {
  const long = "x".repeat(2_000_000);
  const one = worldOf(t, { calls: [[long, `{"query":"${long}"}`]] }, { text: long });
  const session = one.chat();
  await one.say(session, "Hello");
  assert.ok(JSON.stringify(one.chats.history(session)).length < 1_100_000);
});

test("half a character in what a model says ends no turn", async (t) => {
  const half = "\ud83d";
  const look = { tool: "mail.read_mail", args: {}, look: { question: "?", as: "number" } };
  const calls = [
    [half, `{"a":"${half}"}`],
    ["call", look],
  ] as const;
  const one = worldOf(t, { calls }, { text: half });
  const { receipt } = await one.say(one.chat(), "Hello");
  assert.equal(isObject(receipt) && receipt["why"], "done");
});
