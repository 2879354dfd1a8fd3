// Keys read as they are written, also after a text that teaches the engine's cache a wrong one.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonical, parseStrict, type JsonValue } from "./json.ts";
import { readJson } from "./read-json.ts";

const poisons = ['{"h":[],"\\\\":0}', '{"h":[],"\\\\u":0}', '{"h":[],"\\\\\\"":0}'];
const victims: readonly (readonly [string, string])[] = [
  ['{"h":1,"\\"":2}', '"'],
  ['{"h":1,"\\u0074o":2}', "to"],
  ['{"h":1,"\\n" : 2}', "\n"],
  ['{"h":1,"\\u202e":2}', "\u202e"],
];

test("a poisoned cache of the engine does not change a key", () => {
  for (const poison of poisons) {
    for (const [text, key] of victims) {
      parseStrict(poison);
      const result = parseStrict(text);
      assert.ok(result.kind === "value");
      assert.deepEqual(Object.keys(result.value ?? {}), ["h", key]);
      assert.deepEqual(readJson(text), { h: 1, [key]: 2 });
    }
  }
});

/** Every character of a key written as an escape, so that the slow reading is the one that is tried. */
function escaped(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => escaped(item)).join(" , ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const key = (name: string): string =>
    Array.from({ length: name.length }, (_, at) => `\\u${name.charCodeAt(at).toString(16).padStart(4, "0")}`).join("");
  const fields = Object.entries(value).map(([name, item]) => `"${key(name)}":${escaped(item)}`);
  return `{\n${fields.join(" , ")}}`;
}

test("a text whose keys are all escaped reads as the same text without", () => {
  const anyJson = fc.jsonValue({ stringUnit: "binary", maxDepth: 5 }).map((value) => value as JsonValue);
  fc.assert(
    fc.property(anyJson, (value) => {
      assert.equal(JSON.stringify(readJson(escaped(value))), JSON.stringify(value));
    }),
  );
});

test("a key named __proto__ stays a key, the last of two like keys counts, and order is kept", () => {
  assert.deepEqual(Object.keys(readJson('{"\\u005f_proto__":1,"a":{}}') as object), ["__proto__", "a"]);
  assert.equal(canonical(readJson('{"a\\n":1,"a\\n":[2,{}]}')), '{"a\\n":[2,{}]}');
});

test("what JSON.parse refuses is refused", () => {
  for (const text of ["", '{"\\x":1}', '{"\\n":1', "[1,]", '{"\\n":1}}']) {
    assert.throws(() => readJson(text), SyntaxError);
  }
});

test("a megabyte of text is one pass, wherever its escapes are", { timeout: 20_000 }, () => {
  const many = '"a",'.repeat(250_000);
  for (const text of [`[${many}"\\n"]`, `["\\n",${many}1]`, `{"\\n":[${many}1]}`, `["${"\\\\".repeat(500_000)}"]`]) {
    assert.ok(readJson(text));
  }
});
