import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Fault } from "../kernel/index.ts";
import {
  appendHead,
  commitHome,
  ensureDir,
  homePaths,
  initHome,
  readHeads,
  readPolicyFiles,
  resolveHome,
  watchHome,
  writeAtomic,
} from "./index.ts";

const root = mkdtempSync(join(tmpdir(), "freehold-home-"));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const fresh = (): string => join(root, `h${(count += 1)}`);
const FILES = { "stack.yaml": "version: 1\nowner: { name: Ada }\n", "rules.yaml": "rules: []\n" };
const git = (dir: string, ...args: string[]): string =>
  execFileSync("git", args, { cwd: dir, encoding: "utf8" }).trim();
const code = (wanted: string) => (error: unknown) => error instanceof Fault && error.code === wanted;
const here = new URL("./index.ts", import.meta.url).pathname;

test("a new home is a git repository with one commit, and its state is private and ignored", () => {
  const dir = fresh();
  const { written, paths } = initHome(dir, { files: FILES, identity: { name: "Ada", email: "ada@example.org" } });
  assert.deepEqual(written, [".gitignore", "rules.yaml", "stack.yaml"]);
  assert.equal(statSync(paths.stateDir).mode & 0o777, 0o700);
  writeFileSync(paths.secrets, "x");
  mkdirSync(paths.memoryDir);
  writeFileSync(join(paths.memoryDir, "a.md"), "x");
  assert.equal(git(dir, "status", "--porcelain"), "");
  assert.equal(git(dir, "log", "--format=%an %s"), "Ada Begin a stack home");
});

test("beginning again changes nothing, and keeps what the owner wrote", () => {
  const dir = fresh();
  initHome(dir, { files: FILES });
  writeFileSync(join(dir, "stack.yaml"), "mine");
  assert.deepEqual(initHome(dir, { files: FILES }).written, []);
  assert.equal(readFileSync(join(dir, "stack.yaml"), "utf8"), "mine");
});

test("a start that was cut is taken up again", () => {
  const dir = fresh();
  mkdirSync(dir);
  writeFileSync(join(dir, ".gitignore"), ".state/\nmemory/\n");
  initHome(dir, { files: FILES });
  assert.equal(git(dir, "status", "--porcelain", "-uno"), "");
});

test("a folder with other things in it is refused and left alone", () => {
  const dir = fresh();
  mkdirSync(dir);
  writeFileSync(join(dir, "thesis.txt"), "x");
  assert.throws(() => initHome(dir, { files: FILES }), code("home.not-empty"));
  assert.deepEqual(readdirSync(dir), ["thesis.txt"]);
});

test("without git the fault says what to install", () => {
  const dir = fresh();
  const script = `import { initHome } from ${JSON.stringify(here)};
    try { initHome(${JSON.stringify(dir)}, { files: {} }); } catch (error) { console.log(error.code, error.next); }`;
  const done = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    env: { PATH: "/nowhere" },
    encoding: "utf8",
  });
  assert.match(done.stdout, /^home\.git-missing .*install git/);
});

test("a commit takes exactly the named paths and leaves what the owner staged", () => {
  const dir = fresh();
  initHome(dir, { files: FILES });
  writeFileSync(join(dir, "staged.txt"), "x");
  git(dir, "add", "staged.txt");
  mkdirSync(join(dir, "cards"));
  writeFileSync(join(dir, "cards/files.yaml"), "server: files\n");
  rmSync(join(dir, "rules.yaml"));
  const id = commitHome(dir, { message: "Apply: a card", paths: ["cards/files.yaml", "rules.yaml"] });
  assert.equal(git(dir, "rev-parse", "HEAD"), id);
  assert.equal(git(dir, "ls-tree", "-r", "--name-only", "HEAD"), ".gitignore\ncards/files.yaml\nstack.yaml");
  assert.equal(git(dir, "status", "--porcelain"), "A  staged.txt");
  assert.equal(commitHome(dir, { message: "again", paths: ["cards/files.yaml"] }), null);
});

test("nothing that stands in the repository makes a commit run a program", () => {
  const dir = fresh();
  initHome(dir, { files: FILES });
  const mark = join(root, "ran");
  const evil = join(root, "evil.sh");
  writeFileSync(evil, `#!/bin/sh\ntouch ${mark}\ncat\n`, { mode: 0o755 });
  mkdirSync(join(dir, ".git/hooks"), { recursive: true });
  for (const hook of ["pre-commit", "post-commit", "reference-transaction", "post-index-change", "commit-msg"]) {
    writeFileSync(join(dir, ".git/hooks", hook), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 });
  }
  for (const [key, value] of [
    ["filter.x.clean", evil],
    ["core.fsmonitor", evil],
    ["gpg.program", evil],
    ["commit.gpgSign", "true"],
    ["core.editor", evil],
  ]) {
    git(dir, "config", key ?? "", value ?? "");
  }
  writeFileSync(join(dir, ".git/info-attributes"), "");
  writeFileSync(join(dir, ".gitattributes"), "* filter=x\n");
  writeFileSync(join(dir, "stack.yaml"), "changed");
  rmSync(mark, { force: true });
  commitHome(dir, { message: "m", paths: ["stack.yaml", ".gitattributes"] });
  appendHead(dir, "head");
  assert.equal(existsSync(mark), false);
});

test("a daemon under its own user commits to the owner's home", { skip: process.getuid?.() !== 0 }, () => {
  const dir = fresh();
  initHome(dir, { files: FILES });
  execFileSync("chown", ["-R", "12345", dir]);
  writeFileSync(join(dir, "stack.yaml"), "changed");
  assert.notEqual(commitHome(dir, { message: "m", paths: ["stack.yaml"] }), null);
});

test("a commit refuses a symbolic link, and a path outside the home is a bug", () => {
  const dir = fresh();
  initHome(dir, { files: FILES });
  symlinkSync("/etc/passwd", join(dir, "link"));
  assert.throws(() => commitHome(dir, { message: "m", paths: ["link"] }), code("home.not-a-file"));
  assert.throws(() => commitHome(dir, { message: "m", paths: ["../x"] }), /Bug/);
});

test("heads are kept in order on their own branch, and the work tree does not move", () => {
  const dir = fresh();
  initHome(dir, { files: FILES });
  assert.deepEqual(readHeads(dir), []);
  const before = git(dir, "rev-parse", "HEAD");
  const heads = ["one\nsigned", "two\n", "drei ü"];
  for (const head of heads) appendHead(dir, head);
  assert.deepEqual(readHeads(dir), heads);
  assert.equal(git(dir, "rev-parse", "HEAD"), before);
  assert.equal(git(dir, "status", "--porcelain"), "");
});

test("policy files are read as they are; links, wrong bytes and too much are refused", () => {
  const dir = fresh();
  initHome(dir, { files: { ...FILES, "cards/files.yaml": "server: files\n" } });
  assert.deepEqual(Object.keys(readPolicyFiles(dir)), ["stack.yaml", "rules.yaml", "cards/files.yaml"]);
  writeFileSync(join(dir, "rules.yaml"), Buffer.from([0x61, 0x0a, 0x62, 0xff, 0x0a]));
  assert.throws(
    () => readPolicyFiles(dir),
    (error) => error instanceof Fault && error.at === "rules.yaml:2",
  );
  writeFileSync(join(dir, "rules.yaml"), "x".repeat(1024 * 1024 + 1));
  assert.throws(() => readPolicyFiles(dir), code("home.too-large"));
  rmSync(join(dir, "rules.yaml"));
  symlinkSync("/etc/hostname", join(dir, "rules.yaml"));
  assert.throws(() => readPolicyFiles(dir), code("home.not-a-file"));
  rmSync(join(dir, "rules.yaml"));
  execFileSync("mkfifo", [join(dir, "rules.yaml")]);
  assert.throws(() => readPolicyFiles(dir), code("home.not-a-file"));
  rmSync(join(dir, "rules.yaml"));
  rmSync(join(dir, "cards"), { recursive: true });
  symlinkSync("/etc", join(dir, "cards"));
  assert.throws(() => readPolicyFiles(dir), code("home.not-a-folder"));
});

test("a write replaces the whole file with the mode asked for and leaves nothing beside it", () => {
  const dir = fresh();
  mkdirSync(dir);
  const file = join(dir, "a");
  writeFileSync(file, "old", { mode: 0o644 });
  writeAtomic(file, "new", 0o600);
  assert.equal(readFileSync(file, "utf8"), "new");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.throws(() => writeAtomic(join(dir, "none", "a"), "x", 0o600), code("home.no-folder"));
  mkdirSync(join(dir, "folder"));
  assert.throws(() => writeAtomic(join(dir, "folder"), "x", 0o600), code("home.write-failed"));
  assert.deepEqual(readdirSync(dir).toSorted(), ["a", "folder"]);
});

const walled = (args: readonly string[], script: string): string => {
  const done = spawnSync(
    "bwrap",
    [
      "--ro-bind",
      "/",
      "/",
      "--proc",
      "/proc",
      "--dev",
      "/dev",
      ...args,
      process.execPath,
      "--input-type=module",
      "-e",
      script,
    ],
    { encoding: "utf8" },
  );
  return done.stdout + done.stderr;
};
const hasBwrap = spawnSync("bwrap", ["--ro-bind", "/", "/", "true"]).status === 0;

test("a full disk and a read-only home are said plainly and leave the old file", { skip: !hasBwrap }, () => {
  const dir = fresh();
  mkdirSync(dir);
  writeFileSync(join(dir, "a"), "old");
  const attempt = (place: string, bytes: number): string => `
    import { writeAtomic } from ${JSON.stringify(here)};
    import { readdirSync } from "node:fs";
    try { writeAtomic(${JSON.stringify(place)} + "/a", "x".repeat(${bytes}), 0o600); }
    catch (error) { console.log(error.code); }
    console.log(readdirSync(${JSON.stringify(place)}).join());`;
  assert.equal(walled([], attempt(dir, 3)), "home.read-only\na\n");
  assert.equal(walled(["--size", "65536", "--tmpfs", dir], attempt(dir, 1_000_000)), "home.disk-full\n\n");
});

test("a folder of ours is private, and another thing in its place is refused", () => {
  const dir = fresh();
  mkdirSync(dir);
  chmodSync(dir, 0o755);
  ensureDir(dir, 0o700);
  assert.equal(statSync(dir).mode & 0o777, 0o700);
  symlinkSync("/tmp", join(dir, "link"));
  assert.throws(() => ensureDir(join(dir, "link"), 0o700), code("home.not-a-folder"));
  if (process.getuid?.() === 0) {
    mkdirSync(join(dir, "theirs"));
    execFileSync("chown", ["12345", join(dir, "theirs")]);
    assert.throws(() => ensureDir(join(dir, "theirs"), 0o700), code("home.foreign"));
  }
});

test("the home is the argument, then FREEHOLD_HOME, then the default", () => {
  const env = { HOME: "/home/ada", FREEHOLD_HOME: "/srv/stack" };
  assert.equal(resolveHome({ argument: "/x/../y", env }), "/y");
  assert.equal(resolveHome({ argument: null, env }), "/srv/stack");
  assert.equal(resolveHome({ argument: null, env: { HOME: "/home/ada" } }), "/home/ada/freehold-home");
  assert.equal(resolveHome({ argument: "~/s", env }), "/home/ada/s");
  assert.throws(() => resolveHome({ argument: "a\0b", env }), code("home.bad-path"));
});

test("socket paths fit the system's limit however deep the home is", () => {
  assert.equal(homePaths("/home/ada/freehold-home", {}).controlSocket, "/home/ada/freehold-home/.state/control.sock");
  const deep = `/home/ada/${"very-long-folder/".repeat(10)}home`;
  const short = homePaths(deep, { XDG_RUNTIME_DIR: "/run/user/1000" });
  assert.match(short.controlSocket, /^\/run\/user\/1000\/freehold-[0-9a-f]{16}\/control\.sock$/);
  assert.ok(Buffer.byteLength(homePaths(deep, {}).gatewaySocket) < 100);
  assert.notEqual(homePaths(`${deep}2`, {}).controlSocket, homePaths(deep, {}).controlSocket);
});

test("a change of a policy file is told, once for changes close together", async () => {
  const dir = fresh();
  initHome(dir, { files: FILES });
  const { promise, resolve } = Promise.withResolvers<void>();
  let told = 0;
  const watch = watchHome(
    dir,
    () => {
      told += 1;
      resolve();
    },
    { quietMs: 20 },
  );
  const keepAlive = setInterval(() => undefined, 1000);
  writeAtomic(join(dir, "stack.yaml"), "1", 0o600);
  writeAtomic(join(dir, "stack.yaml"), "2", 0o600);
  await promise;
  clearInterval(keepAlive);
  watch.close();
  assert.equal(told, 1);
});
