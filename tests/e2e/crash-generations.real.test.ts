// kill -9 at every step of an apply and of a rollback, enumerated: each write, sync and rename on disk, each commit,
// each write of the store. After it the old generation holds or the new one, and nothing is lost.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { openPolicyState, type PolicyHistory } from "../../src/control/index.ts";
import { homePaths, readPolicyFiles, type HomePaths } from "../../src/home/index.ts";
import { openStore, verifyLedger, type Store } from "../../src/store/index.ts";

const PROGRAM = join(import.meta.dirname, "..", "fixtures", "crash-generations.ts");
const EDIT = "version: 1\nowner: { name: Ada, timezone: UTC }\ncompartments: { three: {} }\n";
const AT_ONCE = 3;
const made = mkdtempSync(join(tmpdir(), "freehold-crash-made-"));

before(async () => void (await run(join(made, "home"), "make", 0)));
after(() => rmSync(made, { recursive: true, force: true }));

interface Ran {
  readonly isKilled: boolean;
  readonly points: number;
}

async function run(dir: string, scenario: string, point: number | string): Promise<Ran> {
  const child = spawn(process.execPath, [PROGRAM, dir, scenario, String(point)], { stdio: ["ignore", "pipe", "pipe"] });
  let [text, said] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await once(child, "close");
  assert.ok(child.signalCode === "SIGKILL" || child.exitCode === 0, said);
  return { isKilled: child.signalCode === "SIGKILL", points: Number(text) };
}

/** A home with three generations of which the third holds, and an edit that was never applied. */
function copyOf(t: TestContext): HomePaths {
  const base = mkdtempSync(join(tmpdir(), "freehold-crash-"));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const dir = join(base, "home");
  cpSync(join(made, "home"), dir, { recursive: true });
  writeFileSync(join(dir, "stack.yaml"), EDIT);
  return homePaths(dir);
}

interface Opened {
  readonly store: Store;
  readonly policy: PolicyHistory;
}

function start(home: HomePaths): Opened {
  const clock = { nowMs: () => 1_800_000_100_000 };
  const store = openStore({ file: home.database, sign: null, nowMs: clock.nowMs, randomBytes });
  return { store, policy: openPolicyState({ home, store, clock }) };
}

const NAMES: Readonly<Record<number, string>> = { 2: "one", 3: "two", 4: "three" };

/** Answers the generation that holds. */
async function holds(home: HomePaths, scenario: string): Promise<number> {
  const { store, policy } = start(home);
  const { number } = policy.generation();
  const isNew = number === (scenario === "apply" ? 4 : 2);
  assert.ok(isNew || number === 3, `generation ${number} holds`);
  // Whole: the policy, its files and the state speak of one generation.
  assert.deepEqual(Object.keys(policy.current().stack.compartments), [NAMES[number]]);
  assert.equal(store.settings.get("policy.accepted"), policy.generation().policy);
  assert.equal(store.settings.get("generation"), String(number));
  const present = readPolicyFiles(home.dir);
  if (isNew) assert.deepEqual(policy.proposal(), null, "the files in the home are the generation's");
  else assert.equal(present["stack.yaml"], EDIT, "the owner's edit still stands there");
  // Recorded once, and only if it happened.
  const entries = store.ledger.entries({ limit: 100 }).filter(({ facts }) => facts["left"] === 3);
  assert.equal(entries.length, isNew ? 1 : 0);
  // Nothing is lost: the edit is in the folder or in the history.
  const history = spawnSync("git", ["log", "-p"], { cwd: home.dir, encoding: "utf8" }).stdout;
  assert.ok(present["stack.yaml"] === EDIT || history.includes("three"), "the edit is kept");
  store.close();
  // A second start changes nothing, and both ways are open.
  const again = start(home);
  assert.equal(again.policy.generation().number, number);
  const size = again.store.ledger.head().size;
  await again.policy.rollback({ from: number, to: isNew && scenario === "rollback" ? 3 : 2 }, { isLive: () => true });
  assert.equal(again.policy.proposal(), null);
  assert.equal(again.store.ledger.head().size, size + 1);
  again.store.close();
  const report = await verifyLedger({ file: home.database, publicKeyPem: null, anchors: [] });
  assert.equal(report.kind, "good");
  assert.equal(existsSync(join(home.generations, "current")), true);
  return number;
}

for (const [scenario, steps] of [
  ["apply", 20],
  ["rollback", 15],
] as const) {
  test(`killed at every step of ${scenario}: the old generation holds or the new one, never between`, async (t) => {
    const { points } = await run(copyOf(t).dir, scenario, 0);
    assert.ok(points >= steps, `${points} points`);
    const met = new Set<number>();
    const queue = Array.from({ length: points }, (_, index) => index + 1);
    const work = async (): Promise<void> => {
      for (let point = queue.shift(); point !== undefined; point = queue.shift()) {
        const home = copyOf(t);
        const ran = await run(home.dir, scenario, point);
        assert.equal(ran.isKilled, true, `point ${point} of ${points}`);
        await t.test(`point ${point} of ${points}`, async () => void met.add(await holds(home, scenario)));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    assert.deepEqual(met, new Set(scenario === "apply" ? [3, 4] : [3, 2]), "both were met");
  });
}

test("killed again in the start that catches up, at every step of it: the next start finishes", async (t) => {
  // The pointer names the new generation, and nothing else has heard of it: the longest way to catch up.
  const home = copyOf(t);
  await run(home.dir, "rollback", "renamed current");
  const behind = join(home.dir, "..", "behind");
  cpSync(home.dir, behind, { recursive: true });
  const { points } = await run(home.dir, "start", 0);
  assert.ok(points >= 10, `${points} points`);
  for (let at = 1; at <= points; at += 1) {
    rmSync(home.dir, { recursive: true });
    cpSync(behind, home.dir, { recursive: true });
    const ran = await run(home.dir, "start", at);
    assert.equal(ran.isKilled, true);
    assert.equal(await holds(home, "rollback"), 2, `point ${at}`);
  }
});
