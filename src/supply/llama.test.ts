// The engine for model files: what is not the pinned and installed one is not started, and says what to do.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { homePaths } from "../home/index.ts";
import { isObject, readJson, type JsonObject } from "../kernel/index.ts";
import { installedLlama, llamaFolder } from "./llama.ts";
import { everyPackage } from "./resolve.ts";
import { treeHash } from "./tree.ts";

const dir = mkdtempSync(join(tmpdir(), "freehold-llama-record-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const home = homePaths(dir);
mkdirSync(home.trees, { recursive: true });
const record = join(home.stateDir, "llama.json");

const text = readFileSync(new URL("./llama/packages.json", import.meta.url), "utf8");
const value = readJson(text);
const pinned: JsonObject = isObject(value) ? value : {};

test("without it, and with a damaged record, the message names the command", async () => {
  const next = "freehold model engine";
  assert.equal(installedLlama(home), null);
  await assert.rejects(llamaFolder(home), { code: "supply.llama-missing", next });
  writeFileSync(record, '{"version":"3.22.1","tree":"../../etc"}');
  await assert.rejects(llamaFolder(home), { code: "supply.llama-differs", next, message: /record was damaged/ });
  writeFileSync(record, JSON.stringify({ version: "3.22.1", tree: "0".repeat(64) }));
  await assert.rejects(llamaFolder(home), { code: "supply.llama-missing", next });
});

test("another release than this Freehold knows, or another file, is not handed out", async () => {
  const made = join(home.trees, "made");
  mkdirSync(made);
  writeFileSync(join(made, "index.js"), "1");
  const tree = await treeHash(made);
  mkdirSync(join(home.trees, tree));
  writeFileSync(join(home.trees, tree, "index.js"), "1");
  writeFileSync(record, JSON.stringify({ version: "1.0.0", tree }));
  await assert.rejects(llamaFolder(home), { message: /the engine is 1\.0\.0, and this Freehold knows 3\.22\.1/ });
  writeFileSync(record, JSON.stringify({ version: pinned["version"] ?? "", tree }));
  assert.equal(await llamaFolder(home), join(home.trees, tree));
  writeFileSync(join(home.trees, tree, "index.js"), "2");
  await assert.rejects(llamaFolder(home), {
    code: "supply.llama-differs",
    message: /files of the engine were changed/,
  });
});

test("each machine that is served gets one binary, and every package has its sha512", () => {
  for (const [os, cpu, libc] of [
    ["linux", "x64", "glibc"],
    ["linux", "arm64", "glibc"],
  ] as const) {
    const { packages } = everyPackage(pinned, { os, cpu, libc });
    assert.equal(packages.filter(({ name }) => name.startsWith("@node-llama-cpp/")).length, 1, `${os} ${cpu}`);
  }
  for (const machine of [
    { os: "linux", cpu: "x64", libc: "musl" },
    { os: "darwin", cpu: "arm64", libc: null },
  ]) {
    const { packages } = everyPackage(pinned, machine);
    assert.ok(!packages.some(({ name }) => name.startsWith("@node-llama-cpp/")), machine.os);
  }
});
