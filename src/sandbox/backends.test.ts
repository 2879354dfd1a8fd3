import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { closeCgroup, delegatedCgroup, makeCgroup } from "./limits.ts";
import { probeSandbox } from "./probe.ts";
import { seatbeltProfile } from "./seatbelt.ts";

const folder = mkdtempSync(join(tmpdir(), "backends-test-"));
after(() => rmSync(folder, { recursive: true }));

test("a machine without bubblewrap has no sandbox", async () => {
  const probe = await probeSandbox(undefined, folder);
  assert.equal(probe.kind, "absent");
  assert.equal(probe.kind === "absent" ? probe.fix : "", "freehold doctor");
});

test("what explains a missing sandbox cannot make it one that is there", async () => {
  const words = { reason: "", fix: "", kind: "ready", program: "/usr/bin/env" };
  assert.equal((await probeSandbox(() => words, folder)).kind, "absent");
});

test("a delegated cgroup is divided and keeps the limits; a shared one is left alone", () => {
  const root = join(folder, "cgroup");
  const own = join(root, "system.slice", "freehold.service");
  mkdirSync(own, { recursive: true });
  const self = join(folder, "self");
  writeFileSync(self, "1:name=systemd:/x\n0::/system.slice/freehold.service\n");
  assert.equal(delegatedCgroup(root, self), null);
  writeFileSync(join(own, "cgroup.controllers"), "cpu memory pids\n");
  writeFileSync(join(own, "cgroup.procs"), "1\n2\n");
  assert.equal(delegatedCgroup(root, self), null);
  writeFileSync(join(own, "cgroup.procs"), "1\n");
  assert.equal(delegatedCgroup(root, self), own);
  assert.equal(readFileSync(join(own, "cgroup.subtree_control"), "utf8"), "+memory +pids");
  const group = makeCgroup(join(own, "server-1"), { memoryMb: 64, pidsMax: 8 });
  assert.equal(readFileSync(join(group, "memory.max"), "utf8"), "67108864");
  assert.equal(readFileSync(join(group, "pids.max"), "utf8"), "8");
  writeFileSync(join(group, "pids.events"), "max 3\n");
  assert.match(closeCgroup(group, { memoryMb: 64, pidsMax: 8 }) ?? "", /8 processes/);
  writeFileSync(join(group, "memory.events"), "oom 1\noom_kill 1\n");
  assert.match(closeCgroup(group, { memoryMb: 64, pidsMax: 8 }) ?? "", /64 MB/);
});

test("the macOS profile denies first, names only what was given, and cannot be broken out of by a path", () => {
  const mount = (path: string): { source: string; target: string } => ({ source: path, target: path });
  const plan = {
    command: [],
    cwd: "/",
    env: {},
    memoryMb: 1,
    folder: "/private/tmp/f",
    flags: [],
    read: [mount('/Users/ada/no"tes) (allow default')],
    write: [mount("/Users/ada/out")],
  };
  const closed = seatbeltProfile({ ...plan, network: "none" }, 4000).split("\n");
  assert.equal(closed[1], "(deny default)");
  assert.ok(!closed.join().includes("network"));
  assert.ok(closed.some((line) => line.includes('(subpath "/Users/ada/no\\"tes) (allow default")')));
  assert.ok(closed.some((line) => line.startsWith("(allow file-read* file-write*") && line.includes("/Users/ada/out")));
  const open = seatbeltProfile({ ...plan, network: ["a.example:443"] }, 4000);
  assert.match(open, /network-outbound \(remote ip "localhost:4000"\) \(literal "\/private\/tmp\/f\/egress\.sock"\)/);
});
