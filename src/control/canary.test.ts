// The time after an update: reads first, nothing by a standing permission, and back by itself at the first trouble.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { initHome, type HomePaths } from "../home/index.ts";
import { Fault, sha256, surfaceRoot, type JsonObject } from "../kernel/index.ts";
import { formatLock, type PolicyFiles } from "../manifest/index.ts";
import { openFixture, OWNER, policyFiles, SURFACE, type DoorFixture } from "../../tests/fixtures/door.ts";
import { barredList } from "./barred.ts";
import { openCanaries, type Canaries } from "./canaries.ts";
import { watchCanaries, type CanaryWatch, type WatchedServer } from "./canary-watch.ts";
import { openPolicyState, type PolicyHistory } from "./policy-state.ts";

const OWNERS = { kind: "agent", name: "" } as const;
const RULE = `rules:
  - { id: notes, answer: allow, tool: notes.write_note, args: { path: any, text: any }, reason: "mine" }
`;

interface Stage {
  readonly home: HomePaths;
  readonly fixture: DoorFixture;
  readonly policy: PolicyHistory;
  readonly canaries: Canaries;
  readonly watch: CanaryWatch;
  /** What a start gives from now on. */
  serve: () => Promise<WatchedServer>;
  /** The timer of the watch. */
  tick(): Promise<void>;
  apply(version: string, more?: { readonly rules?: string; readonly canary?: string }): Promise<void>;
  faults: unknown[];
}

function filesOf(version: string, { rules = "", canary = "" }): PolicyFiles {
  const files = policyFiles(rules === "" ? null : rules);
  const source = `path:./notes-${version}`;
  const locked = {
    ...({ source, kind: "path", version, integrity: null, command: ["node", "a.js"] } as const),
    ...{ tree: { hash: sha256(version), packages: [] }, surface: SURFACE, surfaceRoot: surfaceRoot(SURFACE) },
  };
  const declared = `{ source: "${source}", compartment: family${canary === "" ? "" : `, canary: ${canary}`} }`;
  const stack = (files["stack.yaml"] ?? "").replace(/notes: \{.*\}/, `notes: ${declared}`);
  return { ...files, "stack.yaml": stack, "stack.lock": formatLock({ version: 1, servers: { notes: locked } }) };
}

async function stage(t: TestContext): Promise<Stage> {
  const dir = mkdtempSync(join(tmpdir(), "freehold-canary-"));
  const fixture = openFixture({ waitMs: 0 });
  t.after(() => {
    fixture.end();
    rmSync(dir, { recursive: true, force: true });
  });
  const stackYaml = "version: 1\nowner: { name: Ada, timezone: UTC }\n";
  const { paths: home } = initHome(join(dir, "home"), { files: { "stack.yaml": stackYaml } });
  const { store, door } = fixture;
  const clock = { nowMs: () => fixture.nowMs };
  const policy = openPolicyState({ home, store, clock });
  const canaries = openCanaries(store);
  let holding = { policy: policy.current(), generation: policy.generation() };
  policy.onApplied((now) => {
    const before = holding;
    holding = { policy: now, generation: policy.generation() };
    canaries.switched(before, holding);
  });
  let run: () => void = () => undefined;
  const pins = (): ReadonlyMap<string, string> => fixture.policy().pins;
  const s: Stage = {
    ...{ home, fixture, policy, canaries, faults: [] },
    serve: async () => ({ quarantine: null, pinOf: (tool) => pins().get(tool) ?? null }),
    watch: watchCanaries({
      ...{ store, clock, canaries, policy, door, pins },
      start: () => s.serve(),
      running: () => null,
      heldBack: () => null,
      onFault: (error) => void s.faults.push(error),
      wake(wanted) {
        run = wanted;
        return () => undefined;
      },
    }),
    async tick() {
      run();
      await s.watch.look("notes");
    },
    async apply(version, more = {}) {
      const files = filesOf(version, more);
      mkdirSync(home.cardsDir, { recursive: true });
      for (const [path, text] of Object.entries(files)) writeFileSync(join(home.dir, path), text);
      await policy.apply(policy.proposal()?.digest ?? "", OWNER);
      fixture.accept(files);
    },
  };
  await s.apply("1");
  return s;
}

const entries = ({ fixture }: Stage): readonly JsonObject[] =>
  fixture.store.ledger
    .entries({ limit: 200 })
    .filter(({ subject }) => subject === "canary" || subject === "rollback")
    .map(({ subject, principal, facts }) => ({ subject, principal, ...facts }));

test("other code answers the reads of before through the door, is watched for its time, and is kept", async (t) => {
  const s = await stage(t);
  await s.fixture.door.call({ session: "a", principal: OWNERS, tool: "notes.read_note", args: { path: "/n/a" } });
  await s.apply("2");
  assert.deepEqual(s.canaries.of("notes")?.untilMs, null, "its time begins when it was seen");
  s.fixture.sent.length = 0;
  await s.watch.look("notes");
  assert.deepEqual(s.canaries.of("notes")?.reads, [1, 1]);
  assert.equal(s.fixture.sent.length, 1, "one read, which somebody had made before");
  const read = s.fixture.store.ledger.entries({ limit: 10, kind: "intent" }).at(-1);
  assert.equal(read?.principal, "freehold");
  s.fixture.nowMs += 14 * 60_000;
  await s.tick();
  assert.notEqual(s.canaries.of("notes"), null);
  s.fixture.nowMs += 61_000;
  await s.tick();
  assert.equal(s.canaries.of("notes"), null);
  assert.deepEqual(
    entries(s).map(({ subject, how, answered }) => [subject, how, answered]),
    [["canary", "kept", 1]],
  );
  assert.deepEqual(s.faults, []);
});

test("other code that does not start is left at once, without the owner, and its version is barred", async (t) => {
  const s = await stage(t);
  await s.apply("2");
  s.serve = async () => {
    throw new Fault("server.start", { message: "server 'notes' did not start." });
  };
  await s.watch.look("notes");
  assert.equal(s.policy.current().lock.servers["notes"]?.version, "1");
  assert.equal(s.canaries.of("notes"), null, "going back is no update");
  const [barred] = barredList(s.fixture.store.settings);
  assert.equal(barred?.source, "path:./notes-2");
  assert.match(barred?.reason ?? "", /^right after the update: it did not start/);
  assert.deepEqual(
    entries(s).map(({ subject, principal, how }) => [subject, principal, how ?? null]),
    [
      ["rollback", "freehold", null],
      ["canary", "freehold", "left"],
    ],
  );
});

test("other code that ends in its time, or does not answer what was answered before, is left too", async (t) => {
  const s = await stage(t);
  await s.apply("2");
  await s.watch.look("notes");
  await s.watch.noticed("notes", { hasEnded: "exit code 1" });
  assert.match(barredList(s.fixture.store.settings)[0]?.reason ?? "", /it ended: exit code 1$/);
  const files = filesOf("1", {});
  s.fixture.accept(files);
  await s.fixture.door.call({ session: "a", principal: OWNERS, tool: "notes.read_note", args: { path: "/n/b" } });
  await s.apply("3");
  s.fixture.reply = async () => ({ kind: "broken", reason: "no answer" });
  await s.watch.look("notes");
  assert.equal(s.policy.current().lock.servers["notes"]?.version, "1");
  assert.match(barredList(s.fixture.store.settings).at(-1)?.reason ?? "", /did not answer notes\.read_note/);
});

test("what serves something else than was rehearsed is left", async (t) => {
  const s = await stage(t);
  await s.apply("2");
  s.serve = async () => ({ quarantine: null, pinOf: () => sha256("other") });
  await s.watch.look("notes");
  assert.match(barredList(s.fixture.store.settings)[0]?.reason ?? "", /serves notes\.read_note.* otherwise/);
});

test("where more was applied than other code, nothing goes back by itself, and the owner sees why", async (t) => {
  const s = await stage(t);
  await s.apply("2", { rules: RULE });
  s.serve = async () => {
    throw new Fault("server.start", { message: "server 'notes' did not start." });
  };
  await s.watch.look("notes");
  assert.equal(s.policy.current().lock.servers["notes"]?.version, "2");
  assert.match(s.canaries.of("notes")?.trouble ?? "", /did not start/);
  s.fixture.nowMs += 86_400_000;
  await s.tick();
  assert.notEqual(s.canaries.of("notes"), null, "not kept for want of looking");
  const { number, parent } = s.policy.generation();
  await assert.rejects(s.policy.leave({ from: number, to: parent ?? 0, reason: "x" }), { code: "canary.not-alone" });
  await s.policy.rollback({ from: number, to: parent ?? 0 }, OWNER);
  assert.deepEqual(s.canaries.list(), []);
});

test("what says nothing of the new code is no trouble: it is looked at again", async (t) => {
  const s = await stage(t);
  await s.apply("2");
  const well = s.serve;
  s.serve = async () => {
    throw new Fault("secrets.locked", { message: "the secrets are locked." });
  };
  await s.watch.look("notes");
  assert.match(s.canaries.of("notes")?.unseen ?? "", /locked/);
  s.serve = well;
  await s.tick();
  assert.equal(s.canaries.of("notes")?.unseen, null);
  assert.equal(typeof s.canaries.of("notes")?.untilMs, "number");
});

test("while everything is stopped nothing is started for a look", async (t) => {
  const s = await stage(t);
  await s.apply("2");
  await s.fixture.door.stop("now");
  s.serve = () => assert.fail("it was started");
  await s.watch.look("notes");
  assert.equal(s.canaries.of("notes")?.untilMs, null);
});

test("with canary: none nothing is watched; what is watched outlives a restart", async (t) => {
  const s = await stage(t);
  await s.apply("2", { canary: "none" });
  assert.deepEqual(s.canaries.list(), []);
  await s.apply("3", { canary: "2h" });
  assert.deepEqual(openCanaries(s.fixture.store).list(), s.canaries.list());
  assert.equal(s.canaries.of("notes")?.lengthMs, 7_200_000);
});
