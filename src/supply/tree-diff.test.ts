import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { homePaths } from "../home/index.ts";
import { sha256, surfaceRoot } from "../kernel/index.ts";
import type { LockedServer } from "../manifest/index.ts";
import { treeFolder } from "./places.ts";
import { diffTrees, type TreeDiff } from "./tree-diff.ts";

const folder = mkdtempSync(join(tmpdir(), "tree-diff-"));
after(() => rmSync(folder, { recursive: true }));
const home = homePaths(folder);
const EMPTY = { instructions: null, serverInfo: {}, capabilities: {}, tools: [], prompts: [], resources: [] };
const SURFACE = { protocol: "2025-11-25", ...EMPTY, templates: [] };

/** `name@version` to its files; the first is the server's own. The content of a version is its integrity. */
type Packages = Readonly<Record<string, Readonly<Record<string, string>>>>;

let count = 0;
function locked(packages: Packages): LockedServer {
  const hash = sha256(`tree ${(count += 1)}`);
  const listed = Object.entries(packages).map(([spec, files]) => {
    const [name = "", version = ""] = spec.split("@");
    const path = `node_modules/${name}`;
    for (const [file, text] of Object.entries(files)) {
      const full = join(treeFolder(home, hash), path, file);
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, text);
    }
    return { path, name, version, integrity: sha256(JSON.stringify(files)) };
  });
  const own = listed[0];
  return {
    source: `npm:${own?.name}@${own?.version}`,
    kind: "npm",
    version: own?.version ?? null,
    integrity: own?.integrity ?? null,
    tree: { hash, packages: listed },
    command: [],
    surface: SURFACE,
    surfaceRoot: surfaceRoot(SURFACE),
  };
}

function diff(before: Packages, now: Packages): Promise<TreeDiff> {
  return diffTrees({ home, before: locked(before), after: locked(now) });
}

const OLD = { "own@1.0.0": { "index.js": "a\nb\nc\n" }, "zod@3.25.76": { "index.js": "x" }, "gone@1.0.0": {} };

test("packages are named with their versions: changed, new, gone, and rewritten under one version", async () => {
  const { packages } = await diff(OLD, {
    "own@1.0.0": { "index.js": "a\nb\nc\nd\n" },
    "zod@4.6.7": { "index.js": "y" },
    "left@1.3.0": {},
  });
  assert.deepEqual(packages.changed, [{ name: "zod", from: "3.25.76", to: "4.6.7" }]);
  assert.deepEqual([packages.added, packages.removed], [["left 1.3.0"], ["gone 1.0.0"]]);
  assert.deepEqual([packages.rewritten, packages.total], [["own 1.0.0"], 3]);
});

test("changed lines are counted apart for the server and what it needs, without what nobody runs", async () => {
  const long = "z".repeat(500);
  const found = await diff(OLD, {
    "own@1.1.0": { "index.js": `c\nb\nA\n${long}\n`, "README.md": "new", "index.d.ts": "new", "index.js.map": "new" },
    "zod@3.25.76": { "index.js": "x" },
    "dep@1.0.0": { "index.js": "1\n2\n\n3\n" },
  });
  assert.deepEqual(found.own, { files: 1, added: 6, removed: 1 }, "a moved line is none, a long one is several");
  assert.deepEqual(found.dependencies, { files: 1, added: 3, removed: 0 });
  assert.deepEqual([found.readingMinutes, found.dependencyMinutes], [2, 1]);
  assert.match(found.hunks, /^--- a\/index\.js\n\+\+\+ b\/index\.js\n/);
});

test("the same trees differ in nothing", async () => {
  const found = await diff(OLD, OLD);
  assert.deepEqual([found.own.files, found.readingMinutes, found.hunks, found.capabilities], [0, 0, "", []]);
});

test("new install scripts, reach, native parts and hosts are named with their package", async () => {
  const install = JSON.stringify({ scripts: { postinstall: "node x.js", test: "x" } });
  const found = await diff(OLD, {
    "own@1.1.0": { "index.js": 'fetch("https://api.new.net/x")', "data.bin": "\0" },
    "zod@3.25.76": { "index.js": "x" },
    "dep@1.0.0": { "package.json": install, "a.js": 'require("child_process")', "b.node": "\0" },
    "gyp@1.0.0": { "binding.gyp": "{}" },
  });
  assert.deepEqual(found.scripts, ["dep: postinstall", "gyp: install"]);
  assert.deepEqual(found.capabilities, [
    { package: "own", names: ["fetch"] },
    { package: "dep", names: ["child_process", "native code"] },
  ]);
  assert.deepEqual([found.hosts, found.own.files], [["api.new.net"], 2]);
});
