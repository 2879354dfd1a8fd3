// Each rule sees its planted offence, and leaves the same file in peace once the offence is gone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RULES } from "./rules.ts";
import { codeLines, importsOf, mask } from "./source.ts";
import { cyclesOf, figuresOf, isTrusted, trustedSizes, unhashedPackages } from "./tree.ts";

interface Canary {
  readonly rule: string;
  readonly path: string;
  readonly bad: string;
  readonly good: string;
}

const canary = (rule: string, path: string, texts: { readonly bad: string; readonly good: string }): Canary => ({
  rule,
  path,
  ...texts,
});

const LONG = `// ${"x".repeat(118)}`;

const CANARIES: readonly Canary[] = [
  canary("rooms", "src/kernel/x.ts", {
    bad: 'import { open } from "../store/index.ts";',
    good: 'import { open } from "./open.ts";',
  }),
  canary("rooms", "src/agent/x.ts", {
    bad: 'import type { Store } from "../store/index.ts";',
    good: 'import type { Door } from "../kernel/index.ts";',
  }),
  canary("rooms", "src/agent/x.ts", {
    bad: 'const gateway = await import("../gateway/index.ts");',
    good: 'const kernel = await import("../kernel/index.ts");',
  }),
  canary("rooms", "src/daemon/x.ts", {
    bad: 'export { main } from "../cli/index.ts";',
    good: 'export { openGate } from "../gateway/index.ts";',
  }),
  canary("rooms", "src/store/x.ts", {
    bad: 'import {\n  type A,\n  b,\n} from "../secrets/index.ts";',
    good: 'import {\n  type A,\n  b,\n} from "../kernel/index.ts";',
  }),
  canary("rooms", "src/cli/x.ts", {
    bad: 'import { fake } from "../../tests/fixtures/fake.ts";',
    good: '// import { fake } from "../../tests/fixtures/fake.ts";',
  }),
  canary("roomBorders", "src/gateway/x.ts", {
    bad: 'import { seal } from "../kernel/ledger.ts";',
    good: 'import { seal } from "../kernel/index.ts";',
  }),
  canary("roomBorders", "src/cli/x.ts", {
    bad: 'import { startControl } from "../control/server.ts";',
    good: 'import { connectControl } from "../control/reach.ts";',
  }),
  canary("roomBorders", "src/gateway/x.test.ts", {
    bad: 'import { seal } from "../kernel/ledger.ts";',
    good: 'import { door } from "./door.ts";',
  }),
  canary("connectorSiblings", "src/connectors/mail/x.ts", {
    bad: 'import { day } from "../calendar/day.ts";',
    good: 'import { day } from "./day.ts";',
  }),
  canary("loadedPerCommand", "src/cli/main.ts", {
    bad: 'import { run } from "../daemon/index.ts";',
    good: 'const { run } = await import("../daemon/index.ts");',
  }),
  canary("sideEffects", "src/gateway/x.ts", {
    bad: 'import "./register.ts";',
    good: 'import { register } from "./register.ts";',
  }),
  canary("defaultExports", "src/gateway/x.ts", {
    bad: "export default function door() {}",
    good: 'export const text = "export default";',
  }),
  canary("defaultExports", "src/gateway/x.ts", { bad: "export { door as default };", good: "export { door };" }),
  canary("suppressions", "src/gateway/x.ts", {
    bad: "// @ts-ignore\ncall();",
    good: "// @ts-expect-error -- the SDK's type leaves the field out\ncall();",
  }),
  canary("suppressions", "src/gateway/x.ts", {
    bad: "// oxlint-disable-next-line no-empty\ncall();",
    good: "// oxlint-disable-next-line no-empty -- the loop's work is in its head\ncall();",
  }),
  canary("emptyCatches", "src/gateway/x.ts", {
    bad: "try {\n  call();\n} catch {\n}",
    good: "try {\n  call();\n} catch {\n  // the process is gone already\n}",
  }),
  canary("emptyCatches", "src/gateway/x.ts", {
    bad: "call().catch(() => {});",
    good: "call().catch((error) => note(error));",
  }),
  canary("enums", "src/gateway/x.ts", { bad: "export enum Kind { A }", good: 'export type Kind = "enum A";' }),
  canary("names", "src/gateway/x.ts", { bad: "class SessionManager {}", good: "class Sessions {}" }),
  canary("names", "src/gateway/x.ts", { bad: "const requestHandlers = [];", good: "const handledRequests = [];" }),
  canary("names", "src/gateway/x.ts", { bad: "function pathUtil() {}", good: "const futile = 1;" }),
  canary("names", "src/gateway/x.ts", {
    bad: "export type DoorHandler<T> = (a: T) => void;",
    good: 'import { type MiddlewareHandler } from "hono";',
  }),
  canary("fileNames", "src/gateway/door-helper.ts", { bad: "// x", good: "" }),
  canary("fileNames", "src/gateway/doorOpener.ts", { bad: "// x", good: "" }),
  canary("lengths", "src/gateway/x.ts", { bad: `${LONG}\n`, good: `${LONG.slice(1)}\n` }),
  canary("lengths", "src/gateway/x.ts", { bad: "//\n".repeat(401), good: "//\n".repeat(400) }),
  canary("lengths", "ARCHITECTURE.md", { bad: "x\n".repeat(201), good: "x\n".repeat(200) }),
  canary("lengths", "AGENTS.md", { bad: "x\n".repeat(61), good: "x\n".repeat(60) }),
  canary("kernelImports", "src/kernel/x.ts", {
    bad: 'import { readFileSync } from "node:fs";',
    good: 'import { createHash } from "node:crypto";',
  }),
  canary("kernelImports", "src/kernel/x.ts", { bad: 'import { z } from "zod";', good: 'import { a } from "./a.ts";' }),
  canary("sqlRoom", "src/memory/x.ts", {
    bad: 'import { DatabaseSync } from "node:sqlite";',
    good: 'const text = "node:sqlite";',
  }),
  canary("authorities", "src/gateway/x.ts", { bad: "await peer.post(posting);", good: "await door.think(request);" }),
  canary("authorities", "src/gateway/x.ts", {
    bad: "const permit = issuePermit(terms);",
    good: "// issuePermit(terms)",
  }),
  canary("authorities", "src/gateway/x.ts", { bad: "permit.spend(text);", good: 'const text = "permit.spend(text)";' }),
  canary("authorities", "src/gateway/x.ts", { bad: "permit\n  .spend(text);", good: "permit.id;" }),
  canary("authorities", "src/control/x.ts", { bad: "store.permits.spend(id);", good: "store.permits.read(id);" }),
  canary("authorities", "src/gateway/door.ts", { bad: "permit.spend(text);", good: "store.permits.spend(permit);" }),
  canary("authorities", "src/gateway/x.ts", { bad: "peer.request({ method });", good: "http.request({ path });" }),
  canary("authorities", "src/agent/x.ts", { bad: "ledger.append(entry);", good: "lines.append(entry);" }),
  canary("authorities", "src/agent/x.ts", {
    bad: "const add = store.ledger.append;",
    good: "const all = store.ledger.all;",
  }),
  canary("foreignWords", "README.md", {
    bad: `It asks https://${["registry", "npmjs", "org"].join(".")} for it.`,
    good: "It asks the registry you use.",
  }),
  canary("foreignWords", "package-lock.json", {
    bad: '{ "resolved": "https://x" }',
    good: '{ "integrity": "sha512-" }',
  }),
  canary("foreignWords", "docs/guides/x.md", { bad: `cd ${["", "work", "main"].join("/")}`, good: "cd ~/freehold" }),
  canary("foreignWords", "docs/guides/x.md", { bad: "As issue #12 says.", good: "As the guide says." }),
  canary("opening", "src/gateway/x.ts", { bad: "export const a = 1;", good: "// What a is for.\nexport const a = 1;" }),
];

const OPENING = "// What this file is for.\n";

for (const [index, { rule, path, bad, good }] of CANARIES.entries()) {
  test(`rule ${rule} sees planted offence ${index + 1} in ${path}`, () => {
    const check = RULES[rule];
    assert.ok(check !== undefined, `no rule ${rule}`);
    assert.ok(check(path, bad).length > 0, "the offence was not seen");
    // A file name offends whatever the file holds.
    if (rule !== "fileNames") assert.deepEqual(check(path, good), []);
  });
}

test("every rule has a canary", () => {
  const seen = new Set(CANARIES.map((one) => one.rule));
  assert.deepEqual(
    Object.keys(RULES).filter((rule) => !seen.has(rule)),
    [],
  );
});

test("good file names pass", () => {
  for (const path of ["src/gateway/owner-auth.ts", "src/cli/service.ts", "src/gateway/door.test.ts"]) {
    assert.deepEqual(RULES["fileNames"]?.(path, OPENING), []);
  }
});

test("a circle of three files is found, a chain is not", () => {
  const file = (to: string) => `import type { A } from "./${to}.ts";\n`;
  const circle = new Map([
    ["src/kernel/a.ts", file("b")],
    ["src/kernel/b.ts", file("c")],
    ["src/kernel/c.ts", file("a")],
  ]);
  assert.equal(cyclesOf(circle).length, 1);
  assert.equal(cyclesOf(new Map([...circle, ["src/kernel/c.ts", OPENING]])).length, 0);
});

test("the trusted set is counted by file, without tests, blanks and comments", () => {
  const tree = new Map([
    ["src/kernel/a.ts", "// one\n\nconst a = 1;\n/* two\n   three */ const b = `\n// text, so code\n`;\n"],
    ["src/kernel/a.test.ts", "const a = 1;\n"],
    ["src/gateway/door.ts", "const a = 1;\n"],
    ["src/gateway/views.ts", "const a = 1;\n"],
    ["package.json", '{ "dependencies": { "a": "1" } }'],
  ]);
  assert.equal(figuresOf(tree).trustedCodeLines, 5);
  assert.equal(figuresOf(tree).directDependencies, 1);
  assert.equal(trustedSizes(tree).length, 2);
  assert.ok(isTrusted("src/sandbox/egress.ts"));
  assert.ok(!isTrusted("src/control/index.ts"));
});

test("strings, templates, comments and regular expressions are told from code", () => {
  const text = 'const a = "// no"; /* b */ const c = `x ${d("}")} // no`; const e = /["/]/g; // f';
  const { code, uncommented } = mask(text);
  assert.equal(code.length, text.length);
  assert.equal(code.replace(/ +/g, " ").trim(), 'const a = " "; const c = ` ${d(" ")} `; const e = / /g;');
  assert.equal(uncommented.trimEnd().endsWith('/["/]/g;'), true);
  assert.equal(codeLines("a\n\n// b\nc // d\n"), 2);
});

test("every form of import is found with its kind", () => {
  const text = [
    'import a, { b } from "./1.ts";',
    'import type { c } from "./2.ts";',
    'export * from "./3.ts";',
    'import { type d, type e } from "./4.ts";',
    'import "./5.ts";',
    'const f = import("./6.ts");',
    "const g = \"import h from './7.ts'\";",
  ].join("\n");
  assert.deepEqual(
    importsOf(text).map((found) => [found.specifier, found.kind, found.line]),
    [
      ["./1.ts", "static", 1],
      ["./2.ts", "type", 2],
      ["./3.ts", "static", 3],
      ["./4.ts", "type", 4],
      ["./5.ts", "side-effect", 5],
      ["./6.ts", "dynamic", 6],
    ],
  );
});

test("a locked package without a hash is seen, a foreign development tool is let be", () => {
  const tool = { version: "1.0.0", dev: true, optional: true, cpu: ["x64"] };
  const packages = {
    "": {},
    "node_modules/a": { version: "1.0.0" },
    "node_modules/b": { ...tool, os: ["linux"], libc: ["glibc"] },
    "node_modules/c": { ...tool, os: ["darwin"] },
    "node_modules/d": { ...tool, os: ["darwin"], dev: false },
    "node_modules/e": { ...tool, os: ["linux"], libc: ["musl"] },
    "node_modules/f": { version: "1.0.0", integrity: "sha512-x" },
  };
  const names = ["node_modules/a", "node_modules/b", "node_modules/d"];
  assert.deepEqual(unhashedPackages(JSON.stringify({ packages })), names);
});
