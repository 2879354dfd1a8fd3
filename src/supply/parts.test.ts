import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { JsonObject } from "../kernel/index.ts";
import { binsOf, entryOf } from "./bins.ts";
import { packagesOf } from "./resolve.ts";
import { treeHash } from "./tree.ts";

const folder = mkdtempSync(join(tmpdir(), "supply-parts-"));
after(() => rmSync(folder, { recursive: true }));

const LINUX = { os: "linux", cpu: "x64", libc: "glibc" };
const SOME = `sha512-${"A".repeat(86)}==`;

function lockOf(packages: JsonObject): JsonObject {
  return {
    lockfileVersion: 3,
    packages: { "": {}, "node_modules/top": { version: "1.0.0", integrity: SOME }, ...packages },
  };
}

test("only the packages for this machine are taken, and those inside another's archive are left to it", () => {
  const optional = { version: "1.0.0", integrity: SOME, optional: true };
  const { packages, version } = packagesOf(
    lockOf({
      "node_modules/mac": { ...optional, os: ["darwin"] },
      "node_modules/not-windows": { ...optional, os: ["!win32"] },
      "node_modules/arm": { ...optional, cpu: ["arm64"] },
      "node_modules/musl": { ...optional, libc: ["musl"] },
      "node_modules/linux": { ...optional, os: ["linux", "darwin"], cpu: ["x64"], libc: ["glibc"] },
      "node_modules/top/node_modules/inner": { version: "2.0.0", inBundle: true },
      "node_modules/alias": { name: "real", version: "3.0.0", integrity: `${SOME} sha1-x` },
    }),
    "top",
    LINUX,
  );
  assert.equal(version, "1.0.0");
  assert.deepEqual(
    packages.map((item) => `${item.path} ${item.name}`),
    [
      "node_modules/alias real",
      "node_modules/linux linux",
      "node_modules/not-windows not-windows",
      "node_modules/top top",
    ],
  );
  assert.equal(packages[0]?.integrity, SOME);
});

test("a package without SHA-512, a link and a needed package for another platform are refused by name", () => {
  const cases: readonly (readonly [JsonObject, RegExp])[] = [
    [{ version: "git+ssh://git@example.org/x.git#abc" }, /node_modules\/x has no SHA-512/],
    [{ version: "1.0.0", integrity: "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=" }, /no SHA-512/],
    [{ version: "1.0.0", integrity: SOME, link: true }, /no SHA-512/],
    [{ version: "1.0.0", integrity: SOME, os: ["win32"] }, /x@1\.0\.0 does not run on linux x64/],
  ];
  for (const [entry, words] of cases) {
    assert.throws(() => packagesOf(lockOf({ "node_modules/x": entry }), "top", LINUX), words);
  }
  assert.throws(() => packagesOf({ packages: {} }, "top", LINUX), /resolved top to nothing/);
});

test("install scripts are named, because they are not run", () => {
  const entry = { version: "1.0.0", integrity: SOME, hasInstallScript: true };
  assert.deepEqual(packagesOf(lockOf({ "node_modules/x": entry }), "top", LINUX).withScripts, ["x@1.0.0"]);
});

test("the program of a package is the one npx would start, and stays inside it", () => {
  const plain = { source: "npm:x@1.0.0", mayUseMain: false };
  assert.equal(entryOf({ name: "x", bin: "./dist/cli.js" }, plain), "dist/cli.js");
  assert.equal(entryOf({ name: "@a/x", bin: { other: "a.js", x: "b.js" } }, plain), "b.js");
  assert.equal(entryOf({ name: "x", bin: { one: "a.js", two: "a.js" } }, plain), "a.js");
  assert.equal(entryOf({ name: "x", main: "main.js" }, { ...plain, mayUseMain: true }), "main.js");
  assert.throws(() => entryOf({ name: "x", main: "main.js" }, plain), /no program/);
  assert.throws(
    () => entryOf({ name: "x", bin: { a: "a.js", b: "b.js" } }, plain),
    /2 programs and none of its own name/,
  );
  assert.deepEqual(
    [...binsOf({ name: "x", bin: { "../../evil": "a.js", ok: "../../../etc/passwd", "..": "b" } })],
    [["evil", "a.js"]],
  );
});

test("a tree's hash follows names, contents, links and the right to execute, and nothing else", async () => {
  const tree = join(folder, "tree");
  mkdirSync(join(tree, "a"), { recursive: true });
  writeFileSync(join(tree, "a", "x"), "1");
  const first = await treeHash(tree);
  mkdirSync(join(tree, "empty"));
  chmodSync(join(tree, "a", "x"), 0o400);
  assert.equal(await treeHash(tree), first);
  const changes: readonly (() => void)[] = [
    () => chmodSync(join(tree, "a", "x"), 0o755),
    () => writeFileSync(join(tree, "a", "x"), "2"),
    () => writeFileSync(join(tree, "b"), ""),
    () => symlinkSync("b", join(tree, "c")),
  ];
  const seen = new Set([first]);
  for (const change of changes) {
    change();
    seen.add(await treeHash(tree));
  }
  assert.equal(seen.size, changes.length + 1);
});
