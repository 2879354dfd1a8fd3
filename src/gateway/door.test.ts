import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStrict, type DoorAnswer, type JsonObject } from "../kernel/index.ts";
import type { PolicyFiles } from "../manifest/index.ts";
import {
  CLIENT,
  openFixture,
  OWNER,
  policyFiles,
  SURFACE,
  WRITE_TOOL,
  type DoorFixture,
} from "../../tests/fixtures/door.ts";

const read = (args: JsonObject = { path: "/a" }) => ({
  session: "s1",
  principal: CLIENT,
  tool: "notes.read_note",
  args,
});
const write = (args: JsonObject = { path: "/a", text: "hello" }) => ({
  session: "s1",
  principal: CLIENT,
  tool: "notes.write_note",
  args,
});

async function asked(fixture: DoorFixture, args?: JsonObject): Promise<{ id: string; answer: Promise<DoorAnswer> }> {
  const before = new Set(fixture.store.questions.list(["open"]).map((question) => question.id));
  const answer = fixture.door.call(write(args));
  await new Promise(setImmediate);
  const question = fixture.store.questions.list(["open"]).find((open) => !before.has(open.id));
  assert.ok(question !== undefined, "no question was put");
  return { id: question.id, answer };
}

function kinds(fixture: DoorFixture): string[] {
  return fixture.store.ledger.entries({ limit: 100 }).map((entry) => entry.kind);
}

test("a read passes, its label is kept, and the ledger has intent and outcome", async () => {
  const fixture = openFixture();
  const answer = await fixture.door.call(read());
  assert.equal(answer.kind, "result");
  assert.deepEqual(answer.kind === "result" && answer.label.compartments, ["family"]);
  assert.deepEqual(fixture.store.sessions.get("s1")?.label.compartments, ["family"]);
  assert.deepEqual(kinds(fixture), ["intent", "outcome"]);
  assert.equal(fixture.sent[0]?.paramsText, '{"arguments":{"path":"/a"},"name":"read_note"}');
  fixture.end();
});

test("the label is saved before the upstream is called, so that no byte comes unlabelled", async () => {
  const fixture = openFixture();
  let atCall: readonly string[] | undefined;
  fixture.reply = async () => {
    atCall = fixture.store.sessions.get("s1")?.label.compartments;
    return { kind: "error", code: -32_000, message: "secret of the family" };
  };
  const answer = await fixture.door.call(read());
  assert.deepEqual(atCall, ["family"]);
  assert.equal(answer.kind, "failed");
  fixture.end();
});

test("reads of one turn have their intents in the ledger before the first of them is sent", async () => {
  const fixture = openFixture();
  const unfinished: number[] = [];
  fixture.reply = async () => {
    unfinished.push(fixture.store.ledger.unfinished().length);
    return { kind: "result", result: { content: [] } };
  };
  const answers = await Promise.all([1, 2, 3].map((n) => fixture.door.call(read({ path: `/${n}` }))));
  assert.deepEqual(
    answers.map((answer) => answer.kind),
    ["result", "result", "result"],
  );
  assert.deepEqual(unfinished, [3, 3, 3]);
  assert.deepEqual(fixture.store.ledger.unfinished(), []);
  fixture.end();
});

test("an effect of an unjailed program asks, and runs once with the bytes that were shown", async () => {
  const fixture = openFixture();
  const { id, answer } = await asked(fixture);
  assert.equal(fixture.sent.length, 0);
  const shown = fixture.store.questions.get(id)?.binding.args;
  const answered = await fixture.door.answer(id, { kind: "yes" }, OWNER);
  assert.equal(answered.kind, "done");
  assert.equal((await answer).kind, "result");
  assert.equal(fixture.sent.length, 1);
  assert.equal(fixture.sent[0]?.paramsText, `{"arguments":${shown},"name":"write_note"}`);
  const again = await fixture.door.answer(id, { kind: "yes" }, OWNER);
  assert.deepEqual(again, { kind: "refused", reason: "it is already spent" });
  assert.equal(fixture.sent.length, 1);
  assert.deepEqual(kinds(fixture), ["question", "answer", "intent", "outcome"]);
  fixture.end();
});

test("two answers at once run the effect once", async () => {
  const fixture = openFixture();
  const { id } = await asked(fixture);
  const both = await Promise.all([
    fixture.door.answer(id, { kind: "yes" }, OWNER),
    fixture.door.answer(id, { kind: "yes" }, OWNER),
  ]);
  assert.deepEqual(both.map((one) => one.kind).sort(), ["done", "refused"]);
  assert.equal(fixture.sent.length, 1);
  fixture.end();
});

test("a no reaches the client with the owner's reason", async () => {
  const fixture = openFixture();
  const { id, answer } = await asked(fixture);
  await fixture.door.answer(id, { kind: "no", note: "not today" }, OWNER);
  const got = await answer;
  assert.equal(got.kind, "denied");
  assert.match(got.kind === "denied" ? got.reason : "", /the owner said no: not today/);
  assert.equal(fixture.sent.length, 0);
  fixture.end();
});

test("an edited yes runs the owner's version and not the asked one", async () => {
  const fixture = openFixture();
  const { id, answer } = await asked(fixture);
  await fixture.door.answer(id, { kind: "yes", args: { path: "/b", text: "hello" } }, OWNER);
  assert.equal((await answer).kind, "result");
  assert.deepEqual(
    fixture.sent.map((call) => call.paramsText),
    ['{"arguments":{"path":"/b","text":"hello"},"name":"write_note"}'],
  );
  assert.equal(fixture.store.questions.get(id)?.state, "void");
  fixture.end();
});

test("an edited yes with arguments that break the schema runs nothing", async () => {
  const fixture = openFixture();
  const { id, answer } = await asked(fixture);
  await fixture.door.answer(id, { kind: "yes", args: { path: 7 } }, OWNER);
  assert.equal((await answer).kind, "denied");
  assert.equal(fixture.sent.length, 0);
  fixture.end();
});

test("an answer without a live owner session is refused", async () => {
  const fixture = openFixture();
  const { id } = await asked(fixture);
  const answered = await fixture.door.answer(id, { kind: "yes" }, { isLive: () => false });
  assert.equal(answered.kind, "refused");
  assert.throws(() => fixture.door.resume({ isLive: () => false }), /only the owner/);
  assert.equal(fixture.store.questions.get(id)?.state, "open");
  fixture.end();
});

test("an identical call joins the open question, and both get the one result", async () => {
  const fixture = openFixture();
  const first = await asked(fixture);
  const second = fixture.door.call(write());
  await new Promise(setImmediate);
  assert.equal(fixture.store.questions.list(["open"]).length, 1);
  await fixture.door.answer(first.id, { kind: "yes" }, OWNER);
  assert.deepEqual([(await first.answer).kind, (await second).kind], ["result", "result"]);
  assert.equal(fixture.sent.length, 1);
  fixture.end();
});

test("a client that waited long enough is told to come back, and finds the result later", async () => {
  const fixture = openFixture({ waitMs: 0 });
  const told = await fixture.door.call(write());
  assert.equal(told.kind, "waiting");
  const id = told.kind === "waiting" ? told.question : "";
  assert.equal((await fixture.door.result(id, { session: "s1", principal: CLIENT })).kind, "waiting");
  await fixture.door.answer(id, { kind: "yes" }, OWNER);
  assert.equal((await fixture.door.result(id, { session: "s1", principal: CLIENT })).kind, "result");
  const other = await fixture.door.result(id, { session: "s9", principal: { kind: "client", name: "other" } });
  assert.equal(other.kind, "denied");
  fixture.end();
});

test("a result that was fetched later has the keys that the server wrote", async () => {
  const fixture = openFixture({ waitMs: 0 });
  const structuredContent = { h: 1, '"': 2 };
  fixture.reply = async () => ({ kind: "result", result: { structuredContent } });
  const told = await fixture.door.call(write());
  const id = told.kind === "waiting" ? told.question : "";
  // What an engine's cache of keys is taught by a text of an attacker's.
  for (const poison of ['{"h":[],"\\\\":0}', '{"h":[],"\\\\\\"":0}']) parseStrict(poison);
  await fixture.door.answer(id, { kind: "yes" }, OWNER);
  const later = await fixture.door.result(id, { session: "s1", principal: CLIENT });
  assert.deepEqual(later.kind === "result" && later.result["structuredContent"], structuredContent);
  fixture.end();
});

test("the session that fetches a result takes on its label", async () => {
  const fixture = openFixture({ waitMs: 0 });
  const told = await fixture.door.call(write());
  const id = told.kind === "waiting" ? told.question : "";
  await fixture.door.answer(id, { kind: "yes" }, OWNER);
  await fixture.door.result(id, { session: "fresh", principal: CLIENT });
  assert.deepEqual(fixture.store.sessions.get("fresh")?.label.compartments, ["family"]);
  fixture.end();
});

test("a policy that changed elsewhere keeps the yes; a ban that came meanwhile beats it", async () => {
  const fixture = openFixture();
  const elsewhere = 'rules:\n  - { id: other, answer: deny, tool: notes.read_note, reason: "not now" }\n';
  const first = await asked(fixture);
  fixture.accept(policyFiles(elsewhere));
  await fixture.door.answer(first.id, { kind: "yes" }, OWNER);
  assert.equal((await first.answer).kind, "result");
  const second = await asked(fixture, { path: "/b", text: "x" });
  fixture.accept(policyFiles(elsewhere.replace("read_note", "write_note")));
  await fixture.door.answer(second.id, { kind: "yes" }, OWNER);
  assert.equal((await second.answer).kind, "denied");
  assert.equal(fixture.store.questions.get(second.id)?.state, "void");
  assert.equal(fixture.sent.length, 1);
  fixture.end();
});

test("a card or a server that changed after the question voids the yes and asks anew", async () => {
  const files = policyFiles(null);
  const change = (file: string, from: string, to: string): PolicyFiles => ({
    ...files,
    [file]: files[file]?.replace(from, to) ?? "",
  });
  const changes = [
    change("cards/notes.yaml", "effect: write", "effect: send"),
    change("stack.yaml", '/mcp", ', '/mcp", secrets: { Authorization: "secret:other" }, '),
    policyFiles(null, { ...SURFACE, serverInfo: { name: "another program" } }),
  ];
  for (const changed of changes) {
    assert.notDeepEqual(changed, files);
    await asksAnewAfter(changed);
  }
});

async function asksAnewAfter(changed: PolicyFiles): Promise<void> {
  const fixture = openFixture();
  const { id, answer } = await asked(fixture);
  fixture.accept(changed);
  await fixture.door.answer(id, { kind: "yes" }, OWNER);
  const got = await answer;
  assert.equal(got.kind, "waiting");
  assert.equal(fixture.sent.length, 0);
  assert.equal(fixture.store.questions.get(id)?.state, "void");
  assert.equal(fixture.store.questions.list(["open"]).length, 1);
  fixture.end();
}

test("what the owner's rule names runs without a question, and a ban beats it", async () => {
  const allow = `rules:
  - { id: notes-ok, answer: allow, tool: notes.write_note, args: { path: { equals: /a } }, reason: "my notes" }
`;
  const fixture = openFixture({ rules: allow });
  assert.equal((await fixture.door.call(write())).kind, "result");
  const { answer, id } = await asked(fixture, { path: "/elsewhere", text: "x" });
  await fixture.door.answer(id, { kind: "no", note: "" }, OWNER);
  assert.equal((await answer).kind, "denied");
  fixture.accept(policyFiles(`${allow}  - { id: never, answer: deny, tool: "notes.*", reason: "holidays" }\n`));
  const banned = await fixture.door.call(write());
  assert.equal(banned.kind === "denied" && banned.because, "C0");
  fixture.end();
});

test("no card, no server, arguments that break the schema: denied, and nothing is sent", async () => {
  const fixture = openFixture();
  for (const request of [
    { ...read(), tool: "notes.unheard_of" },
    { ...read(), tool: "nobody.read_note" },
    { ...read(), tool: "__proto__.x" },
    { ...read(), tool: "notes" },
    read({ path: 3 }),
    read({}),
  ]) {
    const answer = await fixture.door.call(request);
    assert.equal(answer.kind, "denied", request.tool);
  }
  assert.equal(fixture.sent.length, 0);
  fixture.end();
});

test("a server that serves another definition than the pinned one is not called", async () => {
  const fixture = openFixture();
  fixture.serve({ ...SURFACE, tools: [{ ...SURFACE.tools[0], description: "now with a trick" }, WRITE_TOOL] });
  const answer = await fixture.door.call(read());
  assert.equal(answer.kind === "denied" && answer.because, "C0");
  assert.equal(fixture.sent.length, 0);
  fixture.end();
});

test("a client that is not cleared for the compartment gets nothing, not even an error text", async () => {
  const fixture = openFixture();
  const answer = await fixture.door.call({ ...read(), principal: { kind: "client", name: "office" } });
  assert.equal(answer.kind === "denied" && answer.because, "C1");
  assert.equal(fixture.sent.length, 0);
  fixture.end();
});

test("stop denies everything, also what was already answered, until the owner resumes", async () => {
  const fixture = openFixture();
  const { id, answer } = await asked(fixture);
  await fixture.door.stop("enough");
  assert.equal((await fixture.door.call(read())).kind, "denied");
  await fixture.door.answer(id, { kind: "yes" }, OWNER);
  assert.equal((await answer).kind, "denied");
  assert.equal(fixture.sent.length, 0);
  const reopened = fixture.reopen();
  assert.equal(reopened.door.isStopped(), true);
  reopened.door.resume(OWNER);
  assert.equal((await reopened.door.call(read())).kind, "result");
  fixture.store.close();
  reopened.end();
});

test("a stop between the intent and the act keeps the call from being sent", async () => {
  const fixture = openFixture();
  const { id, answer } = await asked(fixture);
  const answering = fixture.door.answer(id, { kind: "yes" }, OWNER);
  await fixture.door.stop("now");
  await answering;
  assert.notEqual((await answer).kind, "result");
  assert.equal(fixture.sent.length, 0);
  fixture.end();
});

test("an effect whose server died in the call may or may not have happened, and is told so", async () => {
  const fixture = openFixture();
  fixture.reply = async () => ({ kind: "broken", reason: "it died" });
  const { id, answer } = await asked(fixture);
  await fixture.door.answer(id, { kind: "yes" }, OWNER);
  const got = await answer;
  assert.match(got.kind === "failed" ? got.reason : "", /may or may not have happened/);
  assert.equal(kinds(fixture).at(-1), "unknown");
  fixture.end();
});

test("after a crash an effect without outcome is unknown, and a read is lost", async () => {
  const fixture = openFixture({
    rules: `rules:
  - { id: ok, answer: allow, tool: notes.write_note, args: { path: any }, reason: "x" }
`,
  });
  const { promise: never } = Promise.withResolvers<never>();
  fixture.reply = () => never;
  fixture.door.call(read()).catch(() => assert.fail("a call was refused"));
  fixture.door.call(write()).catch(() => assert.fail("a call was refused"));
  while (fixture.sent.length < 2) await new Promise(setImmediate);
  const reopened = fixture.reopen();
  assert.deepEqual(await reopened.door.recover(), { lost: 1, unknown: 1 });
  assert.equal(reopened.sent.length, 0);
  assert.deepEqual(await reopened.door.recover(), { lost: 0, unknown: 0 });
  fixture.store.close();
  reopened.end();
});

test("a yes that was given before a crash is carried out once after it", async () => {
  const fixture = openFixture({ waitMs: 0 });
  const told = await fixture.door.call(write());
  const id = told.kind === "waiting" ? told.question : "";
  fixture.store.questions.apply(id, { kind: "yes" });
  const reopened = fixture.reopen();
  await reopened.door.recover();
  await reopened.door.carryOutAnswered();
  assert.equal(reopened.sent.length, 1);
  await reopened.door.recover();
  await reopened.door.carryOutAnswered();
  assert.equal(reopened.sent.length, 1);
  assert.equal((await reopened.door.result(id, { session: "s1", principal: CLIENT })).kind, "result");
  fixture.store.close();
  reopened.end();
});

test("a session cannot bury the owner in questions", async () => {
  const fixture = openFixture({ waitMs: 0 });
  for (let index = 0; index < 20; index += 1) await fixture.door.call(write({ path: `/${index}`, text: "x" }));
  const answer = await fixture.door.call(write({ path: "/21", text: "x" }));
  assert.equal(answer.kind === "denied" && answer.because, "C0");
  assert.equal(fixture.store.questions.list(["open"]).length, 20);
  fixture.end();
});

test("a connection while everything is stopped is refused and recorded", async () => {
  const fixture = openFixture();
  const target = { principal: "freehold", purpose: "supply", host: "registry.example", port: 443 };
  assert.equal(fixture.door.connect(target), true);
  await fixture.door.stop("x");
  assert.equal(fixture.door.connect(target), false);
  assert.deepEqual(
    fixture.store.ledger.entries({ kind: "connection", limit: 9 }).map((entry) => entry.facts["allowed"]),
    [true, false],
  );
  fixture.end();
});
