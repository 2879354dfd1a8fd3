// Races, floods and crashes against the door, over a real store and a scripted upstream.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  parseStrict,
  reveal,
  revealJson,
  type DoorAnswer,
  type JsonObject,
  type JsonValue,
} from "../../src/kernel/index.ts";
import type { RpcReply } from "../../src/mcp/index.ts";
import { CLIENT, openFixture, OWNER, policyFiles, type DoorFixture } from "../fixtures/door.ts";

const ALLOW = `rules:
  - { id: notes-ok, answer: allow, tool: notes.write_note, args: { path: { equals: /a } }, reason: "my notes" }
`;
const OTHER = { kind: "client", name: "other" } as const;

const read = (session = "s1") => ({ session, principal: CLIENT, tool: "notes.read_note", args: { path: "/a" } });
const write = (path: string, session = "s1") => ({
  session,
  principal: CLIENT,
  tool: "notes.write_note",
  args: { path, text: "x" },
});

function questionIn(answer: DoorAnswer): string {
  assert.equal(answer.kind, "waiting");
  return answer.kind === "waiting" ? answer.question : "";
}

function open(fixture: DoorFixture): number {
  return fixture.store.questions.list(["open"]).length;
}

test("while the effect runs, freehold_result says wait and not denied", async (t) => {
  const fixture = openFixture({ waitMs: 0 });
  t.after(() => fixture.end());
  const done = Promise.withResolvers<RpcReply>();
  fixture.reply = () => done.promise;
  const id = questionIn(await fixture.door.call(write("/b")));
  const answering = fixture.door.answer(id, { kind: "yes" }, OWNER);
  while (fixture.sent.length === 0) await new Promise(setImmediate);
  const meanwhile = await fixture.door.result(id, { session: "s1", principal: CLIENT });
  assert.equal(meanwhile.kind, "waiting");
  done.resolve({ kind: "result", result: { content: [] } });
  await answering;
  assert.equal((await fixture.door.result(id, { session: "s1", principal: CLIENT })).kind, "result");
});

test("while the owner's own version runs, the asked question says wait", async (t) => {
  const fixture = openFixture({ waitMs: 0 });
  t.after(() => fixture.end());
  const done = Promise.withResolvers<RpcReply>();
  fixture.reply = () => done.promise;
  const id = questionIn(await fixture.door.call(write("/b")));
  const answering = fixture.door.answer(id, { kind: "yes", args: { path: "/c", text: "x" } }, OWNER);
  while (fixture.sent.length === 0) await new Promise(setImmediate);
  assert.equal((await fixture.door.result(id, { session: "s1", principal: CLIENT })).kind, "waiting");
  done.resolve({ kind: "result", result: { content: [] } });
  await answering;
  assert.equal((await fixture.door.result(id, { session: "s1", principal: CLIENT })).kind, "result");
});

test("after a crash in the effect, freehold_result says it may have happened, not that it was denied", async (t) => {
  const fixture = openFixture({ waitMs: 0 });
  fixture.reply = () => Promise.withResolvers<RpcReply>().promise;
  const id = questionIn(await fixture.door.call(write("/b")));
  fixture.door.answer(id, { kind: "yes" }, OWNER).catch(() => undefined);
  while (fixture.sent.length === 0) await new Promise(setImmediate);
  const reopened = fixture.reopen();
  t.after(() => reopened.end());
  await reopened.door.recover();
  const told = await reopened.door.result(id, { session: "s1", principal: CLIENT });
  assert.match(told.kind === "failed" ? told.reason : told.kind, /may or may not have happened/);
  fixture.store.close();
});

test("an answered call whose server hangs after a crash is waited for by nobody but who asked", async (t) => {
  const fixture = openFixture({ waitMs: 0 });
  const id = questionIn(await fixture.door.call(write("/b")));
  fixture.store.questions.apply(id, { kind: "yes" });
  const reopened = fixture.reopen();
  t.after(() => reopened.end());
  reopened.reply = () => Promise.withResolvers<RpcReply>().promise;
  await reopened.door.recover();
  reopened.door.carryOutAnswered().catch(() => undefined);
  while (reopened.sent.length === 0) await new Promise(setImmediate);
  assert.equal((await reopened.door.result(id, { session: "s1", principal: CLIENT })).kind, "waiting");
  fixture.store.close();
});

test("one client has twenty questions at most, however many conversations it opens", async (t) => {
  const fixture = openFixture({ waitMs: 0 });
  t.after(() => fixture.end());
  for (let number = 0; number < 25; number += 1) await fixture.door.call(write(`/${number}`, `s${number}`));
  assert.equal(open(fixture), 20);
  await fixture.door.call({ ...write("/mine", "theirs"), principal: OTHER });
  assert.equal(open(fixture), 21, "another client can still ask");
  const again = await fixture.door.call(write("/3", "s3"));
  assert.equal(again.kind, "waiting", "the identical call still joins its question");
  assert.equal((await fixture.door.call(read())).kind, "result", "what needs no question still passes");
});

test("questions that nobody answered do not lock their client out for ever", async (t) => {
  const fixture = openFixture({ waitMs: 0 });
  t.after(() => fixture.end());
  for (let number = 0; number < 20; number += 1) await fixture.door.call(write(`/${number}`));
  assert.equal((await fixture.door.call(write("/more"))).kind, "denied");
  fixture.nowMs += 25 * 3_600_000;
  assert.equal((await fixture.door.call(write("/more"))).kind, "waiting");
});

test("a rule that the owner takes back between the decision and the act no longer acts", async (t) => {
  const fixture = openFixture({ rules: ALLOW });
  t.after(() => fixture.end());
  assert.equal((await fixture.door.call(write("/a"))).kind, "result");
  const late = fixture.door.call(write("/a"));
  fixture.accept(policyFiles(null));
  assert.notEqual((await late).kind, "result");
  assert.equal(fixture.sent.length, 1);
});

test("a server that is held back between the decision and the act is not called", async (t) => {
  const fixture = openFixture({ rules: ALLOW });
  t.after(() => fixture.end());
  await fixture.door.call(write("/a"));
  for (const request of [write("/a"), read()]) {
    const late = fixture.door.call(request);
    fixture.holdBack("its lists changed");
    assert.notEqual((await late).kind, "result");
  }
  assert.equal(fixture.sent.length, 1);
});

test("stop ends the servers even when nothing can be written any more", async () => {
  const fixture = openFixture();
  await fixture.door.call(read());
  fixture.store.close();
  await assert.rejects(fixture.door.stop("now"));
  assert.equal(fixture.door.isStopped(), true);
  assert.equal(fixture.stopAllCount, 1);
  fixture.end();
});

test("arguments over the limit are denied without being kept, and so is what breaks the schema", async (t) => {
  const fixture = openFixture();
  t.after(() => fixture.end());
  const huge = Array.from({ length: 600_000 }, () => 1e20);
  for (const args of [
    { path: "/a", more: huge },
    { path: 7, text: "x".repeat(3_000_000) },
  ]) {
    const answer = await fixture.door.call({ ...read(), args });
    assert.equal(answer.kind === "denied" && answer.because, "C0");
  }
  for (const entry of fixture.store.ledger.entries({ kind: "denied", limit: 9 })) {
    assert.ok((fixture.store.ledger.text(entry.seq) ?? "").length < 20_000);
  }
});

/** What a page or a terminal could be fooled with. */
const TRICKS = [
  "\u202e\u2066\u2069\u200f\u061c",
  "\u200b\u200c\u200d\ufeff\u00ad\u2060",
  "\u001b[2J\u001b[1;31m\u009b31m\r\b\u0000\u007f",
  "\u{e0001}\u{e0041}\u{e007f}",
  "\u3164\u115f\u2800\u00a0\u2003\u2028\u2029\ufe0f",
  "раypal ⅠⅠ ｆｕｌｌ ＂",
  '\\u0041 \\" {"path":"/etc"}',
  "𝒶\u{1f468}\u200d\u{1f469}",
];
const text = fc.oneof(
  fc.constantFrom(...TRICKS),
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary" }).filter((value) => value.isWellFormed()),
);
const value: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(
      text.filter((key) => key !== "__proto__"),
      tie("value"),
      { maxKeys: 4 },
    ) as fc.Arbitrary<JsonObject>,
  ),
})).value;

/** No character that hides, turns or imitates a blank. */
const HIDES = /(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u;

test("what the owner is shown holds no hidden character and parses back to exactly what runs", async () => {
  const extra = fc.dictionary(
    text.filter((key) => !["__proto__", "path", "text"].includes(key)),
    value,
    { maxKeys: 5 },
  );
  await fc.assert(
    fc.asyncProperty(fc.tuple(text, text), extra, fc.boolean(), async ([path, content], more, isLast) => {
      const fixture = openFixture({ waitMs: 0 });
      const own = { text: content, path };
      // Another order of keys is the same call.
      const args: JsonObject = isLast ? { ...(more as JsonObject), ...own } : { ...own, ...(more as JsonObject) };
      const id = questionIn(await fixture.door.call({ ...write("/b"), args }));
      const question = fixture.store.questions.get(id);
      const shown = revealJson(question?.binding.args ?? "");
      assert.doesNotMatch(shown, HIDES);
      assert.doesNotMatch(question?.sentence ?? "", HIDES);
      await fixture.door.answer(id, { kind: "yes" }, OWNER);
      const ran = parseStrict(fixture.sent[0]?.paramsText ?? "");
      const parsed = parseStrict(shown);
      assert.equal(ran.kind === "value" && parsed.kind === "value", true);
      assert.deepEqual(
        ran.kind === "value" && ran.value,
        parsed.kind === "value" && { arguments: parsed.value, name: "write_note" },
      );
      assert.deepEqual(JSON.parse(shown), JSON.parse(JSON.stringify(args)));
      fixture.end();
    }),
    { numRuns: 60 },
  );
});

test("no two different texts are shown alike", () => {
  fc.assert(
    fc.property(text, text, (one, other) => {
      assert.equal(reveal(one) === reveal(other), one === other);
    }),
  );
});

test("a megabyte of tricks is shown whole, and runs as shown", async (t) => {
  const fixture = openFixture({ waitMs: 0 });
  t.after(() => fixture.end());
  const long = TRICKS.join("").repeat(10_000);
  const id = questionIn(await fixture.door.call({ ...write("/b"), args: { path: "/b", text: long } }));
  const shown = revealJson(fixture.store.questions.get(id)?.binding.args ?? "");
  assert.doesNotMatch(shown, HIDES);
  await fixture.door.answer(id, { kind: "yes" }, OWNER);
  assert.deepEqual(JSON.parse(fixture.sent[0]?.paramsText ?? "").arguments, JSON.parse(shown));
});
