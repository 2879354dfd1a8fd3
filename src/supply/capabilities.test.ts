import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { reachOf } from "./capabilities.ts";
import { readCode } from "./code-words.ts";

const FOUND: readonly (readonly [source: string, capability: string])[] = [
  ['import { spawn } from "node:child_process";', "child_process"],
  ["const cp = require('child_process')", "child_process"],
  ['const net = await import("net");', "net"],
  ['import fs from "fs/promises"', "fs"],
  ['export * from "node:https"', "https"],
  ['import "node:vm"', "vm"],
  ['const m = process.getBuiltinModule("node:http2")', "http2"],
  ["const x = `${require(`dns`)}`", "dns"],
  ["x = 1 / 2; eval(code)", "eval"],
  ["const f = new Function('a', body)", "new Function"],
  ["if (/[/'\"]/.test(s)) await fetch(url)", "fetch"],
  ["globalThis.fetch(url)", "fetch"],
  ["await import(name)", "import of a computed name"],
  ["require(a + b)", "import of a computed name"],
  ['require("./build/addon.node")', "native code"],
  ["process.dlopen(module, file)", "native code"],
  ["const { TOKEN } = process.env", "process.env"],
];

for (const [source, capability] of FOUND) {
  test(`code is seen to reach ${capability}: ${source}`, () => {
    assert.ok(reachOf(source).capabilities.has(capability), [...reachOf(source).capabilities].join());
  });
}

const NOT_FOUND: readonly string[] = [
  '// import { spawn } from "node:child_process"',
  "/* eval(code)\n fetch(url) */",
  "const text = \"eval(code) and require('net') and fetch(x)\";",
  "const text = `use fetch(url), ${name}, or eval(x)`;",
  "window.fetch.call; parser.eval(x); this.fetch(y)",
  'import x from "netmask"; import y from "./fs.js"; import z from "https-proxy"',
  "const pattern = /require\\('net'\\)|eval\\(/;",
  'const imported = ["child_process"];',
];

for (const source of NOT_FOUND) {
  test(`words that are no code reach nothing: ${source}`, () => {
    assert.deepEqual([...reachOf(source).capabilities], []);
  });
}

test("hosts are taken from whole addresses in strings, not from comments, vocabularies or examples", () => {
  const source = `// https://comment.org
    post("https://api.mail.net/v1"); const a = \`https://\${host}/x\`; const b = 'wss://push.org:8443';
    const c = "http://json-schema.org/draft-07/schema#"; const d = "see https://inside.org";
    const e = "https://example.com/"`;
  assert.deepEqual([...reachOf(source).hosts].toSorted(), ["api.mail.net", "push.org"]);
});

test("whatever the source, its length and its lines stay, and no text is read for ever", () => {
  const pieces = fc.constantFrom(
    "'",
    '"',
    "`",
    "${",
    "}",
    "{",
    "/",
    "*",
    "\\",
    "\n",
    "//",
    "/*",
    "*/",
    "a",
    "[",
    "]",
    " ",
    "=",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
      const source = parts.join("");
      const { code } = readCode(source);
      assert.equal(code.length, source.length);
      assert.equal(code.split("\n").length, source.split("\n").length);
    }),
    { numRuns: 2_000 },
  );
});
