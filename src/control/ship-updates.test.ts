// `update: ship` while nobody is there: exactly one server's code, by a verdict of this process, or else a notice.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { initHome, type HomePaths } from "../home/index.ts";
import { Fault, sha256, surfaceRoot, type Surface } from "../kernel/index.ts";
import { formatLock, type LockedServer, type PolicyFiles } from "../manifest/index.ts";
import type { Choice, Rehearsal } from "../supply/index.ts";
import { openFixture, OWNER, policyFiles, SURFACE, type DoorFixture } from "../../tests/fixtures/door.ts";
import { bar } from "./barred.ts";
import { openCanaries, type Canaries } from "./canaries.ts";
import { openPolicyState, type PolicyHistory } from "./policy-state.ts";
import { notice, openRows, openUpdates, shipUpdates, type ShipRun } from "./ship-updates.ts";

const INTEGRITY = `sha512-${Buffer.alloc(64).toString("base64")}`;
const DAY_MS = 86_400_000;
const QUIET_TOOL = { name: "read_note", inputSchema: { type: "object" } };

interface Stage {
  readonly home: HomePaths;
  readonly fixture: DoorFixture;
  readonly policy: PolicyHistory;
  readonly canaries: Canaries;
  readonly run: ShipRun;
  readonly asked: string[];
  choice: () => Choice;
  verdict: Rehearsal["judged"]["verdict"];
  surface: Surface;
  /** As after a day. */
  nextDay(): Promise<void>;
}

function lockedAt(version: string, surface: Surface = SURFACE): LockedServer {
  return {
    ...({
      source: `npm:notes@${version}`,
      kind: "npm",
      version,
      integrity: INTEGRITY,
      command: ["node", "a.js"],
    } as const),
    ...{ tree: { hash: sha256(version), packages: [] }, surface, surfaceRoot: surfaceRoot(surface) },
  };
}

function filesOf(update: string): PolicyFiles {
  const files = policyFiles(null);
  const declared = `{ source: "npm:notes@1.0.0", compartment: family${update} }`;
  const stack = (files["stack.yaml"] ?? "").replace(/notes: \{.*\}/, `notes: ${declared}`);
  return {
    ...files,
    "stack.yaml": stack,
    "stack.lock": formatLock({ version: 1, servers: { notes: lockedAt("1.0.0") } }),
  };
}

function known(version: string): Choice {
  const newer = [{ version, ageMs: 9 * DAY_MS, isYoung: false, isLatest: true }];
  return { kind: "known", candidates: { newer, pick: version, note: null }, firstSeen: new Map([[version, 0]]) };
}

function rehearsed(s: Stage, before: LockedServer, source: string): Rehearsal {
  const after = lockedAt(source.split("@").at(-1) ?? "", s.surface);
  const none: readonly string[] = [];
  const packages = { added: none, removed: none, changed: [], rewritten: none, total: 0 };
  return {
    ...{ name: "notes", before, after, ageMs: 9 * DAY_MS, notes: [], seconds: { staged: 1, whole: 2 } },
    judged: { verdict: s.verdict, reasons: [], stakes: 1, change: 0 },
    surface: { grade: null, changes: [], emptied: [], removedTools: [], addedTools: [] },
    tree: {
      ...{ own: { files: 0, added: 0, removed: 0 }, packages, scripts: [], capabilities: [], hosts: [], hunks: "" },
      ...{ dependencies: { files: 0, added: 0, removed: 0 }, readingMinutes: 0, dependencyMinutes: 0 },
    },
    replay: { total: 0, same: 0, differing: [], picked: [], unanswered: [], stale: [] },
    outgoing: { before: 0, after: 0, facts: [], calls: 0 },
    evidence: {
      ...({ provenance: "unknown", publisher: "unknown", advisories: "unknown" } as const),
      ...{ isProvenanceLost: false, isPublisherOther: false, says: { provenance: "", publisher: "", advisories: "" } },
    },
  };
}

async function stage(t: TestContext, update = ", update: ship"): Promise<Stage> {
  const dir = mkdtempSync(join(tmpdir(), "freehold-ship-"));
  const fixture = openFixture({ waitMs: 0 });
  t.after(() => {
    fixture.end();
    rmSync(dir, { recursive: true, force: true });
  });
  const { paths: home } = initHome(join(dir, "home"), {
    files: { "stack.yaml": "version: 1\nowner: { name: Ada, timezone: UTC }\n" },
  });
  const { store, door } = fixture;
  const clock = { nowMs: () => fixture.nowMs };
  const policy = openPolicyState({ home, store, clock });
  mkdirSync(home.cardsDir, { recursive: true });
  for (const [path, text] of Object.entries(filesOf(update))) writeFileSync(join(home.dir, path), text);
  await policy.apply(policy.proposal()?.digest ?? "", OWNER);
  const canaries = openCanaries(store);
  const asked: string[] = [];
  const s: Stage = {
    ...{ home, fixture, policy, canaries, asked, verdict: "ship", surface: SURFACE, choice: () => known("1.0.1") },
    run: shipUpdates({
      ...{ home, store, clock, policy, canaries, door, isOwnUser: false },
      random: { bytes: (count) => new Uint8Array(count) },
      updates: {
        async choose({ name }) {
          asked.push(name);
          return s.choice();
        },
        async rehearse({ locked, source }) {
          asked.push(source);
          return rehearsed(s, locked, source);
        },
        record: async () => [],
      },
      onFault: (error) => assert.fail(String(error)),
      wake: () => () => undefined,
    }),
    async nextDay() {
      fixture.nowMs += 2 * DAY_MS;
      await s.run.look();
    },
  };
  await s.run.look();
  assert.deepEqual(asked, [], "nothing is asked at a start");
  return s;
}

const version = ({ policy }: Stage): string | null => policy.current().lock.servers["notes"]?.version ?? null;

const rehearsals = ({ asked }: Stage): readonly string[] => asked.filter((one) => one.startsWith("npm:"));

test("what ships is taken over once a day, by Freehold, and the entry says so", async (t) => {
  const s = await stage(t);
  await s.nextDay();
  assert.equal(version(s), "1.0.1");
  assert.equal(s.policy.proposal(), null, "nothing waits");
  const entry = s.fixture.store.ledger.entries({ limit: 50 }).findLast(({ subject }) => subject === "policy");
  assert.equal(entry?.principal, "freehold");
  assert.match(readFileSync(s.home.stack, "utf8"), /npm:notes@1\.0\.1/);
  await s.run.look();
  assert.deepEqual(rehearsals(s), ["npm:notes@1.0.1"], "and not again on the same day");
});

test("any other verdict is a notice and changes nothing, and is not found out again each day", async (t) => {
  for (const verdict of ["skim", "audit", "block"] as const) {
    const s = await stage(t);
    s.verdict = verdict;
    await s.nextDay();
    assert.equal(version(s), "1.0.0");
    const [open] = openUpdates(s.fixture);
    assert.deepEqual([open?.server, open?.version, open?.says], ["notes", "1.0.1", verdict]);
    await s.nextDay();
    assert.deepEqual(rehearsals(s), ["npm:notes@1.0.1"]);
    s.choice = () => known("1.0.2");
    s.verdict = "ship";
    await s.nextDay();
    assert.equal(version(s), "1.0.2");
    assert.deepEqual(openUpdates(s.fixture), []);
  }
});

test("without update: ship, and while everything is stopped, nothing is even asked", async (t) => {
  const asks = await stage(t, "");
  await asks.nextDay();
  const never = await stage(t, ", update: never");
  await never.nextDay();
  const stopped = await stage(t);
  await stopped.fixture.door.stop("now");
  await stopped.nextDay();
  assert.deepEqual([asks.asked, never.asked, stopped.asked], [[], [], []]);
});

test("an edit that the owner wrote and did not apply gives Freehold no right", async (t) => {
  const s = await stage(t, "");
  writeFileSync(s.home.stack, filesOf(", update: ship")["stack.yaml"] ?? "");
  await s.nextDay();
  assert.deepEqual([version(s), s.asked], ["1.0.0", []]);
});

test("other changes that wait are not applied along: there is a notice", async (t) => {
  const s = await stage(t);
  writeFileSync(s.home.stack, `${readFileSync(s.home.stack, "utf8")}caps: { sends: 3 }\n`);
  await s.nextDay();
  assert.equal(version(s), "1.0.0");
  assert.match(openUpdates(s.fixture)[0]?.says ?? "", /changes of yours wait/);
});

test("what offers other tools waits for the owner whatever its verdict, and leaves the files alone", async (t) => {
  const s = await stage(t);
  s.surface = { ...SURFACE, tools: [...SURFACE.tools, { ...QUIET_TOOL, name: "new_tool" }] };
  await s.nextDay();
  assert.equal(version(s), "1.0.0");
  assert.equal(s.policy.proposal(), null, "the files are as before");
  assert.match(openUpdates(s.fixture)[0]?.says ?? "", /offers other tools/);
});

test("a version that was rolled back from is not taken over, and no network is a notice", async (t) => {
  const s = await stage(t);
  const tree = sha256("1.0.1");
  bar(s.fixture.store.settings, [{ name: "notes", source: "npm:notes@1.0.1", tree, reason: "bad", atMs: 0 }]);
  await s.nextDay();
  assert.deepEqual([version(s), s.asked], ["1.0.0", ["notes"]]);
  const clock = { nowMs: () => s.fixture.nowMs };
  notice({ store: s.fixture.store, clock }, "notes", { version: "1.0.1", says: "ship" });
  assert.deepEqual(openRows({ store: s.fixture.store, policy: s.policy }), [], "nor told as open");
  s.choice = () => ({ kind: "unknown", why: "the registry did not answer" });
  await s.nextDay();
  assert.match(openUpdates(s.fixture)[0]?.says ?? "", /^unknown: the registry did not answer/);
});

test("while an update is watched no other one is taken over", async (t) => {
  const s = await stage(t);
  const canary = { server: "other", source: "npm:other@2.0.0", generation: 2, back: 1, lengthMs: 60_000 };
  s.canaries.put({ ...canary, untilMs: null, reads: null, unseen: null, trouble: null });
  await s.nextDay();
  assert.deepEqual(s.asked, []);
  s.canaries.end("other", "kept", {});
  await s.run.look();
  assert.equal(version(s), "1.0.1");
});

test("only what the owner's update: ship names is applied without them", async (t) => {
  const s = await stage(t);
  const [one, two] = [sha256("1.0.0"), sha256("1.0.1")];
  const refusedFor = async (more: object): Promise<string> => {
    const shipped = { digest: "", server: "notes", verdict: "ship", before: one, after: two, ...more } as const;
    const fault = await s.policy.ship(shipped).then(
      () => null,
      (error: unknown) => error,
    );
    return fault instanceof Fault && fault.code === "ship.refused" ? fault.message : String(fault);
  };
  const lock = (after: LockedServer): void =>
    writeFileSync(s.home.lock, formatLock({ version: 1, servers: { notes: after } }));
  const stack = readFileSync(s.home.stack, "utf8");
  lock(lockedAt("1.0.1"));
  writeFileSync(s.home.stack, stack.replace("1.0.0", "1.0.1"));
  assert.match(await refusedFor({ verdict: "audit" }), /verdict is audit/);
  assert.match(await refusedFor({ after: sha256("x") }), /not what was rehearsed/);
  assert.match(await refusedFor({ server: "other" }), /does not say update: ship/);
  assert.match(await refusedFor({}), /changed after their diff was shown/, "another proposal than was made");
  writeFileSync(s.home.stack, `${stack.replace("1.0.0", "1.0.1")}caps: { sends: 3 }\n`);
  assert.match(await refusedFor({}), /more than its code/);
  lock({ ...lockedAt("1.0.1"), source: "npm:other@1.0.1" });
  writeFileSync(s.home.stack, stack.replace("npm:notes@1.0.0", "npm:other@1.0.1"));
  assert.match(await refusedFor({}), /another package/);
  assert.equal(version(s), "1.0.0");
});
