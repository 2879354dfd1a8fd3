// Races that once were lost, each in the one order that lost it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DoorRequest, Principal } from "../../src/kernel/index.ts";
import { openFixture, OWNER } from "../fixtures/door.ts";

const AGENT: Principal = { kind: "agent", name: "" };
const ONCE = `rules:
  - { id: one, answer: allow, tool: notes.write_note, args: { path: { equals: /once } }, per-day: 1, reason: "once" }
  - { id: any, answer: allow, tool: notes.write_note, args: { path: { equals: /ruled } }, reason: "mine" }
`;

function write(path: string, session = "s1"): DoorRequest {
  return { session, principal: AGENT, tool: "notes.write_note", args: { path, text: "x" } };
}

const read: DoorRequest = { session: "s2", principal: AGENT, tool: "notes.read_note", args: { path: "/a" } };

function writes(sent: readonly { readonly paramsText: string }[]): number {
  return sent.filter((call) => call.paramsText.includes("write_note")).length;
}

test("two calls at once get the last of an outline once", async (t) => {
  const fixture = openFixture({ waitMs: 0 });
  t.after(() => fixture.end());
  const outline = new Map([["notes.write_note", 1]]);
  fixture.door.hear({ session: "s2", principal: AGENT, message: "write x to /outlined", outline }, OWNER);
  await fixture.door.call(read);
  const both = ["x", "y"].map((text) =>
    fixture.door.call({ ...write("/outlined", "s2"), args: { path: "/outlined", text } }),
  );
  const kinds = (await Promise.all(both)).map((answer) => answer.kind);
  assert.deepEqual([kinds, writes(fixture.sent)], [["result", "waiting"], 1]);
});

test("two calls at once get the last use of a rule for the day once", async (t) => {
  const fixture = openFixture({ rules: ONCE, waitMs: 0 });
  t.after(() => fixture.end());
  await fixture.door.call(read);
  const both = ["s1", "s3"].map((session) => fixture.door.call(write("/once", session)));
  const kinds = (await Promise.all(both)).map((answer) => answer.kind);
  assert.deepEqual([kinds, writes(fixture.sent)], [["result", "waiting"], 1]);
});

test("the owner's own version comes too late after a yes, and leaves no yes behind", async (t) => {
  const fixture = openFixture({ waitMs: 0 });
  t.after(() => fixture.end());
  const asked = await fixture.door.call(write("/asked"));
  assert.ok(asked.kind === "waiting");
  const yes = fixture.door.answer(asked.question, { kind: "yes" }, OWNER);
  const edit = fixture.door.answer(asked.question, { kind: "yes", args: { path: "/other", text: "y" } }, OWNER);
  assert.deepEqual(await edit, { kind: "refused", reason: "it is already answered" });
  assert.equal((await yes).kind, "done");
  await fixture.door.carryOutAnswered();
  assert.deepEqual(
    fixture.sent.map((call) => call.paramsText.includes("/asked")),
    [true],
  );
  assert.deepEqual(fixture.store.questions.list(["yes"]), []);
});

test("what a stop froze does not act when all is resumed and the server runs again", async (t) => {
  const fixture = openFixture({
    rules: ONCE,
    waitMs: 0,
    wrap: (store) => ({ ...store, durable: () => disk.promise }),
  });
  t.after(() => fixture.end());
  let disk = Promise.withResolvers<void>();
  await fixture.door.call(read);
  const frozen = fixture.door.call(write("/ruled"));
  await new Promise(setImmediate);
  const [first, second] = [disk, Promise.withResolvers<void>()];
  disk = second;
  second.resolve();
  await fixture.door.stop("halt");
  fixture.door.resume(OWNER);
  await fixture.door.call(read);
  first.resolve();
  assert.equal((await frozen).kind, "failed");
  assert.equal(writes(fixture.sent), 0);
});
