// The tools that check us fire: formatter, linter and knip see planted bad input when run as our own commands run them.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { CHECKS } from "../../scripts/steps.mjs";
import { ROOT } from "./tree.ts";

const PLANTED: Readonly<Record<string, string>> = {
  "typescript(no-explicit-any)":
    "export function f(a: any): void { g(a as string); }\nfunction g(a: string): void { String(a); }",
  "typescript(no-non-null-assertion)": "export function f(a: string | null): string { return a!; }",
  "typescript(no-floating-promises)": "export function f(): void { Promise.resolve(1); }",
  "typescript(no-misused-promises)":
    "export function f(a: string[]): void { a.forEach(async (b) => { await Promise.resolve(b); }); }",
  "typescript(switch-exhaustiveness-check)":
    'export function f(a: "x" | "y"): number { switch (a) { case "x": return 1; } return 2; }',
  "typescript(no-unsafe-assignment)": 'export const a: string = JSON.parse("1");',
  "typescript(only-throw-error)": 'export function f(): never { throw "text"; }',
  "typescript(ban-ts-comment)": "// @ts-ignore\nexport const a = 1;",
  "typescript(consistent-type-imports)": 'import { A } from "./other.ts";\nexport const b: A = 1;',
  "import(no-default-export)": "export default 1;",
  "import(no-unassigned-import)": 'import "./other.ts";',
  "eslint(no-empty)": 'export function f(): void { try { JSON.parse("1"); } catch {} }',
  "eslint(no-unused-vars)": "const a = 1;\nexport const b = 2;",
  "eslint(eqeqeq)": "export const f = (a: number, b: number): boolean => a == b;",
  "eslint(max-params)": "export const f = (a: number, b: number, c: number, d: number): number => a + b + c + d;",
  "eslint(max-lines)": "export {};\n//\n".repeat(1) + "//\n".repeat(401),
  "eslint(max-lines-per-function)": `export function f(): void {\n${"  String(1);\n".repeat(61)}}`,
};

const scratch = mkdtempSync(join(tmpdir(), "freehold-lint-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** The rules that fire on the files of `folder`, under our configuration. */
function firedIn(folder: string): ReadonlyMap<string, string> {
  const program = join(ROOT, "node_modules", "oxlint", "bin", "oxlint");
  const args = [program, "-c", join(ROOT, ".oxlintrc.json"), "--type-aware", "--format=json", folder];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: scratch, encoding: "utf8", timeout: 60_000 });
  const report: unknown = JSON.parse(stdout);
  assert.ok(typeof report === "object" && report !== null && "diagnostics" in report, stderr);
  assert.ok(Array.isArray(report.diagnostics));
  const fired = new Map<string, string>();
  for (const { code, filename } of report.diagnostics) fired.set(`${String(filename)} ${String(code)}`, String(code));
  return fired;
}

test("each key rule of the linter sees its planted offence", () => {
  const folder = join(scratch, "src");
  const write = (path: string, text: string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  symlinkSync(join(ROOT, "node_modules"), join(scratch, "node_modules"));
  write(join(scratch, "package.json"), '{ "type": "module" }');
  write(
    join(scratch, "tsconfig.json"),
    `{ "extends": ${JSON.stringify(join(ROOT, "tsconfig.json"))}, "include": ["src"] }`,
  );
  const files = new Map(Object.entries(PLANTED).map(([rule, text], index) => [rule, { name: `p${index}`, text }]));
  for (const { name, text } of files.values()) {
    write(join(folder, name, "planted.ts"), text);
    write(join(folder, name, "other.ts"), "export type A = number;\n");
  }
  const fired = [...firedIn(folder).keys()];
  for (const [rule, { name }] of files) {
    const isSeen = fired.some((one) => one.includes(`${name}/planted.ts`) && one.endsWith(` ${rule}`));
    assert.ok(isSeen, `${rule} was not seen in ${name}`);
  }
  const innocent = fired.filter((one) => one.includes("/other.ts"));
  assert.deepEqual(innocent, []);
});

/** The exit code of one of our checks over a folder made of `files`. */
function codeOf(check: "format" | "knip", files: Readonly<Record<string, string>>): number | null {
  const folder = mkdtempSync(join(scratch, "tree-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return spawnSync(process.execPath, CHECKS[check](), { cwd: folder, timeout: 60_000 }).status;
}

test("the formatter sees a file out of form in every folder that it is given", () => {
  assert.equal(codeOf("format", { "src/a.ts": "export const a = 1;\n" }), 0);
  for (const name of ["src/kernel/a.ts", "tests/a.ts", "bench/a.ts", "scripts/a.mjs", "package.json"]) {
    const bad = name.endsWith(".json") ? '{"a":1}' : "export const a=1";
    assert.notEqual(codeOf("format", { "src/b.ts": "export const b = 1;\n", [name]: bad }), 0, name);
  }
});

test("knip sees a file that nobody imports", () => {
  const files = {
    "package.json": '{ "name": "planted", "type": "module" }',
    "knip.json": '{ "entry": ["src/index.ts"], "project": ["src/**/*.ts"] }',
    "src/index.ts": 'export { a } from "./a.ts";\n',
    "src/a.ts": "export const a = 1;\n",
  };
  assert.equal(codeOf("knip", files), 0);
  assert.notEqual(codeOf("knip", { ...files, "src/b.ts": "export const b = 1;\n" }), 0);
});
