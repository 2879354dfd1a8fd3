// Updates between real releases, by the running product: resolved, rehearsed, judged, refused or taken over.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { isObject, textAt, type JsonObject, type JsonValue } from "../../src/kernel/index.ts";
import { probeSandbox } from "../../src/sandbox/index.ts";
import { makeHome, type TestDaemon, type TestHome } from "../fixtures/daemon.ts";
import { HIDDEN_COPY, MAIL, publishMail } from "../fixtures/mail-replica.ts";
import { missingPackages, openRegistry, type Registry } from "../fixtures/npm-registry.ts";

const FILES = "@modelcontextprotocol/server-filesystem";
const EVERYTHING = "@modelcontextprotocol/server-everything";
const isCi = process.env["CI"] !== undefined;
const missing = missingPackages();
const hasSandbox = (await probeSandbox()).kind === "ready";
const isReady = (missing.length === 0 && hasSandbox) || isCi;
const needs = { skip: isReady ? false : `NOT TESTED: ${missing[0] ?? "no sandbox"} is absent` };
let registry: Registry;

before(async () => {
  registry = await openRegistry({ withPinned: missing.length === 0 });
});
after(() => registry.close());

interface Stage {
  readonly home: TestHome;
  readonly daemon: TestDaemon;
  /** Adds a server and applies it. */
  readonly add: (input: JsonObject) => Promise<void>;
  rehearse(name: string, version?: string): Promise<JsonObject>;
  log(): string;
}

async function stage(t: TestContext): Promise<Stage> {
  const home = makeHome(t);
  const daemon = await home.start({ env: { npm_config_registry: registry.url } });
  const apply = async (digest: JsonValue | undefined): Promise<void> => {
    await daemon.owner.call("apply", { digest: digest ?? null });
  };
  return {
    home,
    daemon,
    async add(input) {
      await apply((await daemon.owner.call("server.add", { compartment: "personal", ...input }))["digest"]);
    },
    rehearse: (name, version) =>
      daemon.owner.call("update.rehearse", { name, ...(version === undefined ? {} : { version }) }),
    log: () => execFileSync("git", ["-C", home.paths.dir, "log", "--format=%s"], { encoding: "utf8" }),
  };
}

function addFiles({ add, home }: Stage, version: string): Promise<void> {
  const notes = home.folder("notes");
  return add({ name: "files", source: `npm:${FILES}@${version}`, args: [notes], read: [notes] });
}

function objectAt(value: JsonObject, field: string): JsonObject {
  const inner = value[field];
  assert.ok(isObject(inner), `${field} is no object in ${JSON.stringify(value).slice(0, 400)}`);
  return inner;
}

function reasonsOf(reply: JsonObject): string {
  const { reasons } = reply;
  assert.ok(Array.isArray(reasons));
  return reasons.map((reason: JsonValue) => (isObject(reason) ? (textAt(reason, "says") ?? "") : "")).join("\n");
}

test(
  "a release whose own version is pinned is caught when what it needs has moved: zod named, 13 schemas named",
  needs,
  async (t) => {
    const s = await stage(t);
    registry.hidden.add("zod@4.6.7");
    await addFiles(s, "2025.7.29");
    registry.hidden.clear();
    const reply = await s.rehearse("files", "2025.7.29");
    assert.equal(reply["verdict"], "block", reasonsOf(reply));
    assert.match(reasonsOf(reply), /zod 3\.25\.76 -> 4\.6\.7/);
    const { emptied } = objectAt(reply, "surface");
    assert.ok(Array.isArray(emptied));
    assert.equal(emptied.length, 13);
    for (const tool of emptied) assert.ok(reasonsOf(reply).includes(String(tool)), `${String(tool)} is not named`);
    await assert.rejects(s.daemon.owner.call("update.accept", { name: "files" }), /is blocked/);
  },
);

test(
  "a mail server that adds a hidden copy and changes nothing else is blocked by what it sends alone",
  needs,
  async (t) => {
    const s = await stage(t);
    publishMail(registry, "1.0.15", "");
    await s.add({ name: "mail", source: `npm:${MAIL}@1.0.15`, network: ["api.mail.test:443"] });
    publishMail(registry, "1.0.16", HIDDEN_COPY);
    const reply = await s.rehearse("mail");
    assert.equal(reply["verdict"], "block", JSON.stringify(reply));
    assert.equal(objectAt(reply, "surface")["grade"], null);
    const blocking = reasonsOf(reply).split("\n").slice(0, 1);
    assert.match(
      blocking.join(),
      /^in send_email POST api\.mail\.test\/email carries a new key Bcc: "phan@giftshop\.club"$/,
    );
    const { facts } = objectAt(reply, "outgoing");
    assert.ok(Array.isArray(facts) && facts.length === 1, JSON.stringify(facts));

    await assert.rejects(s.daemon.owner.call("update.accept", { name: "mail" }), /is blocked: in send_email POST/);
    await assert.rejects(s.daemon.owner.call("update.accept", { name: "mail", override: true }), /needs your reason/);
    const stackBefore = readFileSync(s.home.paths.stack, "utf8");
    assert.ok(stackBefore.includes("@1.0.15"), "nothing was proposed");
    const override = { name: "mail", override: true, reason: "it is my own copy address" };
    const proposal = await s.daemon.owner.call("update.accept", override);
    assert.notEqual(proposal["digest"], null);
    const verdict = readFileSync(join(s.home.paths.verdictsDir, "mail-1.0.15-1.0.16.yaml"), "utf8");
    assert.match(verdict, /"kind":"overridden".*"reason":"it is my own copy address","until":"\d{4}-\d\d-\d\d"/);
  },
);

test(
  "two honest releases of the same mail server send the same, and only what nobody knows is held against them",
  needs,
  async (t) => {
    const s = await stage(t);
    publishMail(registry, "2.0.0", "");
    await s.add({ name: "mail", source: `npm:${MAIL}@2.0.0`, network: ["api.mail.test:443"] });
    publishMail(registry, "2.0.1", "/* tidied */");
    const reply = await s.rehearse("mail", "2.0.1");
    const { facts, before: was, after: is } = objectAt(reply, "outgoing");
    assert.deepEqual([facts, was, is], [[], 1, 1]);
    assert.match(reasonsOf(reply), /^not known here, and much is at stake: provenance, publisher, advisories$/);
  },
);

test(
  "a real update that changes nothing ships within its time, is written down, taken over and runs",
  needs,
  async (t) => {
    const s = await stage(t);
    await addFiles(s, "2025.12.18");
    await s.rehearse("files", "2026.1.14");
    const reply = await s.rehearse("files");
    assert.equal(reply["verdict"], "ship", reasonsOf(reply));
    assert.equal(objectAt(reply, "to")["version"], "2026.1.14");
    assert.deepEqual(objectAt(reply, "surface")["tools"], [14, 14]);
    const { total, same } = objectAt(reply, "contracts");
    assert.ok(Number(total) >= 8 && same === total, JSON.stringify(reply["contracts"]));
    const code = objectAt(reply, "code");
    assert.deepEqual(code["own"], { files: 2, added: 3, removed: 3 });
    assert.equal(code["readingMinutes"], 1);
    t.diagnostic(`the rehearsal took ${Number(reply["seconds"])} s`);

    assert.match(s.log(), /^Rehearse files-2025\.12\.18-2026\.1\.14$/m);
    const { digest } = await s.daemon.owner.call("update.accept", { name: "files" });
    await s.daemon.owner.call("apply", { digest: digest ?? null });
    assert.ok(readFileSync(s.home.paths.stack, "utf8").includes(`${FILES}@2026.1.14`));
    const verdict = readFileSync(join(s.home.paths.verdictsDir, "files-2025.12.18-2026.1.14.yaml"), "utf8");
    assert.match(verdict, /^verdict: "ship"$/m);
    assert.match(verdict, /^decision: \{"kind":"accepted"/m);
    const again = await s.daemon.owner.call("update.list", {});
    assert.match(JSON.stringify(again), /"current":"2026\.1\.14".*"newer":\[\]/);
    const { current } = await s.daemon.owner.call("generations", {});
    const from = Number(current);
    await s.daemon.owner.call("rollback", { from, to: from - 1 });
    const barred = JSON.stringify(await s.daemon.owner.call("update.list", {}));
    assert.match(barred, /"isBarred":true\}\],"pick":null/);
    await assert.rejects(s.rehearse("files", "2026.1.14"), /is barred/);
    assert.equal((await s.daemon.owner.call("cards.review", { name: "files" }))["server"], "files");
    assert.ok(!existsSync(join(s.home.paths.dir, "contracts")), "nothing is recorded unasked");
  },
);

test("a real update that removes tools is breaking, and each of them is named", needs, async (t) => {
  const s = await stage(t);
  await s.add({ name: "everything", source: `npm:${EVERYTHING}@2025.8.18` });
  for (const version of ["../x", "https://x.test/a.tgz", "latest", "^1.0.0"]) {
    await assert.rejects(s.rehearse("everything", version), { code: "update.version" });
  }
  const lock = readFileSync(s.home.paths.lock, "utf8");
  const rule = '  - { id: sums, answer: allow, tool: everything.add, args: { a: any, b: any }, reason: "sums" }';
  writeFileSync(join(s.home.paths.dir, "rules.yaml"), `rules:\n${rule}\n`);
  const { digest } = await s.daemon.owner.call("plan", {});
  await s.daemon.owner.call("apply", { digest: digest ?? null });
  const reply = await s.rehearse("everything", "2026.1.26");
  assert.match(reasonsOf(reply), /^in use here and gone: add \(rule sums\)$/m);
  const surface = objectAt(reply, "surface");
  assert.equal(surface["grade"], "breaking");
  const removed = surface["removedTools"];
  assert.ok(Array.isArray(removed) && removed.length > 0);
  assert.ok(removed.includes("add") && removed.every((tool) => lock.includes(`"name":"${String(tool)}"`)));
  for (const tool of removed) assert.ok(reasonsOf(reply).includes(String(tool)), `${String(tool)} is not named`);
  assert.equal(reply["verdict"], "audit", reasonsOf(reply));
  await assert.rejects(s.daemon.owner.call("update.accept", { name: "everything" }), /needs your reason/);
});

test("recorded calls are kept without anybody's data, and replayed", needs, async (t) => {
  const s = await stage(t);
  await addFiles(s, "2025.12.18");
  const notes = s.home.folder("notes");
  const { calls } = await s.daemon.owner.call("contracts.record", { name: "files" });
  assert.ok(Array.isArray(calls) && calls.length >= 8, JSON.stringify(calls));
  const kept = readFileSync(join(s.home.paths.dir, "contracts", "files.json"), "utf8");
  assert.ok(!kept.includes(notes) && !kept.includes("freehold-rehearsal-"), "a folder of this machine is in it");
  assert.match(kept, /A sample for rehearsals/);
  assert.match(s.log(), /^Record \d+ calls of files$/m);
  const reply = await s.rehearse("files", "2026.1.14");
  const { total, same, stale } = objectAt(reply, "contracts");
  assert.deepEqual([same, stale], [total, []]);
});

test("without a registry every step ends in its time and says that nothing is known", needs, async (t) => {
  const s = await stage(t);
  publishMail(registry, "3.0.0", "");
  await s.add({ name: "mail", source: `npm:${MAIL}@3.0.0` });
  await s.daemon.end();
  const daemon = await s.home.start({ env: { npm_config_registry: "http://127.0.0.1:9" } });
  const listed = JSON.stringify(await daemon.owner.call("update.list", {}));
  assert.match(listed, /"kind":"unknown","why":"the registry did not answer/);
  await assert.rejects(daemon.owner.call("update.rehearse", { name: "mail" }), /the registry did not answer/);
  await assert.rejects(daemon.owner.call("update.rehearse", { name: "mail", version: "9.9.9" }), /npm could not fetch/);
  assert.ok(isObject(await daemon.owner.call("status", {})), "the daemon goes on");
});
