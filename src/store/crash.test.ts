// What is left after a crash, a full disk and a read-only home.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { openStore, verifyLedger } from "./index.ts";

const storeUrl = new URL("./index.ts", import.meta.url).href;

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "freehold-crash-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("kill -9 loses nothing that was committed, and the ledger goes on from there", async (t) => {
  const folder = folderOf(t);
  const file = join(folder, "f.db");
  const script = `
    const { openStore } = await import(${JSON.stringify(storeUrl)});
    const { randomBytes } = await import("node:crypto");
    const store = openStore({ file: ${JSON.stringify(file)}, sign: null, nowMs: Date.now, randomBytes });
    store.budgets.reserve([{ account: "day", amount: 7, limit: 10 }]);
    for (let at = 1; ; at += 1) {
      const entry = { kind: "intent", session: null, principal: null, subject: "s", request: "r" + at, facts: {} };
      store.ledger.append(entry);
      store.permits.spend({ request: "r" + at, server: "s", method: "m", digest: "d" });
      if (at % 100 === 0) { await store.durable(); console.log(at); }
    }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let confirmed = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    confirmed = Number(line);
    if (confirmed === 300) child.kill("SIGKILL");
  }
  const store = openStore({ file, sign: null, nowMs: Date.now, randomBytes });
  t.after(() => store.close());
  const { size } = store.ledger.head();
  assert.ok(confirmed >= 300 && size >= confirmed);
  assert.equal(store.ledger.unfinished().length, size);
  assert.equal(store.permits.spend({ request: `r${confirmed}`, server: "s", method: "m", digest: "d" }), false);
  assert.deepEqual(store.budgets.spent("day"), { spent: 7, held: 0 });
  const report = await verifyLedger({ file, publicKeyPem: null, anchors: [] });
  assert.ok(report.kind === "good" && report.entries === size);
});

/** Runs the script in a mount namespace where /state is as the options say. */
function inSandbox(options: readonly string[], script: string): string {
  const args = ["--dev-bind", "/", "/", ...options, process.execPath, "--input-type=module", "-e", script];
  const done = spawnSync("bwrap", args, { encoding: "utf8" });
  return `${done.stdout}${done.stderr}`.trim();
}

const hasSandbox = spawnSync("bwrap", ["--dev-bind", "/", "/", "true"]).status === 0;

test("a full disk is a fault and leaves nothing half-done", { skip: !hasSandbox && "no bwrap" }, (t) => {
  const folder = folderOf(t);
  const script = `
    const { openStore, verifyLedger } = await import(${JSON.stringify(storeUrl)});
    const { randomBytes } = await import("node:crypto");
    const options = { file: ${JSON.stringify(join(folder, "f.db"))}, sign: null, nowMs: Date.now, randomBytes };
    const store = openStore(options);
    const entry = { kind: "intent", session: null, principal: null, subject: "s", facts: {}, text: "x".repeat(20000) };
    let done = 0;
    try { for (; done < 1000; done++) store.ledger.append({ ...entry, request: "r" + done }); }
    catch (error) { console.log(error.code); }
    console.log(done > 10 && store.ledger.head().size === done && store.ledger.unfinished().length === done);
    const report = await verifyLedger({ file: options.file, publicKeyPem: null, anchors: [] });
    console.log(report.kind, report.entries === done);`;
  const said = inSandbox(["--size", String(2 * 1024 * 1024), "--tmpfs", folder], script);
  assert.deepEqual(said.split("\n"), ["store.full", "true", "good true"]);
});

test("a read-only home is a fault", { skip: !hasSandbox && "no bwrap" }, (t) => {
  const folder = folderOf(t);
  const file = join(folder, "f.db");
  openStore({ file, sign: null, nowMs: Date.now, randomBytes }).close();
  const script = `
    const { openStore } = await import(${JSON.stringify(storeUrl)});
    try { openStore({ file: ${JSON.stringify(file)}, sign: null, nowMs: Date.now, randomBytes: Buffer.alloc }); }
    catch (error) { console.log(error.code, error.next); }`;
  const said = inSandbox(["--ro-bind", folder, folder], script);
  assert.match(said, /^store\.read-only make its folder writable/);
});
