// Each check in its good and its bad state; a check that hangs or breaks is unknown and holds up nobody.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { homePaths, initHome } from "../home/index.ts";
import { sha256 } from "../kernel/index.ts";
import { policyDigest } from "../manifest/index.ts";
import { addTree, openGenerations } from "../supply/index.ts";
import { runChecks, type Check, type CheckOptions } from "./index.ts";

const READY = {
  kind: "ready",
  backend: "bwrap",
  limits: "cgroup",
  program: "/usr/bin/bwrap",
  flags: [],
  cgroup: "/x",
} as const;
const GOOD = { version: "0.1.0", pid: 5, url: "http://127.0.0.1:1/", stopped: false, ownerSet: true, weaker: null };

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "freehold-doctor-"));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function homeIn(context: TestContext): string {
  const home = join(folder(context), "home");
  initHome(home, { files: { "stack.yaml": "version: 1\n" } });
  return home;
}

async function look(options: Partial<CheckOptions> & { readonly home: string }): Promise<ReadonlyMap<string, Check>> {
  const checks = await runChecks({ port: 0, status: async () => GOOD, probe: async () => READY, ...options });
  return new Map(checks.map((check) => [check.name, check]));
}

const KEPT_TOO = "node git sandbox home disk daemon port generations trees packages skills models".split(" ");

test("a sound machine has nothing to mend", async (t) => {
  const checks = await look({ home: homeIn(t) });
  assert.deepEqual([...checks.keys()], KEPT_TOO);
  for (const check of checks.values()) assert.equal(check.state, "ok", JSON.stringify(check));
});

test("an old Node, a missing sandbox and an open state fail with their fix", async (t) => {
  const home = homeIn(t);
  chmodSync(join(home, ".state"), 0o755);
  const probe = async () => ({ kind: "absent", reason: "bubblewrap is not installed", fix: "apt it" }) as const;
  const checks = await look({ home, probe, nodeVersion: "22.1.0" });
  assert.equal(checks.get("node")?.state, "fail");
  assert.deepEqual(checks.get("sandbox"), {
    name: "sandbox",
    state: "fail",
    why: "bubblewrap is not installed, so no server of others starts",
    fix: "apt it",
  });
  assert.match(checks.get("home")?.fix ?? "", /^chmod 700 /);
});

test("a folder that is no home fails, one that is not there yet is only a hint", async (t) => {
  const path = folder(t);
  mkdirSync(join(path, "other"));
  assert.equal((await look({ home: join(path, "other") })).get("home")?.state, "fail");
  assert.equal((await look({ home: join(path, "none") })).get("home")?.state, "warn");
});

test("a daemon that is absent, stopped, or has no owner's PIN is said", async (t) => {
  const home = homeIn(t);
  for (const [state, fix] of [
    [null, "freehold start"],
    [{ ...GOOD, stopped: true }, "freehold resume"],
    [{ ...GOOD, ownerSet: false }, "freehold pin set"],
    [{ ...GOOD, weaker: "weaker: x" }, "freehold service install gives it a user of its own"],
  ] as const) {
    const daemon = (await look({ home, status: async () => state })).get("daemon");
    assert.deepEqual([daemon?.state, daemon?.fix], ["warn", fix]);
  }
});

test("a port that another program has taken is named", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  t.after(() => other.close());
  await new Promise((resolve) => {
    other.once("listening", resolve);
  });
  const address = other.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const found = (await look({ home: homeIn(t), status: async () => null, port })).get("port");
  assert.equal(found?.state, "warn");
  assert.match(found.why, new RegExp(`^${port} is taken`));
});

test("a check that hangs or breaks is unknown, and the others answer", async (t) => {
  const probe = () => Promise.withResolvers<never>().promise;
  const status = () => Promise.reject(new Error("broken pipe"));
  const checks = await look({ home: homeIn(t), probe, status, deadlineMs: 200 });
  assert.equal(checks.get("sandbox")?.state, "unknown");
  assert.match(checks.get("daemon")?.why ?? "", /the check itself failed: broken pipe/);
  assert.equal(checks.get("node")?.state, "ok");
});

test("one byte flipped in a record, a tree, the lock, a card, a package or a model is named", async (t) => {
  const home = homeIn(t);
  const paths = homePaths(home);
  const files = { "stack.lock": "lock", "cards/notes.yaml": "card" };
  const tree = await addTree(paths, async (folder) => {
    writeFileSync(join(folder, "index.js"), "one");
    return null;
  });
  const policy = policyDigest(files);
  const hashes = Object.fromEntries(Object.entries(files).map(([path, text]) => [path, sha256(text)]));
  const build = { version: "1", code: sha256(""), tree: null, root: "/" };
  const rest = { parent: null, madeAtMs: 1, why: "", schema: 5, commit: null, read: [] };
  const generations = openGenerations(paths);
  generations.add({ ...rest, policy, files: hashes, trees: { notes: tree }, build });
  generations.point(1, "first");
  const kept = (folder: string, algorithm: string): string => {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, createHash(algorithm).update("content").digest("hex"));
    writeFileSync(file, "content");
    return file;
  };
  const accepted = join(paths.accepted, `${policy}.json`);
  mkdirSync(paths.accepted, { recursive: true });
  writeFileSync(accepted, JSON.stringify(files));
  const cases = [
    ["generations", join(paths.generations, "1", "generation.json"), /record of generation 1 was changed/],
    ["generations", accepted, /cards\/notes\.yaml of the accepted policy was changed/],
    ["trees", join(paths.trees, tree, "index.js"), /notes: index\.js was changed/],
    ["packages", kept(join(paths.store, "sha512"), "sha512"), /store\/sha512\/[0-9a-f]{128} was changed/],
    ["models", kept(join(paths.stateDir, "models"), "sha256"), /models\/[0-9a-f]{64} was changed/],
  ] as const;
  for (const check of (await look({ home })).values()) assert.equal(check.state, "ok", JSON.stringify(check));
  for (const [name, file, words] of cases) {
    const sound = readFileSync(file);
    const flipped = Buffer.from(sound);
    const at = sound.lastIndexOf("card") === -1 ? sound.length - 1 : sound.lastIndexOf("card");
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    chmodSync(file, 0o600);
    writeFileSync(file, flipped);
    const found = (await look({ home })).get(name);
    assert.equal(found?.state, "fail", file);
    assert.match(found.why, words);
    writeFileSync(file, sound);
  }
  chmodSync(join(paths.trees, tree), 0o700);
});
