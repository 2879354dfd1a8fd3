import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { DoorAnswer, JsonObject, Question } from "../kernel/index.ts";
import type { PolicyFiles } from "../manifest/index.ts";
import {
  CLIENT,
  openFixture,
  OWNER,
  policyFiles,
  type DoorFixture,
  type FixtureOptions,
} from "../../tests/fixtures/door.ts";
import { watchHolds, type Holds } from "./holds.ts";

const RULES = 'rules:\n  - { id: ok, answer: allow, tool: notes.write_note, args: { path: any }, reason: "x" }\n';
const HOLD_MS = 30_000;
const AGENT = { kind: "agent", name: "" } as const;

interface Change {
  readonly rules?: string;
  readonly hold?: string;
  readonly owner?: string;
  readonly compartment?: string;
  readonly cards?: readonly [from: string, to: string];
}

function held(change: Change = {}): PolicyFiles {
  const files = policyFiles(change.rules ?? RULES);
  const hold = change.hold ?? "30s";
  const [from, to] = change.cards ?? ["", ""];
  return {
    ...files,
    "cards/notes.yaml": (files["cards/notes.yaml"] ?? "")
      .replace("    effect: write\n", hold === "" ? "    effect: write\n" : `    effect: write\n    hold: ${hold}\n`)
      .replace(from, to),
    "stack.yaml": (files["stack.yaml"] ?? "")
      .replace("timezone: UTC", change.owner ?? "timezone: UTC")
      .replace("family: {}", `family: ${change.compartment ?? "{}"}`),
  };
}

function open(t: TestContext, options: FixtureOptions = {}): DoorFixture {
  const fixture = openFixture({ waitMs: 60_000, ...options });
  fixture.accept(held());
  t.after(() => fixture.end());
  return fixture;
}

const write = (args: JsonObject = { path: "/a", text: "hello" }, more: { readonly signal?: AbortSignal } = {}) => ({
  session: "s1",
  principal: CLIENT,
  tool: "notes.write_note",
  args,
  ...more,
});

async function hold(fixture: DoorFixture, args?: JsonObject): Promise<{ id: string; answer: Promise<DoorAnswer> }> {
  const before = new Set(fixture.store.questions.list(["held"]).map(({ id }) => id));
  const answer = fixture.door.call(write(args));
  await new Promise(setImmediate);
  const fresh = fixture.store.questions.list(["held"]).find(({ id }) => !before.has(id));
  assert.ok(fresh !== undefined, "nothing is held");
  return { id: fresh.id, answer };
}

function stateOf(fixture: DoorFixture, id: string): Question["state"] | undefined {
  return fixture.store.questions.get(id)?.state;
}

function kinds(fixture: DoorFixture): string[] {
  return fixture.store.ledger.entries({ limit: 100 }).map(({ kind }) => kind);
}

test("an allowed effect with a hold runs once, when the hold has ended and not before", async (t) => {
  const fixture = open(t);
  const { id, answer } = await hold(fixture);
  await fixture.door.carryOutHeld();
  fixture.nowMs += HOLD_MS - 1;
  await fixture.door.carryOutHeld();
  assert.equal(fixture.sent.length, 0);
  assert.deepEqual(fixture.store.questions.apply(id, { kind: "spend" }).kind, "refused", "the kernel holds it too");
  fixture.nowMs += 1;
  await Promise.all([fixture.door.carryOutHeld(), fixture.door.carryOutHeld()]);
  await fixture.door.carryOutHeld();
  assert.equal((await answer).kind, "result");
  assert.equal(fixture.sent.length, 1);
  assert.deepEqual(kinds(fixture), ["hold", "intent", "outcome"]);
  assert.equal((await fixture.door.result(id, write())).kind, "result");
});

test("a compartment holds for all its tools, a card for its own, and a read is never held", async (t) => {
  const fixture = open(t);
  fixture.accept(held({ hold: "", compartment: "{ hold: 10m }" }));
  const { id } = await hold(fixture);
  assert.equal(fixture.store.questions.get(id)?.laterUntilMs, fixture.nowMs + 600_000);
  assert.equal((await fixture.door.call({ ...write(), tool: "notes.read_note", args: { path: "/a" } })).kind, "result");
  fixture.accept(held({ hold: "none", compartment: "{ hold: 10m }" }));
  assert.equal((await fixture.door.call(write({ path: "/b", text: "x" }))).kind, "result");
});

test("anybody may cancel what is held and nothing else; who asked and who joined are told", async (t) => {
  const fixture = open(t);
  const { id, answer } = await hold(fixture);
  const joined = fixture.door.call(write());
  await new Promise(setImmediate);
  assert.equal(fixture.store.questions.list(["held"]).length, 1);
  const cancelled = await fixture.door.cancel(id, "wrong file");
  assert.equal(cancelled.kind, "done");
  for (const told of [await answer, await joined, await fixture.door.result(id, write())]) {
    assert.match(told.kind === "denied" ? told.reason : told.kind, /cancelled while it was held: wrong file/);
  }
  fixture.nowMs += HOLD_MS;
  await fixture.door.carryOutHeld();
  assert.equal(fixture.sent.length, 0);
  assert.equal((await fixture.door.cancel(id, "")).kind, "refused");
  const [entry] = fixture.store.ledger.entries({ kind: "answer", limit: 10 });
  assert.equal(entry?.principal, null, "nobody proved to be the owner");
  fixture.accept(held({ rules: "rules: []\n" }));
  const asked = fixture.door.call(write({ path: "/q", text: "x" }));
  await new Promise(setImmediate);
  const question = fixture.store.questions.list(["open"])[0]?.id ?? "";
  assert.equal((await fixture.door.cancel(question, "")).kind, "refused", "a question is the owner's alone to answer");
  await fixture.door.answer(question, { kind: "no", note: "" }, OWNER);
  await asked;
});

test("the owner lets it go at once, holds it longer, or says no; nobody else does", async (t) => {
  const fixture = open(t);
  const first = await hold(fixture);
  const gone = { isLive: () => false };
  assert.equal((await fixture.door.answer(first.id, { kind: "yes" }, gone)).kind, "refused");
  assert.equal(fixture.sent.length, 0);
  await fixture.door.answer(first.id, { kind: "yes" }, OWNER);
  assert.equal((await first.answer).kind, "result");
  assert.equal(fixture.sent.length, 1);
  const second = await hold(fixture, { path: "/b", text: "x" });
  await fixture.door.answer(second.id, { kind: "later", untilMs: fixture.nowMs + 3_600_000 }, OWNER);
  fixture.nowMs += HOLD_MS;
  await fixture.door.carryOutHeld();
  assert.equal(fixture.sent.length, 1);
  await fixture.door.answer(second.id, { kind: "no", note: "never" }, OWNER);
  const told = await second.answer;
  assert.match(told.kind === "denied" ? told.reason : "", /the owner said no: never/);
});

test("a yes for later is held, decided again, and can still be cancelled", async (t) => {
  const fixture = open(t);
  fixture.accept(held({ rules: "rules: []\n", hold: "" }));
  const ask = async (path: string): Promise<string> => {
    const answer = fixture.door.call(write({ path, text: "x" }));
    answer.catch(() => undefined);
    await new Promise(setImmediate);
    const id = fixture.store.questions.list(["open"])[0]?.id ?? "";
    const untilMs = fixture.nowMs + 600_000;
    const said = await fixture.door.answer(id, { kind: "yes", untilMs }, OWNER);
    assert.deepEqual([said.kind, stateOf(fixture, id)], ["done", "held"]);
    return id;
  };
  const [runs, cancelled] = [await ask("/a"), await ask("/b")];
  await fixture.door.carryOutHeld();
  assert.equal(fixture.sent.length, 0);
  await fixture.door.cancel(cancelled, "");
  fixture.nowMs += 600_000;
  await fixture.door.carryOutHeld();
  assert.deepEqual([stateOf(fixture, runs), stateOf(fixture, cancelled)], ["spent", "no"]);
  assert.equal(fixture.sent.length, 1);
});

test("what changed while it was held counts: a rule that is gone asks, a ban and another card end it", async (t) => {
  const ban = `${RULES}  - { id: no, answer: deny, tool: notes.write_note, reason: "no more" }\n`;
  const cases = [
    [held({ rules: "rules: []\n" }), "waiting"],
    [held({ rules: ban }), "denied"],
    [held({ cards: ["effect: write\n", "effect: credential\n"] }), "waiting"],
    [held({ hold: "10m" }), "denied"],
  ] as const;
  for (const [files, kind] of cases) {
    const fixture = open(t);
    const { id, answer } = await hold(fixture);
    fixture.accept(files);
    fixture.nowMs += HOLD_MS;
    await fixture.door.carryOutHeld();
    assert.equal((await answer).kind, kind);
    assert.equal(stateOf(fixture, id), "void");
    assert.equal(fixture.store.questions.list(["open"]).length, kind === "waiting" ? 1 : 0);
    assert.equal(fixture.sent.length, 0);
  }
});

test("a policy that changed elsewhere lets a held effect run", async (t) => {
  const fixture = open(t);
  const { answer } = await hold(fixture);
  fixture.accept(held({ rules: `${RULES}  - { id: other, answer: deny, tool: notes.read_note, reason: "x" }\n` }));
  fixture.nowMs += HOLD_MS;
  await fixture.door.carryOutHeld();
  assert.equal((await answer).kind, "result");
});

test("what stood in the owner's words is asked about once their next message came", async (t) => {
  const fixture = open(t);
  fixture.accept(held({ rules: "rules: []\n" }));
  const agent = (session: string) => ({ session, principal: AGENT });
  const say = (session: string, message: string) =>
    fixture.door.hear({ ...agent(session), message, outline: null }, OWNER);
  const call = (session: string) =>
    fixture.door.call({ ...agent(session), tool: "notes.write_note", args: { path: "/a.txt", text: "x" } });
  say("a1", "write /a.txt please");
  const first = call("a1");
  await new Promise(setImmediate);
  fixture.nowMs += HOLD_MS;
  await fixture.door.carryOutHeld();
  assert.equal((await first).kind, "result");
  say("a2", "write /a.txt again");
  const second = call("a2");
  await new Promise(setImmediate);
  say("a2", "and now something else");
  fixture.nowMs += HOLD_MS;
  await fixture.door.carryOutHeld();
  assert.equal((await second).kind, "waiting");
  assert.equal(fixture.sent.length, 1);
});

test("a definition that changed in the running server ends what was held", async (t) => {
  const fixture = open(t);
  const { answer } = await hold(fixture);
  fixture.holdBack("its definitions changed");
  fixture.nowMs += HOLD_MS;
  await fixture.door.carryOutHeld();
  assert.equal((await answer).kind, "denied");
  assert.equal(fixture.sent.length, 0);
});

test("a stop freezes what is held, also while its server starts, and a cancel then wins", async (t) => {
  const fixture = open(t);
  const { id } = await hold(fixture);
  await fixture.door.stop("");
  fixture.nowMs += HOLD_MS;
  await fixture.door.carryOutHeld();
  assert.equal(stateOf(fixture, id), "held");
  fixture.door.resume(OWNER);
  // The stop ended the server, so that it starts again before it is decided.
  const running = fixture.door.carryOutHeld();
  const stopped = fixture.door.stop("");
  await Promise.all([running, stopped]);
  assert.equal(stateOf(fixture, id), "held");
  fixture.door.resume(OWNER);
  const again = fixture.door.carryOutHeld();
  await Promise.all([fixture.door.cancel(id, "stop"), again]);
  assert.equal(stateOf(fixture, id), "no");
  assert.equal(fixture.sent.length, 0);
  const told = await fixture.door.result(id, write());
  assert.match(told.kind === "denied" ? told.reason : told.kind, /cancelled/);
});

test("who waits is told until when, who is gone finds the outcome, and too many are refused", async (t) => {
  const fixture = open(t, { waitMs: 0 });
  const told = await fixture.door.call(write());
  assert.equal(told.kind, "waiting");
  assert.equal(told.kind === "waiting" && told.heldUntilMs, fixture.nowMs + HOLD_MS);
  const id = told.kind === "waiting" ? told.question : "";
  assert.deepEqual(await fixture.door.result(id, write()), told);
  fixture.nowMs += HOLD_MS;
  await fixture.door.carryOutHeld();
  assert.equal((await fixture.door.result(id, write())).kind, "result");
  for (let index = 0; index < 20; index += 1) await fixture.door.call(write({ path: `/${index}`, text: "x" }));
  const over = await fixture.door.call(write({ path: "/one-more", text: "x" }));
  assert.match(over.kind === "denied" ? over.reason : over.kind, /20 calls of this program/);
});

test("after a day without a chance to run it has expired, and that means no", async (t) => {
  const fixture = open(t, { waitMs: 0 });
  const told = await fixture.door.call(write());
  const id = told.kind === "waiting" ? told.question : "";
  fixture.nowMs += HOLD_MS + 24 * 3_600_000;
  await fixture.door.carryOutHeld();
  assert.equal((await fixture.door.result(id, write())).kind, "denied");
  assert.equal(stateOf(fixture, id), "expired");
  assert.equal(fixture.sent.length, 0);
});

interface Watched {
  readonly holds: Holds;
  /** When it wants to look next, from now; null when it sleeps. */
  readonly next: () => number | null;
  /** Time passes and the timer rings. */
  readonly ring: (afterMs?: number) => Promise<void>;
}

function watch(t: TestContext, fixture: DoorFixture, files: PolicyFiles): Watched {
  let planned: { readonly run: () => void; readonly afterMs: number } | null = null;
  const faults: unknown[] = [];
  const policy = fixture.policy;
  fixture.accept(files);
  const holds = watchHolds({
    store: fixture.store,
    clock: { nowMs: () => fixture.nowMs },
    door: fixture.door,
    policy,
    onFault: (error) => faults.push(error),
    wake(run, afterMs) {
      planned = { run, afterMs };
      return () => (planned = null);
    },
  });
  t.after(() => {
    holds.close();
    assert.deepEqual(faults, []);
  });
  return {
    holds,
    next: () => planned?.afterMs ?? null,
    async ring(afterMs) {
      assert.ok(planned !== null, "nothing is planned");
      fixture.nowMs += afterMs ?? planned.afterMs;
      planned.run();
      const isUnderway = (): boolean =>
        fixture.store.questions.list(["held"]).some(({ laterUntilMs }) => (laterUntilMs ?? 0) <= fixture.nowMs);
      // Until the disk has confirmed what is carried out now, if anything is.
      for (let turn = 0; turn < 2_000 && isUnderway(); turn += 1) await new Promise(setImmediate);
    },
  };
}

test("it sleeps while nothing is held, wakes when a hold ends, and tries again what was not to be had", async (t) => {
  const fixture = open(t);
  const { next, ring } = watch(t, fixture, held());
  assert.equal(next(), null);
  const { answer } = await hold(fixture);
  assert.equal(next(), HOLD_MS);
  await ring();
  assert.equal((await answer).kind, "result");
  assert.equal(fixture.sent.length, 1);
  const { id } = await hold(fixture, { path: "/b", text: "x" });
  await fixture.door.cancel(id, "");
  await new Promise(setImmediate);
  assert.equal(next(), null);
});

test("quiet hours: what would end in them ends after them, whenever it was written that they are", async (t) => {
  const fixture = open(t);
  fixture.nowMs = Date.parse("2026-11-22T21:59:50Z");
  const quiet = 'timezone: UTC, quiet: "22:00-07:00"';
  const { ring } = watch(t, fixture, held({ owner: quiet }));
  const { id } = await hold(fixture);
  assert.equal(fixture.store.questions.get(id)?.laterUntilMs, Date.parse("2026-11-23T07:00:20Z"));
  const early = await hold(fixture, { path: "/b", text: "x" });
  fixture.store.questions.apply(early.id, { kind: "later", untilMs: fixture.nowMs + 20_000 });
  await ring(20_000);
  assert.equal(fixture.sent.length, 0, "an end that was fixed before does not count in the quiet hours");
  await fixture.door.answer(id, { kind: "yes" }, OWNER);
  assert.equal(fixture.sent.length, 1, "the owner is awake when they say so");
});

test("after a start, a resume and a sleep every hold has its whole length again", async (t) => {
  const fixture = open(t);
  const first = await hold(fixture);
  const end = (): number => fixture.store.questions.get(first.id)?.laterUntilMs ?? 0;
  fixture.nowMs += HOLD_MS + 3_600_000;
  const { ring, next } = watch(t, fixture, held());
  assert.equal(end(), fixture.nowMs + HOLD_MS, "the daemon was down");
  await fixture.door.stop("");
  await ring(50_000);
  assert.equal(stateOf(fixture, first.id), "held");
  fixture.door.resume(OWNER);
  await new Promise(setImmediate);
  assert.equal(end(), fixture.nowMs + HOLD_MS);
  await ring(7_200_000);
  assert.equal(end(), fixture.nowMs + HOLD_MS, "the machine slept");
  assert.equal(next(), HOLD_MS);
  assert.equal(fixture.sent.length, 0);
  await ring();
  assert.equal((await first.answer).kind, "result");
});

test("after a restart what a rule allowed runs once at the end of its hold, what words allowed asks", async (t) => {
  const before = open(t, { waitMs: 0 });
  await before.door.call(write());
  before.door.hear({ session: "a1", principal: AGENT, message: "write /b.txt", outline: null }, OWNER);
  const byWords = { ...write({ path: "/b.txt", text: "x" }), session: "a1", principal: AGENT };
  before.accept(held({ rules: "rules: []\n" }));
  const told = await before.door.call(byWords);
  assert.equal(told.kind === "waiting" && told.heldUntilMs, before.nowMs + HOLD_MS);
  before.store.close();
  const after = before.reopen();
  t.after(() => after.store.close());
  after.nowMs = before.nowMs;
  const { ring } = watch(t, after, held({ rules: RULES.replace("answer:", 'principals: ["client:shell"], answer:') }));
  await after.door.recover();
  await after.door.carryOutAnswered();
  assert.equal(after.sent.length, 0);
  await ring();
  while (after.sent.length === 0) await new Promise(setImmediate);
  assert.equal(after.store.questions.list(["open"])[0]?.binding.tool, "notes.write_note");
  after.nowMs += HOLD_MS;
  await after.door.carryOutHeld();
  assert.deepEqual(
    after.sent.map(({ paramsText }) => paramsText),
    ['{"arguments":{"path":"/a","text":"hello"},"name":"write_note"}'],
  );
});
