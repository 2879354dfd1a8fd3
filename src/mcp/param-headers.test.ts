import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject, JsonValue } from "../kernel/index.ts";
import { decodeHeader } from "./eras.ts";
import { withDefaults } from "./elicitation.ts";
import { mirroredParams, paramHeaders } from "./param-headers.ts";

function schema(properties: JsonObject): JsonObject {
  return { type: "object", properties };
}

const marked = (header: JsonValue, type: JsonValue = "string"): JsonObject => ({ type, "x-mcp-header": header });

test("marked arguments are found at any depth of properties and sent as headers, nulls and others are not", () => {
  const scan = mirroredParams(schema({ a: marked("Region"), b: schema({ c: marked("Deep", "integer") }), d: {} }));
  assert.ok(scan.kind === "ok");
  assert.deepEqual(paramHeaders(scan.params, { a: "eu west", b: { c: 7 }, d: "not" }), {
    "mcp-param-region": "eu west",
    "mcp-param-deep": "7",
  });
  assert.deepEqual(paramHeaders(scan.params, { a: null, b: 3 }), {});
  assert.deepEqual(paramHeaders(scan.params, undefined), {});
  assert.deepEqual(paramHeaders(scan.params, { a: ["x"], b: { c: 1.5 } }), {});
});

test("a name that an object inherits is no argument", () => {
  const scan = mirroredParams(schema({ constructor: marked("A"), toString: marked("B") }));
  assert.ok(scan.kind === "ok");
  assert.deepEqual(paramHeaders(scan.params, {}), {});
});

const INVALID: Readonly<Record<string, JsonObject>> = {
  "no name": schema({ a: marked("") }),
  "a space in the name": schema({ a: marked("My Region") }),
  "a line break in the name": schema({ a: marked("A\r\nb: c") }),
  "no text": schema({ a: marked(1) }),
  "a number": schema({ a: marked("A", "number") }),
  "two types": schema({ a: marked("A", ["string", "null"]) }),
  "an object": schema({ a: marked("A", "object") }),
  "the same name twice": schema({ a: marked("A"), b: marked("a") }),
  "in a list": schema({ a: { type: "array", items: marked("A") } }),
  "behind a choice": schema({ a: { anyOf: [marked("A")] } }),
  "in a definition": { ...schema({}), $defs: { a: marked("A") } },
  "on the whole": { ...schema({}), "x-mcp-header": "A" },
};
for (const [what, inputSchema] of Object.entries(INVALID)) {
  test(`a tool whose mark is wrong is not usable: ${what}`, () => {
    assert.equal(mirroredParams(inputSchema).kind, "invalid");
  });
}

test("the word as data of a schema marks nothing", () => {
  const scan = mirroredParams(schema({ a: { type: "object", default: { "x-mcp-header": "A" } } }));
  assert.deepEqual(scan, { kind: "ok", params: [] });
});

test("no schema breaks the search, and every header is one line that says the argument again", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      mirroredParams(value as JsonValue);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const header = paramHeaders([{ path: ["a"], header: "A" }], { a: text })["mcp-param-a"] ?? "";
      assert.match(header, /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/);
      assert.equal(decodeHeader(header), text);
    }),
  );
});

test("an accepted form gains the defaults of what was left out, a refused one gains nothing", () => {
  const params = { requestedSchema: schema({ a: { type: "string", default: "x" }, b: { default: false }, c: {} }) };
  assert.deepEqual(withDefaults(params, { action: "accept", content: { a: "own" } }), {
    action: "accept",
    content: { b: false, a: "own" },
  });
  assert.deepEqual(withDefaults(params, { action: "accept" }), { action: "accept", content: { a: "x", b: false } });
  for (const action of ["decline", "cancel"]) assert.deepEqual(withDefaults(params, { action }), { action });
  assert.deepEqual(withDefaults({}, { action: "accept" }), { action: "accept" });
});
