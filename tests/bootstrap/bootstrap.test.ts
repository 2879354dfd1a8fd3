// The way from a fresh clone to a running command: what is brought, what is refused, and that nothing is done twice.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { buildHash, isBuilt, isSameTree } from "../../scripts/build.mjs";
import { planFor } from "../../scripts/debian.mjs";
import { withLock } from "../../scripts/lock.mjs";
import { capture } from "../../scripts/process.mjs";
import { check, isNewEnough, pinFor, presentNode } from "../../scripts/runtime.mjs";
import { readTarball } from "../../scripts/tar.mjs";
import { ROOT } from "../tidy/tree.ts";

function scratchOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "freehold-bootstrap-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function tarEntry(name: string, text: string, kind = "0"): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(text.length.toString(8).padStart(11, "0"), 124);
  header.write(kind, 156);
  const body = Buffer.alloc(Math.ceil(text.length / 512) * 512);
  body.write(text);
  return Buffer.concat([header, body]);
}

async function filesIn(path: string, wanted: (name: string) => boolean): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  await readTarball(path, (name: string) => {
    if (!wanted(name)) return null;
    files[name] = "";
    return (part: Buffer) => {
      files[name] += part.toString("utf8");
    };
  });
  return files;
}

test("versions are compared by number, part by part", () => {
  for (const version of ["v24.12.0", "24.12.1", "v24.21.0", "v25.0.0"]) assert.ok(isNewEnough(version), version);
  for (const version of ["v24.11.9", "v18.0.0", "v9.99.99"]) assert.ok(!isNewEnough(version), version);
});

test("a machine whose Node is new enough uses it, an older one the pinned one or none", async (t) => {
  const root = scratchOf(t);
  const old = { env: {}, version: "v20.20.2", own: "/usr/bin/node" };
  assert.equal(await presentNode(root, { ...old, version: "v24.12.0" }), "/usr/bin/node");
  assert.equal(await presentNode(root, old), null);
});

test("FREEHOLD_NODE wins, and one that is too old or does not run is refused in one line", async (t) => {
  const root = scratchOf(t);
  const old = join(root, "old-node");
  writeFileSync(old, "#!/bin/sh\necho v22.1.0\n", { mode: 0o755 });
  const at = (path: string) => presentNode(root, { env: { FREEHOLD_NODE: path } });
  assert.equal(await at(process.execPath), process.execPath);
  await assert.rejects(at(old), /is Node v22\.1\.0; set FREEHOLD_NODE/);
  await assert.rejects(at(join(root, "nowhere")), /does not run/);
});

test("musl, an old glibc and an unknown platform each get one clear line", () => {
  const linux = { platform: "linux", arch: "x64" };
  assert.throws(() => pinFor({ ...linux, glibc: null }), /musl.*FREEHOLD_NODE/);
  assert.throws(() => pinFor({ ...linux, glibc: "2.27" }), /glibc is 2\.27.*needs 2\.28/);
  assert.throws(() => pinFor({ platform: "sunos", arch: "x64", glibc: null }), /no pinned Node for sunos/);
  assert.match(pinFor({ ...linux, glibc: "2.28" }).integrity, /^sha512-/);
  assert.match(pinFor({ platform: "darwin", arch: "arm64", glibc: null }).sha256, /^[0-9a-f]{64}$/);
});

test("an archive with one changed byte is not the pinned Node", (t) => {
  const path = join(scratchOf(t), "node.tgz");
  writeFileSync(path, "archive");
  const integrity = `sha512-${createHash("sha512").update("archive").digest("base64")}`;
  check(path, { integrity });
  check(path, { sha256: createHash("sha256").update("archive").digest("hex") });
  writeFileSync(path, "archivf");
  assert.throws(() => check(path, { integrity }), /hash differs.*Nothing was kept/);
});

test("chosen files are read out of an archive whole, whatever lies between them", async (t) => {
  const path = join(scratchOf(t), "a.tgz");
  const long = "x".repeat(70_000);
  const entries = [tarEntry("p/a", "one"), tarEntry("p/skip", long), tarEntry("p/b", long), tarEntry("p/empty", "")];
  writeFileSync(path, gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)])));
  const files = await filesIn(path, (name) => name !== "p/skip");
  assert.deepEqual(files, { "p/a": "one", "p/b": long, "p/empty": "" });
});

test("a link in place of a chosen file, and an archive cut short, are refused", async (t) => {
  const path = join(scratchOf(t), "a.tgz");
  writeFileSync(path, gzipSync(Buffer.concat([tarEntry("p/a", "", "2"), Buffer.alloc(1024)])));
  await assert.rejects(
    filesIn(path, () => true),
    /not a plain file/,
  );
  writeFileSync(path, gzipSync(tarEntry("p/a", "x".repeat(2000)).subarray(0, 1024)));
  await assert.rejects(
    filesIn(path, () => true),
    /cut short/,
  );
});

test("of two starts at once the second waits for the first and then goes on", async (t) => {
  const lock = join(scratchOf(t), "lock");
  const waiter = `import { withLock } from ${JSON.stringify(join(ROOT, "scripts", "lock.mjs"))};
    await withLock(${JSON.stringify(lock)}, { onWait: (pid) => console.log("waits", pid) }, () => console.log("in"));`;
  const lines: string[] = [];
  const ended = await withLock(lock, { onWait: () => assert.fail("the first waited") }, async () => {
    const other = spawn(process.execPath, ["--input-type=module", "--eval", waiter], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => other.kill("SIGKILL"));
    other.stdout.setEncoding("utf8").on("data", (text: string) => lines.push(text));
    const code = once(other, "close");
    await once(other.stdout, "data");
    return { code };
  });
  assert.deepEqual(await ended.code, [0, null]);
  assert.equal(lines.join(""), `waits ${process.pid}\nin\n`);
  assert.ok(!existsSync(lock));
});

test("a lock whose owner is dead, or whose pid went to another process, is taken over", async (t) => {
  const lock = join(scratchOf(t), "lock");
  const reused = { pid: process.ppid, started: "1" };
  for (const owner of [{ pid: 2 ** 22 + 1, started: null }, reused]) {
    mkdirSync(lock);
    writeFileSync(join(lock, "owner"), JSON.stringify(owner));
    assert.equal(await withLock(lock, { onWait: () => assert.fail("it waited") }, () => Promise.resolve("in")), "in");
  }
});

test("Debian packages are installed unasked only by root under CI; otherwise asked for or told", () => {
  const missing = [{ package: "bubblewrap", program: "bwrap", for: "the sandbox" }];
  const machine = { isRoot: true, isCi: false, isTerminal: false, hasApt: true, hasSudo: true };
  const kindOf = (more: Partial<typeof machine>) => planFor(missing, { ...machine, ...more }).kind;
  assert.equal(planFor([], machine).kind, "nothing");
  assert.equal(kindOf({ isCi: true }), "install");
  assert.equal(kindOf({}), "tell");
  assert.equal(kindOf({ isTerminal: true }), "ask");
  assert.equal(kindOf({ isRoot: false, isCi: true }), "tell");
  assert.equal(kindOf({ isRoot: false, isTerminal: true, hasSudo: false }), "tell");
  assert.equal(kindOf({ isCi: true, hasApt: false }), "tell");
  assert.match(planFor(missing, machine).command ?? "", /^apt-get update && apt-get install .*bubblewrap$/);
});

test("node_modules that somebody installed by hand from the same lockfile is kept", (t) => {
  const root = scratchOf(t);
  const put = (path: string, packages: unknown) => writeFileSync(join(root, path), JSON.stringify({ packages }));
  mkdirSync(join(root, "node_modules"));
  const locked = { "node_modules/a": { integrity: "1" }, "node_modules/b": { integrity: "2", optional: true } };
  put("package-lock.json", { "": {}, ...locked });
  assert.ok(!isSameTree(root));
  put("node_modules/.package-lock.json", { "node_modules/a": { integrity: "1" } });
  assert.ok(isSameTree(root));
  put("node_modules/.package-lock.json", { "node_modules/a": { integrity: "3" } });
  assert.ok(!isSameTree(root));
});

/** A checkout with the real launcher and scripts, a program of one line, and the packages of this checkout. */
function checkout(t: TestContext): string {
  const root = scratchOf(t);
  for (const folder of ["src/cli", ".runtime"]) mkdirSync(join(root, folder), { recursive: true });
  for (const name of ["scripts", "node_modules", "tsconfig.json", "package-lock.json"]) {
    symlinkSync(join(ROOT, name), join(root, name));
  }
  for (const name of ["freehold", "tsconfig.build.json"]) {
    writeFileSync(join(root, name), readFileSync(join(ROOT, name)), { mode: statSync(join(ROOT, name)).mode });
  }
  return root;
}

test("the launcher runs what is built, by a link from anywhere, and passes arguments and exit code", async (t) => {
  const root = checkout(t);
  mkdirSync(join(root, "dist", "cli"), { recursive: true });
  writeFileSync(join(root, "src", "cli", "main.ts"), "// source\n");
  const entry = "console.log(JSON.stringify(process.argv.slice(2))); process.exit(7);\n";
  writeFileSync(join(root, "dist", "cli", "main.js"), entry);
  writeFileSync(join(root, ".runtime", "ready"), `${process.execPath}\n`);
  mkdirSync(join(root, "bin"));
  symlinkSync("../freehold", join(root, "bin", "near"));
  symlinkSync(join(root, "bin", "near"), join(root, "bin", "far"));
  const env = { PATH: "/usr/bin:/bin" };
  const { code, stdout, stderr } = await capture(join(root, "bin", "far"), ["a b", "--c"], { cwd: "/", env });
  assert.deepEqual({ code, stdout, stderr }, { code: 7, stdout: '["a b","--c"]\n', stderr: "" });
});

test("the hash of the build changes with a source, not with a test", (t) => {
  const root = checkout(t);
  writeFileSync(join(root, "src", "cli", "main.ts"), "export const a = 1;\n");
  const before = buildHash(root);
  writeFileSync(join(root, "src", "cli", "main.test.ts"), "export const b = 1;\n");
  assert.equal(buildHash(root), before);
  writeFileSync(join(root, "src", "cli", "style.css"), "a {}\n");
  assert.notEqual(buildHash(root), before);
  assert.ok(!isBuilt(root));
});
