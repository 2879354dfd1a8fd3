import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { homePaths, type HomePaths } from "../home/index.ts";
import type { JsonObject } from "../kernel/index.ts";
import { candidatesOf, isNewer, listingOf, type Candidates } from "./candidates.ts";
import { compareAnswers, contractsFrom, formatContracts, parseContracts, type Contract } from "./contracts.ts";
import { gatherEvidence, type Evidence } from "./evidence.ts";
import { noteSeen } from "./first-seen.ts";
import type { Npm } from "./npm.ts";
import { practiceCalls } from "./practice-args.ts";
import type { PracticeAnswer } from "./practice.ts";
import { makeScratch } from "./scratch.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.parse("2026-11-22T12:00:00Z");
const folder = mkdtempSync(join(tmpdir(), "update-parts-"));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
function newHome(): HomePaths {
  const paths = homePaths(join(folder, `home-${(count += 1)}`));
  mkdirSync(paths.stateDir, { recursive: true });
  return paths;
}

test("versions are ordered as npm orders them, trial releases before the release", () => {
  const sorted = ["1.9.0", "1.10.0-rc.2", "1.10.0-rc.10", "1.10.0", "2026.1.14"];
  for (const [at, version] of sorted.entries()) {
    for (const later of sorted.slice(at + 1)) assert.ok(isNewer(later, version) && !isNewer(version, later), later);
  }
});

function candidates(seen: Readonly<Record<string, number>>, view: JsonObject): Candidates {
  const firstSeen = new Map(Object.entries(seen));
  return candidatesOf({ current: "1.0.0", listing: listingOf(view), firstSeen, cooldownMs: 3 * DAY, nowMs: NOW });
}

test("the newest version that is old enough is rehearsed, and younger ones are shown as too young", () => {
  const seen = { "1.1.0": NOW - 9 * DAY, "1.2.0": NOW - 4 * DAY, "1.3.0": NOW - HOUR };
  const view = { versions: ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0-rc.1"], "dist-tags": { latest: "1.3.0" } };
  const { newer, pick } = candidates(seen, view);
  assert.equal(pick, "1.2.0");
  const told = newer.map(({ version, isYoung }) => `${version} ${isYoung}`);
  assert.deepEqual(told, ["1.3.0 true", "1.2.0 false", "1.1.0 false"]);
});

test("latest is taken before a higher number, and another line with lower numbers is told", () => {
  const view = {
    versions: ["0.9.0", "1.0.0", "1.1.0", "2.0.0"],
    "dist-tags": { latest: "1.1.0" },
    time: { "1.0.0": "2026-01-01T00:00:00Z", "0.9.0": "2026-10-01T00:00:00Z" },
  };
  const { pick, note } = candidates({ "1.1.0": 0, "2.0.0": 0 }, view);
  assert.equal(pick, "1.1.0");
  assert.match(note ?? "", /^0\.9\.0 has a lower number and a later date/);
});

test("a package with one version has nothing newer", () => {
  assert.deepEqual(candidates({}, { versions: "1.0.0", "dist-tags": { latest: "1.0.0" } }).newer, []);
});

test("at the first look the registry's dates count, and never again", () => {
  const home = newHome();
  const long = NOW - 100 * DAY;
  const first = noteSeen(home, { name: "p", versions: ["1.0.0", "1.1.0"], times: { "1.0.0": long } }, NOW);
  assert.deepEqual(
    [...first],
    [
      ["1.0.0", long],
      ["1.1.0", NOW],
    ],
  );
  const times = { "1.0.0": 0, "1.1.0": 0, "1.2.0": 0 };
  const later = noteSeen(home, { name: "p", versions: ["1.0.0", "1.1.0", "1.2.0"], times }, NOW + DAY);
  assert.deepEqual(
    [...later],
    [
      ["1.0.0", long],
      ["1.1.0", NOW],
      ["1.2.0", NOW + DAY],
    ],
  );
  noteSeen(home, { name: "p", versions: ["1.0.0"], times }, NOW + 2 * DAY);
  const back = noteSeen(home, { name: "p", versions: ["1.2.0"], times }, NOW + 3 * DAY);
  assert.deepEqual([...back], [["1.2.0", NOW + DAY]], "withdrawn and back is not new");
});

test("a date in the future makes nothing older, and a broken file makes everything young", () => {
  const home = newHome();
  assert.equal(
    noteSeen(home, { name: "p", versions: ["1.0.0"], times: { "1.0.0": NOW + DAY } }, NOW).get("1.0.0"),
    NOW,
  );
  writeFileSync(join(home.stateDir, "first-seen.json"), "{");
  assert.equal(noteSeen(home, { name: "p", versions: ["1.0.0"], times: {} }, NOW + DAY).get("1.0.0"), NOW + DAY);
});

function npm(change: Partial<Npm>): Npm {
  const none = async (): Promise<JsonObject> => ({});
  return { resolve: none, view: none, audit: none, fetch: async () => undefined, ...change };
}

function evidence(its: Npm | null, timeoutMs = 1_000): Promise<Evidence> {
  const npmLock = Promise.resolve({});
  return gatherEvidence({ npm: its, name: "p", before: "1.0.0", after: "1.1.0", npmLock, timeoutMs });
}

test("what a registry does not say is unknown, never a tick", async () => {
  const { provenance, publisher, advisories, says } = await evidence(npm({}));
  assert.deepEqual([provenance, publisher, advisories], ["unknown", "unknown", "unknown"]);
  assert.equal(says.advisories, "this registry gives none");
});

test("a registry that never answers costs its deadline and yields unknown", async () => {
  const never = (): Promise<JsonObject> => Promise.withResolvers<JsonObject>().promise;
  const { provenance, advisories, says } = await evidence(npm({ view: never, audit: never }), 20);
  assert.deepEqual([provenance, advisories], ["unknown", "unknown"]);
  assert.match(says.provenance, /no answer within 0\.02 s/);
  const refusing = (): Promise<JsonObject> => Promise.reject(new Error("405"));
  assert.equal((await evidence(npm({ audit: refusing }))).advisories, "unknown");
});

test("another publisher, provenance that is gone and a known advisory are told", async () => {
  const attested = { dist: { attestations: { url: "x" }, signatures: [] }, _npmUser: { name: "ada" } };
  const bare = { dist: { signatures: [{}] }, _npmUser: "eve <eve@example.org>" };
  const its = npm({
    view: async (spec) => (spec === "p@1.0.0" ? attested : bare),
    audit: async () => ({ metadata: {}, vulnerabilities: { qs: {} } }),
  });
  const found = await evidence(its);
  assert.deepEqual([found.isPublisherOther, found.isProvenanceLost, found.advisories], [true, true, "present"]);
  assert.deepEqual([found.says.publisher, found.says.advisories], ["published by eve", "for qs"]);
  assert.equal((await evidence(null)).provenance, "unknown");
});

function answer(label: string, text: string, change: Partial<PracticeAnswer> = {}): PracticeAnswer {
  const call = { label, tool: label, args: {}, isRead: true };
  return { call, kind: "result", text, isSteady: true, ...change };
}

test("recorded calls are read back as written, and only what reads and answered is kept", () => {
  const effect = answer("send", "{}", { call: { label: "send", tool: "send", args: {}, isRead: false } });
  const calls = contractsFrom([answer("a", '{"x":1}'), answer("b", "", { kind: "silent" }), effect], new Set(["a"]));
  const file = { version: 1 as const, server: "s", source: "npm:p@1.0.0", calls };
  assert.deepEqual(
    calls.map(({ label, isPicked }) => [label, isPicked]),
    [["a", true]],
  );
  assert.deepEqual(parseContracts(formatContracts(file), "contracts/s.json"), file);
});

for (const text of ["", "[]", '{"version":2}', '{"version":1,"server":"s","source":"x","calls":[{}]}']) {
  test(`a file that is no record of calls is refused with its place: ${text}`, () => {
    assert.throws(() => parseContracts(text, "contracts/s.json"), { code: "contracts.broken" });
  });
}

function compare(was: PracticeAnswer, is: PracticeAnswer, more: { picked?: boolean; recorded?: string } = {}) {
  const { picked = false, recorded } = more;
  const contract: Contract = {
    ...was.call,
    match: "exact",
    answer: { kind: "result", text: recorded ?? was.text },
    isPicked: picked,
  };
  const contracts = picked || recorded !== undefined ? [contract] : [];
  return compareAnswers({ before: [was], after: [is], contracts, removedTools: [] });
}

test("an answer that is other is told; one that is never the same is held to its form", () => {
  const [one, other] = [answer("a", '{"n":1}'), answer("a", '{"n":2}')];
  assert.deepEqual(compare(one, one).differing, []);
  assert.deepEqual(compare(one, other).differing, ["a"]);
  assert.deepEqual(compare({ ...one, isSteady: false }, other).differing, []);
  assert.deepEqual(compare({ ...one, isSteady: false }, answer("a", '{"m":1}')).differing, ["a"]);
  assert.deepEqual(compare(one, { ...one, kind: "error" }).differing, ["a"]);
  assert.deepEqual(compare(one, { ...one, kind: "silent" }).unanswered, ["a"]);
});

test("what the owner picked is told apart, and a stale record is held to its form and said", () => {
  const [one, other] = [answer("a", '{"n":1}'), answer("a", '{"n":2}')];
  assert.deepEqual(compare(one, other, { picked: true }).picked, ["a"]);
  const stale = compare(one, other, { recorded: '{"n":0}' });
  assert.deepEqual([stale.stale, stale.differing], [["a"], []]);
});

test("a call of a tool that is gone counts only where the owner picked it", () => {
  const one = answer("a", "{}");
  const gone = answer("a", "Unknown tool", { kind: "error" });
  const request = { before: [one], after: [gone], removedTools: ["a"] };
  assert.equal(compareAnswers({ ...request, contracts: [] }).total, 0);
  const contract: Contract = { ...one.call, match: "exact", answer: one, isPicked: true };
  assert.deepEqual(compareAnswers({ ...request, contracts: [contract] }).picked, ["a"]);
});

test("arguments are made from the schema alone: small numbers, samples for paths, nobody for addresses", () => {
  const inputSchema = {
    type: "object",
    required: ["path", "to"],
    properties: {
      path: { type: "string" },
      to: { type: "string" },
      steps: { type: "integer", default: 5 },
      format: { enum: ["text", "json"] },
      when: { anyOf: [{ type: "string", format: "date" }, { type: "null" }] },
      files: { type: "array", items: { type: "object", properties: { url: { type: "string" } } } },
    },
  };
  const surface = { protocol: "", instructions: null, serverInfo: {}, capabilities: {}, prompts: [], resources: [] };
  const tools = [
    { name: "send", inputSchema },
    { name: "read", inputSchema: { type: "object" } },
  ];
  const calls = practiceCalls({ ...surface, templates: [], tools }, (tool) => tool === "read");
  assert.deepEqual(
    calls.map(({ label }) => label),
    ["read", "send", "send with all arguments"],
    "what reads goes first",
  );
  assert.deepEqual(calls[1]?.args, { path: "${files}/freehold.txt", to: "rehearsal@example.org" });
  const all = calls[2]?.args ?? {};
  assert.deepEqual([all["steps"], all["format"], all["when"]], [1, "text", "2026-01-02"]);
  assert.deepEqual(all["files"], [{ url: "https://example.org/rehearsal" }]);
});

test("a rehearsed server gets no folder of the owner's, whatever names them, and never more walls down", () => {
  const home = newHome();
  const notes = join(folder, "notes");
  mkdirSync(notes);
  const stackServer = {
    source: null,
    connector: null,
    account: {},
    args: ["${home}/notes", notes, `--db=${notes}/x.db`, "--plain"],
    env: { WHERE: `${notes}/sub` },
    secrets: {},
    asks: [],
    compartment: "family",
    sandbox: { read: ["${home}/notes"], write: [notes], network: ["api.mail.test:443"], memoryMb: 64, pidsMax: 8 },
  };
  const scratch = makeScratch({ stackServer, home, ownerHome: folder });
  try {
    const { args, env, sandbox } = scratch.server;
    for (const text of [...args.slice(0, 3), env["WHERE"] ?? ""]) assert.ok(text.includes(scratch.dir), text);
    assert.equal(args[3], "--plain");
    assert.ok(sandbox !== "none" && sandbox.network === "none");
    for (const place of [...sandbox.read, ...sandbox.write]) assert.ok(place.startsWith(scratch.dir), place);
    const open = makeScratch({ stackServer: { ...stackServer, sandbox: "none" }, home, ownerHome: folder });
    open.remove();
    assert.notEqual(open.server.sandbox, "none");
  } finally {
    scratch.remove();
  }
});
