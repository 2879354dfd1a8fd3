import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Fault, textAt } from "../kernel/index.ts";
import type { PolicyFiles } from "../manifest/index.ts";
import { CLIENT, OWNER, policyFiles } from "../../tests/fixtures/door.ts";
import { openRulesStage, type RulesStage } from "../../tests/fixtures/rules.ts";
import { undoOperations, type UndoParts } from "./ops-undo.ts";

const RULES = `rules:
  - { id: ok, answer: allow, tool: notes.write_note, args: { path: any }, principals: ["client:shell"], reason: "x" }
`;
const UNDO = "    undo: { tool: write_note, args: { path: args.path, text: result.before } }\n";

function withUndo(more = "", stack: readonly [string, string] = ["", ""]): PolicyFiles {
  const files = policyFiles(RULES);
  const cards = files["cards/notes.yaml"] ?? "";
  return {
    ...files,
    "stack.yaml": (files["stack.yaml"] ?? "").replace(...stack),
    "cards/notes.yaml": cards.replace("    effect: write\n", `    effect: write-reversible\n${more}${UNDO}`),
  };
}

type Stage = RulesStage;

async function open(t: TestContext, files: PolicyFiles = withUndo()): Promise<Stage> {
  const stage = await openRulesStage(t, {
    operations: (parts: UndoParts) => undoOperations(parts),
    files: () => files,
  });
  stage.fixture.reply = async () => ({
    kind: "result",
    result: { content: [], structuredContent: { before: "what stood there" } },
  });
  return stage;
}

async function written({ fixture }: Stage, path = "/a"): Promise<string> {
  const args = { path, text: "new" };
  const answer = await fixture.door.call({ session: "s1", principal: CLIENT, tool: "notes.write_note", args });
  assert.equal(answer.kind, "result");
  return answer.request;
}

const refused = (code: string, pattern: RegExp) => (error: unknown) =>
  error instanceof Fault && error.code === code && pattern.test(error.message);

test("an undo calls once what the card says, with the result's own fields, as the owner", async (t) => {
  const stage = await open(t);
  const { fixture } = stage;
  const run: Stage["run"] = (op, input) => stage.run(op, input);
  const request = await written(stage);
  const shown = await run("undo.show", { id: request });
  assert.equal(shown["args"], '{"path":"/a","text":"what stood there"}');
  assert.equal(shown["gone"], null);
  const digest = textAt(shown, "digest") ?? "";
  assert.throws(() => void stage.runAsAnybody("undo.run", { id: request, digest }), /needs the owner/);
  await assert.rejects(run("undo.run", { id: request, digest: "0".repeat(64) }), refused("undo.gone", /not the one/));
  const both = await Promise.allSettled([
    run("undo.run", { id: request, digest }),
    run("undo.run", { id: request, digest }),
  ]);
  assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.equal(fixture.sent.length, 2);
  assert.equal(
    fixture.sent[1]?.paramsText,
    '{"arguments":{"path":"/a","text":"what stood there"},"name":"write_note"}',
  );
  const entries = fixture.store.ledger
    .entries({ limit: 100 })
    .filter(({ session }) => session?.startsWith("owner.undo") === true);
  assert.deepEqual(
    entries.map(({ kind, principal }) => `${kind} ${principal}`),
    ["question owner", "answer owner", "intent owner", "outcome owner"],
  );
  await assert.rejects(run("undo.run", { id: request, digest }), refused("undo.gone", /it was used at/));
  assert.match(textAt(await run("undo.show", { id: request }), "gone") ?? "", /offered once/);
});

test("what failed, came without the field, or has no undo on its card offers none", async (t) => {
  const stage = await open(t);
  const { fixture } = stage;
  const run: Stage["run"] = (op, input) => stage.run(op, input);
  for (const result of [{ content: [] }, { isError: true, content: [], structuredContent: { before: "x" } }]) {
    fixture.reply = async () => ({ kind: "result", result });
    await assert.rejects(run("undo.show", { id: await written(stage) }), refused("undo.none", /nothing that ran/));
  }
  fixture.reply = async () => ({ kind: "result", result: { content: [], structuredContent: { before: "\ud800" } } });
  await assert.rejects(run("undo.show", { id: await written(stage) }), refused("undo.none", /nothing that ran/));
  assert.deepEqual(await run("undo.list", {}), { undos: [] });
});

test("an undo that was denied or not sent is still offered; after a week it is gone", async (t) => {
  const stage = await open(t);
  const { fixture } = stage;
  const run: Stage["run"] = (op, input) => stage.run(op, input);
  const request = await written(stage);
  const digest = textAt(await run("undo.show", { id: request }), "digest") ?? "";
  await fixture.door.stop("");
  const denied = await run("undo.run", { id: request, digest });
  assert.equal(denied["isOffered"], true);
  fixture.door.resume(OWNER);
  assert.equal((await run("undo.run", { id: request, digest }))["isOffered"], false);
  const later = await written(stage, "/b");
  fixture.nowMs += 7 * 86_400_000 + 1;
  assert.match(textAt(await run("undo.show", { id: later }), "gone") ?? "", /older than 7 days/);
});

test("an undo of a tool that is held goes at once, since the owner asked for it", async (t) => {
  const stage = await open(t, withUndo("    hold: 30s\n"));
  const { fixture } = stage;
  const run: Stage["run"] = (op, input) => stage.run(op, input);
  const args = { path: "/a", text: "new" };
  const call = { session: "s1", principal: CLIENT, tool: "notes.write_note", args };
  const { request } = await fixture.door.call(call);
  fixture.nowMs += 30_000;
  await fixture.door.carryOutHeld();
  const digest = textAt(await run("undo.show", { id: request }), "digest") ?? "";
  const told = await run("undo.run", { id: request, digest });
  assert.equal(JSON.stringify(told["outcome"]), '{"kind":"result"}');
  assert.equal(fixture.sent.length, 2);
});

test("reversible: free runs in a clean conversation what can be undone, and asks after strangers' text", async (t) => {
  const stage = await open(t, withUndo("", ["family: {}", "family: { reversible: free }"]));
  const { fixture } = stage;
  const call = (path: string) =>
    fixture.door.call({
      session: "a1",
      principal: { kind: "agent", name: "" },
      tool: "notes.write_note",
      args: { path, text: "x" },
    });
  assert.equal((await call("/chosen-by-the-model")).kind, "result");
  const asked = await call("/after-the-answer-of-a-stranger");
  assert.equal(asked.kind, "waiting");
  const [question] = fixture.store.questions.list(["open"]);
  assert.equal(question?.because, "C4");
});

test("an undo that would carry data out of its compartment waits for an answer to that", async (t) => {
  const stage = await open(t);
  const { fixture } = stage;
  const request = await written(stage);
  const { digest } = await stage.run("undo.show", { id: request });
  const files = withUndo("", ["compartment: family", "compartment: work"]);
  fixture.accept(files);
  const told = await stage.run("undo.run", { id: request, digest: digest ?? "" });
  assert.equal(JSON.stringify(told["outcome"]).includes("waiting"), true);
  assert.equal(fixture.sent.length, 1, "nothing was undone");
  const [question] = fixture.store.questions.list(["open"]);
  assert.equal(question?.because, "C1");
  const answered = await fixture.door.answer(question?.id ?? "", { kind: "yes" }, OWNER);
  assert.equal(answered.kind === "done" && answered.outcome?.kind, "result");
  assert.equal(fixture.sent.length, 2);
});
