import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { startLlama } from "../fixtures/llama-server.ts";
import { addClient, addRogues, effects, makeHome, openMcp, spawnDaemon } from "../fixtures/daemon.ts";

const RULES = `rules:
  - { id: free, answer: allow, tool: one.write, args: { path: any }, reason: "a test" }
`;
const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === "linux";
const why = isRoot && isLinux ? false : "needs root to mount a small disk; nothing was tested";
const skip = why !== false && process.env["CI"] !== "true" && why;

/** A disk of its own, unmounted at the end. */
function smallDisk(t: TestContext, megabytes: number): { readonly path: string; remount(how: "ro" | "rw"): void } {
  assert.equal(why, false);
  const path = mkdtempSync(join(tmpdir(), "freehold-disk-"));
  const mount = (...args: readonly string[]): void => {
    const done = spawnSync("mount", args, { encoding: "utf8" });
    assert.equal(done.status, 0, done.stderr);
  };
  mount("-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", path);
  t.after(() => {
    spawnSync("umount", ["--lazy", path]);
    rmdirSync(path);
  });
  return { path, remount: (how) => mount("-o", `remount,${how}`, path) };
}

/** Takes every byte that is left. */
function fill(file: string): void {
  const handle = openSync(file, "w");
  const block = Buffer.alloc(4_096);
  try {
    for (;;) writeSync(handle, block);
  } catch (error) {
    assert.match(String(error), /ENOSPC/);
  } finally {
    closeSync(handle);
  }
}

async function lastWords(home: string): Promise<{ readonly code: number | null; readonly said: string }> {
  const child = spawnDaemon(home);
  const said = child.stderr === null ? Promise.resolve("") : text(child.stderr);
  child.stdout?.resume();
  if (child.exitCode === null) await once(child, "exit");
  return { code: child.exitCode, said: (await said).trim() };
}

test("a full disk: nothing acts unrecorded, stop still stops, and with space again it goes on", { skip }, async (t) => {
  const disk = smallDisk(t, 32);
  const home = makeHome(t, { rules: "rules: []\n", inside: disk.path });
  const elsewhere = mkdtempSync(join(tmpdir(), "freehold-effects-"));
  t.after(() => rmSync(elsewhere, { recursive: true, force: true }));
  const daemon = await home.start({ waitMs: 20 });
  await addRogues(daemon, home.paths, [{ name: "one", folder: elsewhere }]);
  writeFileSync(home.paths.rules, RULES);
  const token = await addClient(daemon, "shell");
  const client = await openMcp(daemon.url, token);
  assert.equal((await client.call("one__write", { path: "before" })).isError, false);

  fill(join(disk.path, "filler"));
  // The write-ahead log may have some room left in its last page.
  let refused = 0;
  for (let number = 0; number < 20 && refused < 3; number += 1) {
    const before = effects(elsewhere).length;
    const got = await client.call("one__write", { path: "x".repeat(20_000) });
    if (effects(elsewhere).length === before) refused += 1;
    assert.equal(effects(elsewhere).length === before || !got.isError, true);
    if (effects(elsewhere).length === before) assert.match(`${got.text}${got.error}`, /disk is full|full/);
  }
  assert.equal(refused, 3);
  const acted = effects(elsewhere).length;
  await daemon.owner.call("stop", { reason: "full" }).catch((error: unknown) => assert.match(String(error), /full/));
  assert.equal((await daemon.owner.call("status", {}))["stopped"], true);
  assert.equal((await client.call("one__write", { path: "stopped" })).isError, true);
  assert.equal(effects(elsewhere).length, acted);

  rmSync(join(disk.path, "filler"));
  await daemon.owner.call("resume", {});
  assert.equal((await client.call("one__write", { path: "after" })).isError, false);
  assert.equal((await daemon.owner.call("ledger.verify", {}))["kind"], "good");
  assert.equal(await daemon.end(), 0);
});

test("a full disk: no model is asked, and with space again it goes on", { skip }, async (t) => {
  const disk = smallDisk(t, 32);
  const home = makeHome(t, { inside: disk.path });
  const llama = await startLlama(() => ({ text: "ready" }));
  t.after(() => llama.close());
  const daemon = await home.start();
  const { owner } = daemon;
  const price = { input: 100, output: 100 };
  const input = { name: "paid", speaks: "openai-chat", url: llama.url, model: "m", place: "this-machine", price };
  const added = await owner.call("model.add", input);
  await owner.call("apply", { digest: added["digest"] ?? null, read: [] });
  assert.equal((await owner.call("model.test", { name: "paid" }))["kind"], "answered");
  fill(join(disk.path, "filler"));
  // The write-ahead log may have some room left in its last page.
  let refused = 0;
  for (let number = 0; number < 40 && refused < 3; number += 1) {
    const before = llama.asked.length;
    const said = await owner.call("model.test", { name: "paid" }).catch((error: unknown) => String(error));
    if (llama.asked.length > before) continue;
    refused += 1;
    assert.match(typeof said === "string" ? said : JSON.stringify(said), /full/);
  }
  assert.equal(refused, 3);
  rmSync(join(disk.path, "filler"));
  const asked = llama.asked.length;
  assert.equal((await owner.call("model.test", { name: "paid" }))["kind"], "answered");
  assert.equal(llama.asked.length, asked + 1);
  assert.equal((await owner.call("ledger.verify", {}))["kind"], "good");
  assert.equal(await daemon.end(), 0);
});

test("a home that cannot be written: one line that says so, and nothing is left behind", { skip }, async (t) => {
  const disk = smallDisk(t, 32);
  const home = makeHome(t, { inside: disk.path });
  const daemon = await home.start();
  await daemon.end();
  disk.remount("ro");
  const { code, said } = await lastWords(home.paths.dir);
  disk.remount("rw");
  assert.equal(code, 1);
  assert.match(said, /read-only/);
  assert.equal(said.split("\n").length, 1, said);
});

test("two daemons on one home: the second says which one runs, and takes nothing from the first", async (t) => {
  const home = makeHome(t);
  const daemon = await home.start();
  const { code, said } = await lastWords(home.paths.dir);
  assert.equal(code, 1);
  assert.match(said, new RegExp(`process ${daemon.pid}`));
  assert.equal(said.split("\n").length, 1, said);
  assert.ok(existsSync(home.paths.gatewaySocket) && existsSync(home.paths.controlSocket));
  assert.equal((await daemon.owner.call("status", {}))["pid"], daemon.pid);
  assert.match(readFileSync(home.paths.daemon, "utf8"), new RegExp(String(daemon.pid)));
});

test("two daemons started at the same moment: exactly one lives", async (t) => {
  const home = makeHome(t);
  const both = [spawnDaemon(home.paths.dir), spawnDaemon(home.paths.dir)];
  t.after(() => both.map((child) => child.kill("SIGKILL")));
  const ended = both.map(async (child) => once(child, "exit").then(() => "ended"));
  const ready = both.map(async (child) =>
    child.stdout === null ? "" : once(child.stdout, "data").then(() => "ready"),
  );
  const outcomes = await Promise.all(both.map((_, index) => Promise.race([ended[index], ready[index]])));
  assert.deepEqual(
    outcomes.filter((outcome) => outcome !== undefined).toSorted((a, b) => a.localeCompare(b)),
    ["ended", "ready"],
  );
});

test("a killed daemon's lock, sockets and address are no obstacle to the next", async (t) => {
  const home = makeHome(t);
  const first = await home.start();
  await first.kill9();
  assert.ok(existsSync(home.paths.gatewaySocket) && existsSync(home.paths.daemon));
  const second = await home.start();
  assert.equal((await second.owner.call("status", {}))["pid"], second.pid);
  assert.equal(await second.end(), 0);
  assert.equal(existsSync(home.paths.controlSocket) || existsSync(home.paths.gatewaySocket), false);
});
