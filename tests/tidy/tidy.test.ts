import assert from "node:assert/strict";
import { test } from "node:test";
import { offencesIn, offenceText, RULES } from "./rules.ts";
import { LIMITS, MAY_IMPORT, ROOMS, TRUSTED } from "./table.ts";
import { cyclesOf, figuresOf, readTree, sourcesOf, trustedSizes, unhashedPackages } from "./tree.ts";

const tree = readTree();

test("the rules read the real tree and not an empty one", () => {
  assert.ok(tree.has("package.json"));
  assert.ok(tree.has("freehold"));
  assert.ok(tree.has(".ci/run"));
  assert.ok(sourcesOf(tree).length > ROOMS.length);
});

for (const [name, rule] of Object.entries(RULES)) {
  test(`every file keeps the rule ${name}`, () => {
    const offences = [...tree].flatMap(([path, text]) => rule(path, text));
    assert.deepEqual(offences.map(offenceText), []);
  });
}

test("all the rules are among those that a file is held to", () => {
  assert.ok(Object.keys(RULES).length >= 17);
  assert.equal(offencesIn("src/kernel/x.ts", "").length, 1);
});

test("every room has an index.ts", () => {
  assert.deepEqual(
    ROOMS.filter((room) => !tree.has(`src/${room}/index.ts`)),
    [],
  );
});

test("the table of rooms names each room's imports once and leads round no circle", () => {
  const reaches = (room: string, way: readonly string[]): boolean =>
    way.includes(room) || (MAY_IMPORT[room] ?? []).some((other) => reaches(other, [...way, room]));
  for (const [room, may] of Object.entries(MAY_IMPORT)) {
    assert.equal(new Set(may).size, may.length, room);
    assert.ok(!reaches(room, []), room);
    for (const other of may) assert.ok(ROOMS.includes(other), other);
  }
});

test("no files import each other in a circle", () => {
  assert.deepEqual(
    cyclesOf(tree).map((cycle) => cycle.join(" -> ")),
    [],
  );
});

test("the trusted set is whole and at most 4,500 code lines", () => {
  const sizes = trustedSizes(tree);
  for (const entry of TRUSTED) {
    assert.ok(
      sizes.some((file) => file.path.startsWith(entry)),
      `${entry} holds no file`,
    );
  }
  const lines = figuresOf(tree).trustedCodeLines;
  assert.ok(lines <= LIMITS.trustedCodeLines, `${lines} code lines`);
});

test("every file of the trusted set lists its invariants at its head", () => {
  const silent = trustedSizes(tree)
    .map((file) => file.path)
    .filter((path) => !path.endsWith("/index.ts"))
    .filter((path) => !/^(?:(?:\/\/.*)?\n)*\/\/ .*invariant/i.test(tree.get(path) ?? ""));
  assert.deepEqual(silent, []);
});

test("policy, ledger and questions have vectors that another implementation could run", () => {
  const vectors = [...tree.keys()].filter((path) => path.startsWith("tests/vectors/") && path.endsWith(".json"));
  assert.ok(vectors.length > 0, "tests/vectors/ holds no .json");
  for (const path of vectors) assert.doesNotThrow(() => JSON.parse(tree.get(path) ?? ""), path);
});

test("every package in the lockfile has its hash, but for development tools of platforms we do not build on", () => {
  assert.deepEqual(unhashedPackages(tree.get("package-lock.json") ?? ""), []);
});
