// The operations on generations: what going back would change, what collecting removes and keeps, drift in three ways.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { initHome, type HomePaths } from "../home/index.ts";
import { isObject, surfaceRoot, type JsonObject } from "../kernel/index.ts";
import { formatLock, type LockedServer } from "../manifest/index.ts";
import { addTree } from "../supply/index.ts";
import { removeTree } from "../../tests/fixtures/daemon.ts";
import { openFixture, OWNER } from "../../tests/fixtures/door.ts";
import { provenOwner } from "../../tests/fixtures/rules.ts";
import { generationOperations } from "./ops-generations.ts";
import { lockOperations } from "./ops-lock.ts";
import { openPolicyState, type PolicyHistory } from "./policy-state.ts";

const STARTER = "version: 1\nowner: { name: Ada, timezone: UTC }\n";
const HOUR_MS = 3_600_000;

interface Stage {
  readonly home: HomePaths;
  readonly policy: PolicyHistory;
  readonly run: (op: string, input?: JsonObject) => Promise<JsonObject>;
  /** Locks and applies a release of the server, whose tree holds that text. */
  readonly release: (text: string) => Promise<string>;
}

async function stage(t: TestContext): Promise<Stage> {
  const dir = mkdtempSync(join(tmpdir(), "freehold-ops-generations-"));
  const fixture = openFixture({ waitMs: 0 });
  t.after(() => {
    fixture.end();
    removeTree(dir);
  });
  const { paths: home } = initHome(join(dir, "home"), { files: { "stack.yaml": STARTER } });
  const clock = { nowMs: () => Date.now() + 2 * HOUR_MS };
  const { store } = fixture;
  const policy = openPolicyState({ home, store, clock });
  const parts = { home, store, clock, policy, endFor: () => assert.fail("nothing restarts") };
  const unasked = { kind: "unknown", what: "offline" } as const;
  const operations = [
    ...generationOperations(parts),
    ...lockOperations({ home, policy, servers: () => [], upstreamDrift: async () => unasked }),
  ];
  const owner = await provenOwner();
  const context = { owner, emit: () => undefined, signal: new AbortController().signal };
  return {
    home,
    policy,
    async run(op, input = {}) {
      const operation = operations.find(({ name }) => name === op);
      assert.ok(operation !== undefined, op);
      return operation.run(input, context);
    },
    async release(text) {
      const tree = await addTree(home, async (folder) => {
        writeFileSync(join(folder, "index.js"), text);
        return null;
      });
      writeFileSync(home.lock, formatLock({ version: 1, servers: { notes: serverOf(text, tree) } }));
      const server = `{ source: "path:./notes-${text}", compartment: home }`;
      writeFileSync(home.stack, `${STARTER}compartments: { home: {} }\nservers: { notes: ${server} }\n`);
      await policy.apply(policy.proposal()?.digest ?? "", OWNER);
      return tree;
    },
  };
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function serverOf(version: string, hash: string): LockedServer {
  const texts = { protocol: "2025-11-25", instructions: null, serverInfo: {}, capabilities: {} };
  const surface = { ...texts, tools: [], resources: [], templates: [], prompts: [] };
  const place = { kind: "path", version, integrity: null, tree: { hash, packages: [] } } as const;
  return {
    source: `path:./notes-${version}`,
    ...place,
    command: ["index.js"],
    surface,
    surfaceRoot: surfaceRoot(surface),
  };
}

test("what going back changes is told before, with edits that would leave and what will be barred", async (t) => {
  const { home, run, release } = await stage(t);
  await release("1");
  await release("2");
  writeFileSync(home.rules, "rules: []\n");
  const plan = await run("rollback.plan");
  assert.deepEqual([plan["from"], plan["to"], plan["code"]], [3, 2, "same"]);
  assert.deepEqual(plan["willBar"], ["notes"]);
  assert.match(JSON.stringify(plan["diff"]), /-.*notes-2/);
  assert.deepEqual([...new Set(Array.isArray(plan["edits"]) ? plan["edits"] : [])], ["rules.yaml"]);
  const done = await run("rollback", { from: 3, to: 2 });
  assert.deepEqual([done["generation"], done["restarts"]], [2, false]);
  await assert.rejects(release("2"), { code: "barred" });
  await run("unbar", { what: "notes" });
  await release("2");
});

test("collecting removes what no kept generation names, and never what one does", async (t) => {
  const { home, policy, run, release } = await stage(t);
  const trees = [];
  for (const text of ["1", "2", "3", "4"]) trees.push(await release(text));
  const young = await addTree(home, async (folder) => {
    writeFileSync(join(folder, "index.js"), "being brought right now");
    return null;
  });
  const later = new Date(Date.now() + 2 * HOUR_MS);
  utimesSync(join(home.trees, young), later, later);
  const dry = await run("gc", { keep: 2, dry: true });
  assert.deepEqual(dry["generations"], [1, 2, 3]);
  assert.deepEqual(new Set(textsOf(dry["trees"])), new Set(trees.slice(0, 2)));
  assert.equal(existsSync(join(home.trees, trees[0] ?? "")), true, "a dry run removes nothing");
  await run("gc", { keep: 2 });
  assert.deepEqual(
    trees.map((tree) => existsSync(join(home.trees, tree))),
    [false, false, true, true],
  );
  assert.equal(existsSync(join(home.trees, young)), true);
  assert.deepEqual(readdirSync(home.generations).toSorted(), ["4", "5", "current"]);
  await policy.rollback({ from: 5, to: 4 }, OWNER);
  assert.equal((await run("gc", { keep: 1 }))["generations"] instanceof Array, true);
  assert.equal(existsSync(join(home.trees, trees[2] ?? "")), true, "what holds stays, however old");
});

test("nothing is collected while a record cannot be read, nor with a senseless number to keep", async (t) => {
  const { home, run, release } = await stage(t);
  await release("1");
  await assert.rejects(run("gc", { keep: 0 }), { code: "control.input" });
  writeFileSync(join(home.generations, "1", "generation.json"), "{}");
  await assert.rejects(run("gc", { keep: 1 }), { code: "generation.damaged" });
});

test("drift is told for the files, for what is installed, and as unknown where nobody could be asked", async (t) => {
  const { home, run, release } = await stage(t);
  const tree = await release("1");
  const kinds = async () => {
    const { rows } = await run("lock.check");
    assert.ok(Array.isArray(rows));
    return rows.filter(isObject).map(({ direction, kind }) => JSON.stringify([direction, kind]));
  };
  assert.deepEqual(await kinds(), ['["repo","same"]', '["running","same"]', '["upstream","unknown"]']);
  writeFileSync(
    home.stack,
    `${STARTER}compartments: { home: {} }\nservers: { notes: { source: "path:./b", compartment: home } }\n`,
  );
  removeTree(join(home.trees, tree));
  mkdirSync(join(home.trees, tree));
  const { drifts } = await run("lock.check");
  assert.equal(drifts, 2);
  assert.deepEqual(await kinds(), ['["repo","drift"]', '["running","drift"]', '["upstream","unknown"]']);
});
