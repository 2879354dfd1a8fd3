// What a hostile program on the owner's machine can do. The list beside this file is the one that SECURITY.md gives.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, chownSync, lchownSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import { homePaths, type HomePaths } from "../../src/home/index.ts";
import {
  addClient,
  addRogues,
  effects,
  makeHome,
  openMcp,
  type StartOptions,
  type TestDaemon,
  type TestHome,
} from "../fixtures/daemon.ts";
import { LATER, LIVE, type Knows } from "../fixtures/hostile-shell.ts";

const PROGRAM = join(import.meta.dirname, "..", "fixtures", "hostile-shell.ts");
const LIST = join(import.meta.dirname, "hostile-shell.list.json");
const DAEMON_UID = 54_001;
const HOSTILE_UID = 54_002;

interface Lists {
  readonly [mode: string]: { readonly succeeds: readonly string[]; readonly fails: readonly string[] };
}

interface Stage {
  readonly home: TestHome;
  readonly paths: HomePaths;
  readonly folder: string;
  readonly start: StartOptions;
  readonly hostileUid: number | null;
  daemon: TestDaemon;
  token: string;
}

async function attack(stage: Stage, phase: string, question: string): Promise<Readonly<Record<string, boolean>>> {
  const { daemon, paths, token, hostileUid } = stage;
  const knows: Knows = {
    home: paths.dir,
    controlSocket: paths.controlSocket,
    url: daemon.url,
    token,
    pid: daemon.pid,
    question,
  };
  const child = spawn(process.execPath, [PROGRAM, phase], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { PATH: process.env["PATH"], NODE_NO_WARNINGS: "1", ...stage.start.env },
    // In the daemon's group, as the owner's own programs are: it can reach the control socket.
    ...(hostileUid === null ? {} : { uid: hostileUid, gid: DAEMON_UID }),
  });
  child.stdin.end(JSON.stringify(knows));
  return JSON.parse(await text(child.stdout)) as Record<string, boolean>;
}

async function ask(stage: Stage): Promise<string> {
  const client = await openMcp(stage.daemon.url, stage.token);
  const told = await client.call("one__write", { path: "secret-path" });
  const id = /question (\w+)\./.exec(told.text)?.[1] ?? "";
  assert.notEqual(id, "", told.text);
  return id;
}

async function prepare(stage: Omit<Stage, "daemon" | "token">): Promise<Stage> {
  const daemon = await stage.home.start(stage.start);
  const ready: Stage = { ...stage, daemon, token: "" };
  await daemon.owner.call("secret.set", { name: "bank", value: "correct horse battery" });
  await addRogues(daemon, stage.paths, [{ name: "one", folder: stage.folder }]);
  ready.token = await addClient(daemon, "shell");
  return ready;
}

/** Whether the attack that was made on the files took effect in the next daemon. */
async function tookEffect(stage: Stage, name: string): Promise<boolean> {
  const { daemon } = stage;
  const isForged = (mark: string): boolean => effects(stage.folder).some((line) => line.includes(mark));
  const client = await openMcp(daemon.url, stage.token);
  switch (name) {
    case "answer a question by an edited database":
      await wait(500);
      return isForged("forged-yes");
    case "change a ledger entry unseen":
      return (await daemon.owner.call("ledger.verify", {}))["kind"] === "good";
    case "set a PIN of its own by an edited database":
      return true;
    default:
      await client.call("one__write", { path: "forged-policy" });
      return isForged("forged-policy");
  }
}

async function allAttacks(t: TestContext, make: () => Promise<Stage>): Promise<Lists[string]> {
  const succeeded = new Set<string>();
  const all = [...LIVE, ...LATER];
  const stage = await make();
  const question = await ask(stage);
  const results = await attack(stage, "live", question);
  for (const name of LIVE) if (results[name] === true) succeeded.add(name);
  assert.equal(
    effects(stage.folder).some((line) => line.includes("forged")),
    false,
    "nothing forged has run",
  );
  // Anybody may stop: so it is known that the attacks reached the daemon at all.
  assert.equal((await stage.daemon.owner.call("status", {}))["stopped"], true);
  await stage.daemon.kill9();
  let unharmed: Stage | null = null;
  for (const name of LATER) {
    await t.test(name, async () => {
      const fresh: Stage = unharmed ?? (await make());
      const id = await ask(fresh);
      const said = await attack(fresh, name, id);
      unharmed = said[name] === true ? null : fresh;
      if (said[name] !== true) return;
      if (name.startsWith("stop the daemon")) return void succeeded.add(name);
      await fresh.daemon.kill9();
      try {
        // Whoever comes first after the PIN is gone sets it: here that is the attacker.
        fresh.daemon = await fresh.home.start(fresh.start);
      } catch (error) {
        assert.match(String(error), /policy.changed|behind Freehold's back|ledger/);
        return;
      }
      if (await tookEffect(fresh, name)) succeeded.add(name);
      await fresh.daemon.kill9();
    });
  }
  return { succeeds: all.filter((name) => succeeded.has(name)), fails: all.filter((name) => !succeeded.has(name)) };
}

function expected(mode: string): Lists[string] {
  const lists = JSON.parse(readFileSync(LIST, "utf8")) as Lists;
  return lists[mode] ?? { succeeds: [], fails: [] };
}

test("single-user mode: what a program of the owner's uid can do is exactly what SECURITY.md lists", async (t) => {
  const found = await allAttacks(t, () => {
    const home = makeHome(t);
    return prepare({ home, paths: home.paths, folder: home.folder("one"), start: { waitMs: 20 }, hostileUid: null });
  });
  assert.deepEqual(found, expected("singleUser"));
});

const isRoot = process.getuid?.() === 0;
const skip = isRoot ? false : "needs root to take on two other users; nothing was tested";

test(
  "under its own user: nothing succeeds",
  { skip: skip !== false && process.env["CI"] !== "true" && skip },
  async (t) => {
    assert.ok(isRoot, "CI must run this test as root");
    const found = await allAttacks(t, async () => {
      const home = makeHome(t);
      const runtime = join(home.base, "run");
      const env = { XDG_RUNTIME_DIR: runtime, HOME: home.base };
      // A path too long for a socket: the sockets then stand in a folder that the daemon's group may enter.
      const long = join(home.base, "h".repeat(90));
      mkdirSync(runtime);
      renameSync(home.paths.dir, long);
      const paths = homePaths(long, env);
      const folder = home.folder("one");
      const sockets = join(paths.controlSocket, "..");
      mkdirSync(sockets);
      own(home.base);
      chmodSync(home.base, 0o755);
      chmodSync(runtime, 0o755);
      chmodSync(sockets, 0o750);
      const start: StartOptions = { waitMs: 20, uid: DAEMON_UID, isOwnUser: true, env };
      const moved: TestHome = { ...home, paths, start: (more) => home.startAt(paths, { ...start, ...more }) };
      return prepare({ home: moved, paths, folder, start, hostileUid: HOSTILE_UID });
    });
    assert.deepEqual(found, expected("ownUser"));
    assert.deepEqual(found?.succeeds, []);
  },
);

function own(folder: string): void {
  chownSync(folder, DAEMON_UID, DAEMON_UID);
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    lchownSync(join(entry.parentPath, entry.name), DAEMON_UID, DAEMON_UID);
  }
}
