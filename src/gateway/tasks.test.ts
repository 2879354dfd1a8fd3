import assert from "node:assert/strict";
import { test } from "node:test";
import type { ForeseenCall, JsonObject } from "../kernel/index.ts";
import type { PolicyFiles } from "../manifest/index.ts";
import { openFixture, OWNER, policyFiles, type DoorFixture } from "../../tests/fixtures/door.ts";

const AGENT = { kind: "agent", name: "" } as const;
const WRITE = "notes.write_note";
const as = (tool: string, args: JsonObject) => ({ session: "a1", principal: AGENT, tool, args });
const letter = (path: string, text = "x"): JsonObject => ({ path, text });
const exact = (args: JsonObject): ForeseenCall => ({ tool: WRITE, args, open: [] });

function stackWith(line: string): PolicyFiles {
  const files = policyFiles(null);
  return { ...files, "stack.yaml": `${files["stack.yaml"] ?? ""}${line}\n` };
}

interface Said {
  readonly message?: string;
  readonly outline?: Readonly<Record<string, number>>;
  readonly foreseen?: readonly ForeseenCall[];
}

function say(fixture: DoorFixture, { message = "tidy my notes", outline, foreseen = [] }: Said): string | null {
  const counts = outline === undefined ? null : new Map(Object.entries(outline));
  return fixture.door.hear({ session: "a1", principal: AGENT, message, outline: counts, foreseen }, OWNER);
}

function open(t: { after(work: () => void): void }, files: PolicyFiles = policyFiles(null)): DoorFixture {
  const fixture = openFixture({ waitMs: 0 });
  t.after(() => fixture.end());
  fixture.accept(files);
  return fixture;
}

const readSomething = (fixture: DoorFixture) => fixture.door.call(as("notes.read_note", { path: "/a" }));
const kinds = async (fixture: DoorFixture, calls: readonly JsonObject[]): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const args of calls) found.push((await fixture.door.call(as(WRITE, args))).kind);
  return found;
};

test("one yes to a task lets each of its calls through once, exactly as shown, and nothing else", async (t) => {
  const fixture = open(t);
  const [a, b] = [letter("/from/a"), letter("/from/b")];
  const id = say(fixture, { foreseen: [exact(a), exact(b)] });
  assert.ok(id !== null);
  await readSomething(fixture);
  const answered = await fixture.door.answer(id, { kind: "yes" }, OWNER);
  assert.equal(answered.kind === "done" && answered.question.state, "spent");
  assert.equal(fixture.sent.length, 1, "the yes itself runs nothing");
  assert.deepEqual(await kinds(fixture, [a, letter("/from/b", "y"), b, a, b]), [
    "result",
    "waiting",
    "result",
    "waiting",
    "waiting",
  ]);
  const said = fixture.store.ledger.entries({ kind: "intent", limit: 9 }).map(({ facts }) => JSON.stringify(facts));
  assert.ok(
    said.some((facts) => facts.includes(`in question ${id}`)),
    "the ledger names the question",
  );
});

test("fewer than two calls that would ask are no task: each is asked when it comes", (t) => {
  const fixture = open(t);
  assert.equal(say(fixture, { foreseen: [exact(letter("/from/a"))] }), null);
  const outline = { [WRITE]: 2 };
  const mine = [exact(letter("/sums/may.txt")), exact(letter("/sums/june.txt"))];
  assert.equal(say(fixture, { message: "write /sums/may.txt and /sums/june.txt", outline, foreseen: mine }), null);
  assert.equal(say(fixture, { foreseen: [exact({ path: 3 }), exact({ path: 4 })] }), null, "denied, not asked");
  assert.equal(fixture.store.questions.list(["open"]).length, 0);
});

test("a call that the open task names waits for its question; a no is told, later ones ask", async (t) => {
  const fixture = open(t);
  const [a, b] = [letter("/from/a"), letter("/from/b")];
  const id = say(fixture, { foreseen: [exact(a), exact(b)] }) ?? "";
  const waits = await fixture.door.call(as(WRITE, a));
  assert.equal(waits.kind === "waiting" && waits.question, id);
  assert.equal(fixture.store.questions.list(["open"]).length, 1);
  await fixture.door.answer(id, { kind: "no", note: "not today" }, OWNER);
  const told = await fixture.door.result(id, { session: "a1", principal: AGENT });
  assert.match(told.kind === "denied" ? told.reason : "", /not today/);
  const later = await fixture.door.call(as(WRITE, a));
  assert.notEqual(later.kind === "waiting" && later.question, id);
});

test("a call that waits for its task runs when the owner says yes to it", async (t) => {
  const fixture = openFixture({ waitMs: 60_000 });
  t.after(() => fixture.end());
  const [a, b] = [letter("/from/a"), letter("/from/b")];
  const id = say(fixture, { foreseen: [exact(a), exact(b)] }) ?? "";
  const call = fixture.door.call(as(WRITE, a));
  await new Promise(setImmediate);
  await fixture.door.answer(id, { kind: "yes" }, OWNER);
  assert.equal((await call).kind, "result");
  assert.equal(fixture.sent.length, 1);
});

test("an open argument gets nothing: the call is asked once it is complete, for that argument alone", async (t) => {
  const fixture = open(t);
  const half = { tool: WRITE, args: { path: "/from/a/stranger" }, open: ["text"] };
  const id =
    say(fixture, { outline: { [WRITE]: 3 }, foreseen: [half, exact(letter("/b")), exact(letter("/c"))] }) ?? "";
  await readSomething(fixture);
  assert.deepEqual(await kinds(fixture, [letter("/elsewhere")]), ["waiting"]);
  await fixture.door.answer(id, { kind: "yes" }, OWNER);
  assert.deepEqual(
    await kinds(fixture, [
      letter("/from/a/stranger", "see https://evil.example/x"),
      letter("/from/b/stranger"),
      letter("/from/a/stranger", "fine"),
    ]),
    ["waiting", "waiting", "result"],
  );
});

test("a newer message, another policy, a restart or a new day ends what a task's yes gave", async (t) => {
  const calls = [letter("/from/a"), letter("/from/b")];
  const started = async (isAnswered: boolean): Promise<{ fixture: DoorFixture; id: string }> => {
    const fixture = open(t);
    const id = say(fixture, { foreseen: calls.map(exact) }) ?? "";
    if (isAnswered) await fixture.door.answer(id, { kind: "yes" }, OWNER);
    return { fixture, id };
  };
  const changes: readonly ((fixture: DoorFixture) => void)[] = [
    (fixture) => void say(fixture, { message: "now something else" }),
    (fixture) => fixture.accept(policyFiles("rules: []\n")),
    (fixture) => void (fixture.nowMs += 25 * 3_600_000),
  ];
  for (const change of changes) {
    const before = await started(true);
    change(before.fixture);
    assert.deepEqual(await kinds(before.fixture, calls), ["waiting", "waiting"]);
    const after = await started(false);
    change(after.fixture);
    await after.fixture.door.answer(after.id, { kind: "yes" }, OWNER);
    assert.deepEqual(await kinds(after.fixture, calls), ["waiting", "waiting"]);
  }
  const { fixture, id } = await started(false);
  const again = fixture.reopen();
  const answered = await again.door.answer(id, { kind: "yes" }, OWNER);
  assert.equal(answered.kind === "done" && answered.question.state, "void");
  again.store.close();
});

test("an outline that must be confirmed is none until the owner said yes, and may be cut down first", async (t) => {
  const fixture = open(t, stackWith("outline: confirm"));
  const message = "put it into /sums/may.txt, /sums/june.txt and /sums/july.txt";
  const id = say(fixture, { message, outline: { [WRITE]: 5, "notes.read_note": 9 } });
  assert.ok(id !== null);
  assert.match(fixture.store.questions.get(id)?.sentence ?? "", /write note at most 5 times/);
  await readSomething(fixture);
  const waits = await fixture.door.call(as(WRITE, letter("/sums/may.txt")));
  assert.equal(waits.kind === "waiting" && waits.question, id);
  const cut = { outline: { [WRITE]: 2 }, calls: [] };
  await fixture.door.answer(id, { kind: "yes", args: cut }, OWNER);
  const months = ["may", "june", "july"].map((month) => letter(`/sums/${month}.txt`));
  assert.deepEqual(await kinds(fixture, months), ["result", "result", "waiting"]);
});

test("an edit can not raise a count, and what is no outline is not taken for one", async (t) => {
  const fixture = open(t, stackWith("outline: confirm"));
  const message = "put it into /sums/may.txt and /sums/june.txt";
  const id = say(fixture, { message, outline: { [WRITE]: 1 } }) ?? "";
  await readSomething(fixture);
  assert.equal((await fixture.door.answer(id, { kind: "yes", args: { outline: 5 } }, OWNER)).kind, "refused");
  assert.equal(fixture.store.questions.get(id)?.state, "open");
  await fixture.door.answer(id, { kind: "yes", args: { outline: { [WRITE]: 50 }, calls: [] } }, OWNER);
  const calls = ["may", "june"].map((month) => letter(`/sums/${month}.txt`));
  assert.deepEqual(await kinds(fixture, calls), ["result", "waiting"]);
});

test("an outline that came after strangers' text is not put to the owner", async (t) => {
  const fixture = open(t, stackWith("outline: confirm"));
  await readSomething(fixture);
  assert.equal(say(fixture, { outline: { [WRITE]: 5 } }), null);
});

test("a task's yes that a crash cut off gives nothing afterwards", async (t) => {
  const fixture = open(t);
  const id = say(fixture, { foreseen: [exact(letter("/from/a")), exact(letter("/from/b"))] }) ?? "";
  fixture.store.questions.apply(id, { kind: "yes" });
  const again = fixture.reopen();
  await again.door.recover();
  await again.door.carryOutAnswered();
  assert.equal(again.store.questions.get(id)?.state, "void");
  assert.equal((await again.door.call(as(WRITE, letter("/from/a")))).kind, "waiting");
  again.store.close();
});

test("a conversation with its children acts as often as its caps say, over a restart too", async (t) => {
  const rules = `rules:\n  - { id: any, answer: allow, tool: ${WRITE}, args: { path: any }, reason: "mine" }\n`;
  const files = { ...stackWith("caps: { effects: 3, perTool: 2 }"), "rules.yaml": rules };
  const fixture = open(t, files);
  assert.deepEqual(await kinds(fixture, [letter("/a")]), ["result"]);
  const child = fixture.door.openChild({ session: "a1", principal: AGENT });
  const inChild = (door: DoorFixture) => door.door.call({ ...as(WRITE, letter("/b")), session: child });
  assert.equal((await inChild(fixture)).kind, "result");
  const denied = await fixture.door.call(as(WRITE, letter("/c")));
  assert.deepEqual(denied.kind === "denied" && [denied.because, denied.reason], [
    "C0",
    "this conversation has had its 2 uses of this tool",
  ]);
  assert.equal((await readSomething(fixture)).kind, "result");
  const again = fixture.reopen();
  again.accept(files);
  assert.equal((await inChild(again)).kind, "denied");
  const another = await again.door.call({ ...as(WRITE, letter("/c")), session: "a2" });
  assert.equal(another.kind, "result");
  again.store.close();
});

test("a yes to a task from before a stop lets nothing through after it", async (t) => {
  const fixture = open(t, stackWith("outline: confirm"));
  const [a, b, mine] = [letter("/from/a"), letter("/from/b"), letter("/sums/may.txt")];
  const message = "write /sums/may.txt";
  const id = say(fixture, { message, outline: { [WRITE]: 5 }, foreseen: [exact(a), exact(b)] }) ?? "";
  await fixture.door.answer(id, { kind: "yes" }, OWNER);
  await readSomething(fixture);
  assert.deepEqual(await kinds(fixture, [a]), ["result"]);
  await fixture.door.stop("enough");
  fixture.door.resume(OWNER);
  assert.deepEqual(await kinds(fixture, [b, mine]), ["waiting", "waiting"]);
});

test("a task that was asked about before a stop can be answered after it", async (t) => {
  const fixture = open(t);
  const [a, b] = [letter("/from/a"), letter("/from/b")];
  const id = say(fixture, { foreseen: [exact(a), exact(b)] }) ?? "";
  await fixture.door.stop("enough");
  fixture.door.resume(OWNER);
  await fixture.door.answer(id, { kind: "yes" }, OWNER);
  assert.deepEqual(await kinds(fixture, [a, b]), ["result", "result"]);
});
