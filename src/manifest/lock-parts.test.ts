import assert from "node:assert/strict";
import { test } from "node:test";
import { surfaceRoot, type Surface } from "../kernel/index.ts";
import { formatLock, parseLock } from "./lock.ts";
import { loadPolicy } from "./policy.ts";
import { diffPolicy } from "./diff.ts";
import type { LockedServer, LockedSkill, StackLock } from "./types.ts";

const HASH = "ab".repeat(32);
const COMMIT = "c0".repeat(20);
const surface: Surface = {
  protocol: "2025-11-25",
  instructions: null,
  serverInfo: {},
  capabilities: {},
  tools: [],
  prompts: [],
  resources: [],
  templates: [],
};
const base: LockedServer = {
  source: "git+https://h.example/a.git#" + COMMIT,
  kind: "git",
  version: null,
  integrity: null,
  tree: { hash: HASH, packages: [] },
  command: ["node", "index.js"],
  surface,
  surfaceRoot: surfaceRoot(surface),
  commit: COMMIT,
};
const { tree: _tree, commit: _commit, ...bare } = base;
const pypi: LockedServer = {
  ...bare,
  source: "pypi:mcp-server-time==2026.1.1",
  kind: "pypi",
  version: "2026.1.1",
  tree: null,
  command: [],
  wheels: [
    { name: "anyio", version: "4.0.0", sha256: HASH },
    { name: "mcp", version: "1.0.0", sha256: HASH },
  ],
};
const oci: LockedServer = {
  ...bare,
  source: `oci:h.example/mcp/time@sha256:${HASH}`,
  kind: "oci",
  tree: null,
  command: [],
  image: `sha256:${HASH}`,
};
const skill: LockedSkill = {
  source: "path:./weekly",
  kind: "path",
  version: null,
  integrity: null,
  commit: null,
  tree: HASH,
};
const model = { source: "https://models.example/a.gguf", sha256: HASH, bytes: 42 };

function refused(lock: unknown, words: RegExp): void {
  assert.throws(() => parseLock(JSON.stringify(lock), "stack.lock"), words);
}

test("every kind of source, skills and models come back as they were locked, one item a line", () => {
  const lock: StackLock = {
    version: 1,
    servers: { a: base, b: pypi, c: oci },
    skills: { weekly: skill },
    models: { m: model },
  };
  const text = formatLock(lock);
  assert.deepEqual(parseLock(text, "stack.lock"), lock);
  assert.equal(formatLock(parseLock(text, "stack.lock")), text);
  const lines = text.split("\n").map((line) => line.trim());
  assert.equal(lines.filter((line) => line.startsWith('{"name":"anyio"')).length, 1);
  assert.equal(lines.filter((line) => line.startsWith('"weekly": {')).length, 1);
  assert.equal(lines.filter((line) => line.startsWith('"m": {')).length, 1);
  // Keys are sorted at every level.
  assert.deepEqual(
    lines.filter((line) => /^"(?:models|servers|skills)"/.test(line)).map((line) => line.slice(0, 4)),
    ['"mod', '"ser', '"ski'],
  );
});

test("a lock of a kind with a part missing, or with another's, is refused", () => {
  const only = (server: object): unknown => ({ version: 1, servers: { a: server } });
  const { commit: _none, ...noCommit } = base;
  const { wheels: _wheels, ...noWheels } = pypi;
  const { image: _image, ...noImage } = oci;
  refused(only(noCommit), /must have a commit/);
  refused(only({ ...base, commit: "main" }), /whole commit id/);
  refused(only({ ...base, tree: null }), /must have a tree/);
  refused(only(noWheels), /must name its wheels/);
  refused(only({ ...pypi, tree: base.tree }), /can have no tree/);
  refused(only({ ...pypi, wheels: [...(pypi.wheels ?? [])].reverse() }), /sorted/);
  refused(only(noImage), /must have its digest/);
  refused(only({ ...oci, image: "latest" }), /manifest's digest/);
  refused(only({ ...oci, commit: COMMIT }), /can have no commit/);
});

test("a locked skill or model that would check nothing is refused", () => {
  const skills = (one: object): unknown => ({ version: 1, servers: {}, skills: { weekly: one } });
  const models = (one: object): unknown => ({ version: 1, servers: {}, models: { m: one } });
  refused(skills({ ...skill, kind: "git" }), /has a commit/);
  refused(skills({ ...skill, kind: "npm", version: "1.0.0" }), /version and an integrity/);
  refused(skills({ ...skill, tree: "x" }), /64 hexadecimal/);
  refused(models({ ...model, sha256: "md5" }), /64 hexadecimal/);
  refused(models({ ...model, bytes: 0 }), /from 1 to/);
});

const STACK = "version: 1\nowner: { name: Ada }\n";

test("a skill is declared from where it was locked, and an unread one is not called read", () => {
  const lock = formatLock({ version: 1, servers: {}, skills: { weekly: skill } });
  const declared = `${STACK}skills:\n  weekly: { source: "path:./weekly" }\n`;
  assert.deepEqual(loadPolicy({ "stack.yaml": declared, "stack.lock": lock }).stack.skills, {
    weekly: { source: "path:./weekly", folder: null, reviewed: null },
  });
  assert.throws(() => loadPolicy({ "stack.yaml": STACK, "stack.lock": lock }), /locked but not declared/);
  const other = declared.replace("./weekly", "./other");
  assert.throws(() => loadPolicy({ "stack.yaml": other, "stack.lock": lock }), /what was fetched and scanned/);
  const read = declared.replace('weekly" }', `weekly", reviewed: ${HASH} }`);
  const changes = diffPolicy(
    { "stack.yaml": declared, "stack.lock": lock },
    { "stack.yaml": read, "stack.lock": lock },
  );
  assert.deepEqual(changes, [
    { kind: "changed", file: "stack.yaml", what: "you have read skill weekly (abababababab)", wider: true },
  ]);
});

test("a skill's folder that leads out, and a source in no exact form, are refused at their line", () => {
  const withSkill = (skillText: string): (() => unknown) => {
    const text = `${STACK}skills:\n  weekly: ${skillText}\n`;
    return () => loadPolicy({ "stack.yaml": text });
  };
  for (const folder of ["../up", "a/../b", "/etc", "./a", "a/.."]) {
    assert.throws(
      withSkill(`{ source: "path:./w", folder: "${folder}" }`),
      { at: "stack.yaml:4", message: /folder within the source/ },
      folder,
    );
  }
  for (const source of [
    "npm:left-pad",
    "npm:left-pad@^1.0.0",
    "git+https://h.example/a.git#--upload-pack=x",
    "ftp://x",
  ]) {
    assert.throws(withSkill(`{ source: "${source}" }`), { at: "stack.yaml:4" }, source);
  }
});

test("servers from git, PyPI and images are declared exactly or not at all", () => {
  const withSource = (source: string): (() => unknown) => {
    const text = `${STACK}compartments: { c: {} }\nservers:\n  s: { source: "${source}", compartment: c }\n`;
    return () => loadPolicy({ "stack.yaml": text });
  };
  for (const { source } of [base, pypi, oci]) assert.doesNotThrow(withSource(source), source);
  for (const source of ["pypi:time", "pypi:time>=1", "oci:h.example/time:latest", "git+ssh://h.example/a"]) {
    assert.throws(withSource(source), { at: "stack.yaml:5" }, source);
  }
});
