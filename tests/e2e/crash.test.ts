// kill -9 at every step of a call, enumerated: before and after each write of the store, and around the send.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { verifyLedger } from "../../src/store/index.ts";
import { addClient, addRogues, effects, makeHome, openMcp, processesWith, until } from "../fixtures/daemon.ts";
import { CLIENT, heldFiles, openFixture, OWNER, type DoorFixture } from "../fixtures/door.ts";

const PROGRAM = join(import.meta.dirname, "..", "fixtures", "crash-program.ts");
const RULES = `rules:\n  - { id: ok, answer: allow, tool: notes.write_note, args: { path: any }, reason: "x" }\n`;
const AT_ONCE = 3;

interface Ran {
  readonly dir: string;
  readonly isKilled: boolean;
  readonly points: number;
}

async function run(t: TestContext, scenario: string, point: number): Promise<Ran> {
  const dir = mkdtempSync(join(tmpdir(), "freehold-crash-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const child = spawn(process.execPath, [PROGRAM, dir, scenario, String(point)], { stdio: ["ignore", "pipe", "pipe"] });
  let [text, said] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await once(child, "close");
  assert.ok(child.signalCode === "SIGKILL" || child.exitCode === 0, said);
  return { dir, isKilled: child.signalCode === "SIGKILL", points: Number(text) };
}

function written(dir: string): number {
  const file = join(dir, "effects.log");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").length : 0;
}

/** The same store opened again, as a new daemon does it. */
async function reopen(dir: string, scenario: string): Promise<DoorFixture> {
  const fixture = openFixture({ dir, waitMs: 0, ...(scenario === "rule" ? { rules: RULES } : {}) });
  if (scenario === "held") {
    fixture.accept(heldFiles());
    fixture.nowMs += 60_000;
  }
  fixture.reply = async (call) => {
    appendFileSync(join(dir, "effects.log"), `${call.paramsText}\n`);
    return { kind: "result", result: { content: [] } };
  };
  return fixture;
}

async function holds(ran: Ran, scenario: string): Promise<string> {
  const { dir } = ran;
  const isEffect = scenario !== "read";
  const fixture = await reopen(dir, scenario);
  const { store, door } = fixture;
  const before = written(dir);
  const [question] = store.questions.list(["open", "held", "yes", "spent", "void", "no", "expired"]);
  const wasState = question?.state ?? "none";
  const unfinished = store.ledger.unfinished().length;
  const recovered = await door.recover();
  await door.carryOutAnswered();
  await Promise.all([door.carryOutHeld(), door.carryOutHeld()]);
  // The crash rule.
  assert.deepEqual(recovered, isEffect ? { lost: 0, unknown: unfinished } : { lost: unfinished, unknown: 0 });
  assert.deepEqual(store.ledger.unfinished(), []);
  assert.deepEqual(await door.recover(), { lost: 0, unknown: 0 });
  const entries = store.ledger.entries({ limit: 100 });
  const intents = entries.filter((entry) => entry.kind === "intent");
  for (const intent of intents) {
    const ends = entries.filter((entry) => entry.request === intent.request && entry.seq > intent.seq);
    assert.equal(ends.length, 1, "an intent ends once");
  }
  assert.ok(intents.length >= written(dir) || intents.length === 1, "nothing acts without an intent");
  // No effect twice; what was answered runs, what was spent does not.
  const expected = wasState === "yes" || wasState === "held" ? 1 : before;
  assert.equal(written(dir), expected, `question ${wasState}`);
  if (wasState === "open") {
    assert.equal(store.questions.get(question?.id ?? "")?.state, "open");
    await door.answer(question?.id ?? "", { kind: "yes" }, OWNER);
    assert.equal(written(dir), 1);
  }
  if (wasState === "spent") {
    assert.equal((await door.answer(question?.id ?? "", { kind: "yes" }, OWNER)).kind, "refused");
    const told = await door.result(question?.id ?? "", { session: "s1", principal: CLIENT });
    assert.ok(told.kind === "result" || (told.kind === "failed" && told.reason.includes("may or may not")), told.kind);
    assert.equal(written(dir), before);
  }
  assert.ok(!isEffect || written(dir) <= 1);
  store.close();
  const report = await verifyLedger({ file: join(dir, "freehold.db"), publicKeyPem: null, anchors: [] });
  assert.equal(report.kind, "good");
  return wasState;
}

for (const scenario of ["read", "rule", "yes", "held"]) {
  test(`killed at every point of a call (${scenario}): it runs once at most, and nothing is forgotten`, async (t) => {
    const { points } = await run(t, scenario, 0);
    assert.ok(points >= 8, `${points} points`);
    const states = new Set<string>();
    const queue = Array.from({ length: points }, (_, index) => index + 1);
    const work = async (): Promise<void> => {
      for (let point = queue.shift(); point !== undefined; point = queue.shift()) {
        const ran = await run(t, scenario, point);
        assert.equal(ran.isKilled, true, `point ${point} of ${points}`);
        await t.test(`point ${point} of ${points}`, async () => void states.add(await holds(ran, scenario)));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    const met: Readonly<Record<string, readonly string[]>> = {
      yes: ["none", "open", "yes", "spent"],
      held: ["none", "held", "spent"],
    };
    const expected = met[scenario] ?? ["none"];
    assert.deepEqual(new Set(expected), states, "every state was met");
  });
}

test("a killed daemon takes its sandboxed servers with it, and the next one starts on what is left", async (t) => {
  const home = makeHome(t);
  const first = await home.start({ waitMs: 20 });
  const folder = home.folder("one");
  await addRogues(first, home.paths, [{ name: "one", folder }]);
  const token = await addClient(first, "shell");
  const client = await openMcp(first.url, token);
  const { writeFileSync } = await import("node:fs");
  const told = await client.call("one__write", { path: "a" });
  const open = /question (\w+)\./.exec((await client.call("one__write", { path: "later" })).text)?.[1] ?? "";
  const id = /question (\w+)\./.exec(told.text)?.[1] ?? "";
  writeFileSync(join(folder, "mode"), "children");
  await client.call("one__look", { path: "a" });
  writeFileSync(join(folder, "mode"), "hang-in-write");
  const answering = first.owner.call("question.answer", { id, answer: "yes" }).catch(() => null);
  await until(() => effects(folder).length === 1, "the effect is under way");
  assert.ok(processesWith(folder).length > 0);
  await first.kill9();
  await answering;
  await until(() => processesWith(folder).length === 0, "no process stays");
  await until(() => processesWith("3141").length === 0, "no child of it stays");
  assert.ok(existsSync(home.paths.controlSocket), "its sockets are left");

  const second = await home.start({ waitMs: 20 });
  const inbox = await second.owner.call("inbox", {});
  assert.equal(Array.isArray(inbox["unknown"]) && inbox["unknown"].length, 1);
  assert.deepEqual(Array.isArray(inbox["questions"]) && inbox["questions"].length, 1);
  assert.equal(effects(folder).length, 1);
  writeFileSync(join(folder, "mode"), "");
  await second.owner.call("question.answer", { id: open, answer: "yes" });
  assert.equal(effects(folder).length, 2);
  const again = await openMcp(second.url, token);
  assert.match((await again.call("freehold_result", { question: id })).text, /may or may not have happened/);
  assert.equal((await second.owner.call("ledger.verify", {}))["kind"], "good");
});
