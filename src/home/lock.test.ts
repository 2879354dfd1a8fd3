import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createInterface } from "node:readline";
import { Fault } from "../kernel/index.ts";
import { lockHolder, lockHome } from "./lock.ts";

const root = mkdtempSync(join(tmpdir(), "freehold-lock-"));
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(root, { recursive: true, force: true });
});
const module = new URL("./lock.ts", import.meta.url).pathname;

function home(name: string): string {
  const dir = join(root, name);
  mkdirSync(join(dir, ".state"), { recursive: true });
  return dir;
}

/** Another process that tries once, says how it went, and stays. */
async function contender(dir: string): Promise<{ child: ChildProcess; said: string }> {
  const script = `import { lockHome } from ${JSON.stringify(module)};
    try { lockHome(${JSON.stringify(dir)}); console.log("held"); }
    catch (error) { console.log(error.code + " " + error.message); }
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [said] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { child, said };
}

test("a second daemon on one home is refused with the first one's pid, and may start when it is gone", async () => {
  const dir = home("two");
  const first = await contender(dir);
  assert.equal(first.said, "held");
  assert.equal(lockHolder(dir), first.child.pid);
  assert.throws(
    () => lockHome(dir),
    (error) =>
      error instanceof Fault && error.code === "home.locked" && error.message.includes(String(first.child.pid)),
  );
  first.child.kill("SIGKILL");
  await once(first.child, "exit");
  assert.equal(lockHolder(dir), null);
  const lock = lockHome(dir);
  assert.throws(() => lockHome(dir), /already running/);
  lock.release();
  lockHome(dir).release();
  assert.equal(readdirSync(join(dir, ".state")).length, 1);
});

test("of several that start at once after a crash, exactly one holds the home", async () => {
  const dir = home("race");
  writeFileSync(join(dir, ".state/daemon.lock.7"), JSON.stringify({ pid: 1, started: "another boot" }));
  const all = await Promise.all(Array.from({ length: 6 }, () => contender(dir)));
  assert.equal(all.filter(({ said }) => said === "held").length, 1);
  assert.equal(all.filter(({ said }) => said.startsWith("home.locked")).length, 5);
});

test("a reused pid is not taken for the holder, and a damaged lock does not lock for ever", () => {
  const dir = home("reuse");
  writeFileSync(join(dir, ".state/daemon.lock.1"), JSON.stringify({ pid: process.pid, started: "before" }));
  lockHome(dir).release();
  writeFileSync(join(dir, ".state/daemon.lock.9"), "{");
  lockHome(dir).release();
});
