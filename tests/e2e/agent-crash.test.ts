// A conversation goes on where it was after its process was killed, and does nothing twice.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { isObject, textAt } from "../../src/kernel/index.ts";
import { messagesOf, openAgentWorld, type AgentWorld, type Scripted } from "../fixtures/agent.ts";

const PROGRAM = join(import.meta.dirname, "..", "fixtures", "agent-program.ts");
const SEND: Scripted = { calls: [["call", { tool: "mail.send_mail", args: { to: "bob@example.org", body: "Hi" } }]] };

interface Killed {
  readonly session: string;
  readonly world: AgentWorld;
}

/** Runs until it kills itself, then opens the same state anew with a model that sends and ends. */
async function killedIn(t: TestContext, where: string): Promise<Killed> {
  const dir = mkdtempSync(join(tmpdir(), "freehold-agent-crash-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const { promise, resolve } = Promise.withResolvers<{ readonly signal: string; readonly said: string }>();
  execFile(process.execPath, [PROGRAM, dir, where], (error, said) => resolve({ signal: error?.signal ?? "", said }));
  const { signal, said } = await promise;
  assert.equal(signal, "SIGKILL");
  const world = openAgentWorld({ dir, script: (_body, turn) => (turn === 1 ? SEND : { text: "Done." }) });
  t.after(() => world.close());
  await world.door.recover();
  return { session: said.trim(), world };
}

test("killed in a model's answer, it goes on; an effect after what was read is a question", async (t) => {
  const { session, world } = await killedIn(t, "answer");
  assert.equal(world.chats.state(session)["isUnfinished"], true);
  const { receipt } = await world.chats.goOn(session, world.visit);
  assert.equal(isObject(receipt ?? null) && isObject(receipt) ? receipt["why"] : "", "done");
  const texts = messagesOf(world.requests[0]).map((message) => textAt(message, "content"));
  assert.ok(texts.includes("Read my mail, then write to bob@example.org."));
  assert.ok(texts.includes("Hi"), "the result that was read is still there");
  // Outline and words were of the process that died: the effect is a question.
  assert.equal(world.store.questions.list(["open"])[0]?.because, "C3");
  assert.deepEqual(world.called, []);
  assert.equal(world.chats.state(session)["isUnfinished"], false);
  assert.deepEqual(await world.chats.goOn(session, world.visit).then(({ receipt: none }) => none), null);
});

test("killed in an effect, the model is told that it may have happened, and a repetition is a question", async (t) => {
  const { session, world } = await killedIn(t, "effect");
  await world.chats.goOn(session, world.visit);
  const texts = messagesOf(world.requests[0]).map((message) => textAt(message, "content") ?? "");
  assert.match(texts.at(-1) ?? "", /^Freehold ended in the middle of this call\. It may or may not have happened\./);
  assert.deepEqual(world.called, [], "it is not sent a second time");
  assert.equal(world.store.questions.list(["open"]).length, 1);
});

test("killed after an effect was done, the owner's words are not good for it a second time", async (t) => {
  const { session, world } = await killedIn(t, "after");
  await world.chats.goOn(session, world.visit);
  const texts = messagesOf(world.requests[0]).map((message) => textAt(message, "content") ?? "");
  assert.equal(texts.at(-1), "sent");
  assert.deepEqual(world.called, [], "it is not sent a second time");
  assert.equal(world.store.questions.list(["open"]).length, 1);
});

test("killed in a read, the next message of the owner's goes on in the same conversation", async (t) => {
  const { session, world } = await killedIn(t, "read");
  await world.say(session, "Never mind the mail. Write to bob@example.org: Hi");
  const roles = messagesOf(world.requests[0]).map((message) => textAt(message, "role"));
  assert.deepEqual(roles, ["system", "user", "assistant", "tool", "user"]);
  assert.deepEqual(
    world.chats.list().map((chat) => chat["isUnfinished"]),
    [false],
  );
});
