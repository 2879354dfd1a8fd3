import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { daemonEntry, packagesOf } from "../../scripts/packages.mjs";
import { LIMITS } from "./table.ts";

test("a package loaded through another one is counted, and one that lies unused is not", async (t) => {
  const scratch = mkdtempSync(join(tmpdir(), "freehold-graph-"));
  t.after(() => rmSync(scratch, { recursive: true, force: true }));
  const put = (name: string, text: string) => {
    const folder = join(scratch, "node_modules", name);
    mkdirSync(folder, { recursive: true });
    const version = name === "@a/deep" ? "2.0.0" : "1.0.0";
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version, type: "module", main: "index.js" }));
    writeFileSync(join(folder, "index.js"), text);
  };
  put("near", 'import "@a/deep";');
  put("@a/deep", "");
  put("unused", "");
  const entry = join(scratch, "entry.mjs");
  writeFileSync(entry, 'import "near";\nsetInterval(() => {}, 1000);\n');
  assert.deepEqual(await packagesOf(entry), ["@a/deep@2.0.0", "near@1.0.0"]);
});

test("the daemon loads at most 20 packages", async (t) => {
  const entry = daemonEntry();
  if (entry === null) return t.skip("THERE IS NO DAEMON YET: nothing was counted");
  const packages = await packagesOf(entry);
  assert.ok(packages.length <= LIMITS.daemonPackages, JSON.stringify(packages));
});
