// Generations of the policy: every apply makes one, going back goes to the one before it, and nothing is lost.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { initHome, type HomePaths } from "../home/index.ts";
import { sha256, surfaceRoot, type Digest } from "../kernel/index.ts";
import { formatLock } from "../manifest/index.ts";
import { openFixture, OWNER, type DoorFixture } from "../../tests/fixtures/door.ts";
import { barredList, refuseBarred, unbar } from "./barred.ts";
import { openPolicyState, type PolicyHistory } from "./policy-state.ts";

const STARTER = "version: 1\nowner: { name: Ada, timezone: UTC }\n";

interface Stage {
  readonly home: HomePaths;
  readonly fixture: DoorFixture;
  readonly policy: PolicyHistory;
  readonly open: () => PolicyHistory;
}

function stage(t: TestContext): Stage {
  const dir = mkdtempSync(join(tmpdir(), "freehold-generations-"));
  const fixture = openFixture({ waitMs: 0 });
  t.after(() => {
    fixture.end();
    rmSync(dir, { recursive: true, force: true });
  });
  const { paths: home } = initHome(join(dir, "home"), { files: { "stack.yaml": STARTER } });
  const clock = { nowMs: () => fixture.nowMs };
  const open = (): PolicyHistory => openPolicyState({ home, store: fixture.store, clock });
  return { home, fixture, open, policy: open() };
}

function edit(home: HomePaths, line: string): void {
  writeFileSync(home.stack, STARTER + line);
}

async function apply(policy: PolicyHistory, home: HomePaths, line: string): Promise<void> {
  edit(home, line);
  await policy.apply(policy.proposal()?.digest ?? "", OWNER);
}

function back(policy: PolicyHistory, to?: number): Promise<unknown> {
  const way = policy.wayBack(to);
  return policy.rollback({ from: way.from.number, to: way.to.number }, OWNER);
}

function log(home: HomePaths): string {
  return spawnSync("git", ["log", "--format=%s", "-p"], { cwd: home.dir, encoding: "utf8" }).stdout;
}

test("every apply makes a generation, and a rollback goes to its parent and not to the number before", async (t) => {
  const { home, policy } = stage(t);
  assert.equal(policy.generation().number, 1);
  await apply(policy, home, "compartments: { one: {} }\n");
  await apply(policy, home, "compartments: { two: {} }\n");
  assert.deepEqual([policy.generation().number, policy.generation().parent], [3, 2]);
  await back(policy);
  assert.equal(policy.generation().number, 2);
  assert.equal(readFileSync(home.stack, "utf8"), `${STARTER}compartments: { one: {} }\n`);
  await apply(policy, home, "compartments: { three: {} }\n");
  assert.deepEqual([policy.generation().number, policy.generation().parent], [4, 2]);
  await back(policy);
  assert.equal(policy.generation().number, 2);
  await back(policy, 3);
  assert.deepEqual(Object.keys(policy.current().stack.compartments), ["two"]);
  assert.equal(policy.proposal(), null);
});

test("what holds after a rollback holds after the next start, and the ledger says it", async (t) => {
  const { home, fixture, policy, open } = stage(t);
  await apply(policy, home, "compartments: { one: {} }\n");
  await back(policy);
  const again = open();
  assert.equal(again.generation().number, 1);
  assert.deepEqual(again.current().stack.compartments, {});
  const [entry] = fixture.store.ledger.entries({ limit: 100 }).filter(({ subject }) => subject === "rollback");
  assert.deepEqual([entry?.facts["generation"], entry?.facts["left"]], [1, 2]);
});

test("edits that were never applied leave the folder at a rollback, and stay in the history", async (t) => {
  const { home, policy } = stage(t);
  await apply(policy, home, "compartments: { one: {} }\n");
  edit(home, "compartments: { precious: {} }\n");
  await back(policy);
  assert.equal(readFileSync(home.stack, "utf8"), STARTER);
  assert.match(log(home), /Roll back to generation 1[\s\S]*Keep edits that were not applied[\s\S]*\+.*precious/);
});

test("a card file that the older generation did not have is taken away, and one it had comes back", async (t) => {
  const { home, policy } = stage(t);
  await apply(policy, home, "compartments: { one: {} }\n");
  writeFileSync(home.rules, "rules: []\n");
  await policy.apply(policy.proposal()?.digest ?? "", OWNER);
  await back(policy);
  assert.equal(existsSync(home.rules), false);
  await back(policy, 3);
  assert.equal(readFileSync(home.rules, "utf8"), "rules: []\n");
});

test("a rollback is refused without the owner, from another generation than shown, and past the first", async (t) => {
  const { home, policy } = stage(t);
  assert.throws(() => policy.wayBack(), { code: "generation.no-parent" });
  assert.throws(() => policy.wayBack(7), { code: "generation.unknown" });
  await apply(policy, home, "compartments: { one: {} }\n");
  await assert.rejects(policy.rollback({ from: 2, to: 1 }, { isLive: () => false }), { code: "owner.needed" });
  await assert.rejects(policy.rollback({ from: 1, to: 1 }, OWNER), { code: "policy.moved" });
  assert.equal(policy.generation().number, 2);
});

test("a byte that was changed in a kept file, a record or the pointer is named at the next start", async (t) => {
  const { home, policy, open } = stage(t);
  await apply(policy, home, "compartments: { one: {} }\n");
  const accepted = join(home.accepted, `${policy.generation().policy}.json`);
  const record = join(home.generations, "2", "generation.json");
  for (const [file, words, code] of [
    [accepted, /its stack\.yaml/, "policy.changed"],
    [record, /record of generation 2 was changed/, "generation.damaged"],
    [join(home.generations, "current"), /is no pointer/, "generation.damaged"],
  ] as const) {
    const sound = readFileSync(file, "utf8");
    writeFileSync(file, sound.replace(/[o2](?=[^o2]*$)/, "#"));
    assert.throws(open, (error: Error & { code?: string }) => error.code === code && words.test(error.message), file);
    writeFileSync(file, sound);
  }
  assert.equal(open().generation().number, 2);
});

test("a pointer that was lost is written again from what the state knows", async (t) => {
  const { home, policy, open } = stage(t);
  await apply(policy, home, "compartments: { one: {} }\n");
  rmSync(join(home.generations, "current"));
  assert.equal(open().generation().number, 2);
});

function locked(version: string, tree: Digest): string {
  const texts = { protocol: "2025-11-25", instructions: null, serverInfo: {}, capabilities: {} };
  const surface = { ...texts, tools: [], resources: [], templates: [], prompts: [] };
  const place = { kind: "path", version, integrity: null, tree: { hash: tree, packages: [] }, command: ["a"] } as const;
  const server = { source: `path:./notes-${version}`, ...place, surface, surfaceRoot: surfaceRoot(surface) };
  return formatLock({ version: 1, servers: { notes: server } });
}

test("the version of a server that was rolled back from is barred until the owner lets it in", async (t) => {
  const { home, fixture, policy } = stage(t);
  const { settings } = fixture.store;
  for (const [version, tree] of [
    ["1", sha256("one")],
    ["2", sha256("two")],
  ] as const) {
    writeFileSync(home.lock, locked(version, tree));
    const server = `{ source: "path:./notes-${version}", compartment: home }`;
    await apply(policy, home, `compartments: { home: {} }\nservers: { notes: ${server} }\n`);
  }
  await back(policy);
  const [barred] = barredList(settings);
  assert.deepEqual([barred?.name, barred?.source, barred?.tree], ["notes", "path:./notes-2", sha256("two")]);
  const second = { source: "path:./elsewhere", tree: sha256("two") };
  assert.throws(() => refuseBarred(settings, second), { code: "barred" });
  refuseBarred(settings, { source: "path:./notes-1", tree: sha256("one") });
  assert.throws(() => unbar(settings, "nobody"), { code: "barred.unknown" });
  unbar(settings, "notes");
  refuseBarred(settings, second);
  await back(policy);
  assert.deepEqual(barredList(settings), [], "to a generation without the server, nothing is barred");
});
