import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject, JsonValue } from "../kernel/index.ts";
import { isWhole, parametersOf, signatureOf } from "./signature.ts";

function signature(properties: JsonObject, more: JsonObject = {}): string {
  return signatureOf(parametersOf({ inputSchema: { type: "object", properties, ...more } }), 10);
}

test("required parameters come first, optional ones are marked, texts need no type", () => {
  const properties = { tail: { type: "number" }, path: { type: "string" } };
  assert.equal(signature(properties, { required: ["path"] }), "path, tail?: number");
});

test("choices, lists, objects and unions are written as models know them", () => {
  assert.equal(signature({ kind: { enum: ["a", "b"] } }), 'kind?: "a"|"b"');
  assert.equal(signature({ ids: { type: "array", items: { type: "integer" } } }), "ids?: integer[]");
  assert.equal(signature({ ids: { type: "array", items: { enum: [1, 2] } } }), "ids?: (1|2)[]");
  assert.equal(signature({ one: { type: ["string", "null"] } }), "one?: string|null");
  assert.equal(signature({ one: { anyOf: [{ type: "string" }, { const: 3 }] } }), "one?: string|3");
  const at = { type: "object", properties: { x: { type: "number" }, y: {} }, required: ["x"] };
  assert.equal(signature({ at }), "at?: {x: number, y?: any}");
});

test("references are followed within the schema alone, and in a circle they end", () => {
  const $defs = { place: { type: "object", properties: { next: { $ref: "#/$defs/place" } } } };
  assert.match(signature({ at: { $ref: "#/$defs/place" } }, { $defs }), /^at\?: \{next\?: /);
  assert.equal(signature({ at: { $ref: "https://example.org/schema" } }), "at?: any");
});

test("a signature that does not say all is known to be short of it", () => {
  const whole = (properties: JsonObject): boolean => isWhole(parametersOf({ inputSchema: { properties } }));
  assert.equal(whole({ path: { type: "string" } }), true);
  assert.equal(whole({ path: {} }), false);
  assert.equal(whole({ path: { enum: Array.from({ length: 40 }, (_unused, at) => at) } }), false);
});

test("any schema, also a broken one, gives a signature of bounded length", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.jsonValue({ maxDepth: 6 }), (one, other) => {
      const properties = { one: one as JsonValue, other: other as JsonValue };
      assert.ok(signature(properties).length < 1_000);
      parametersOf({ inputSchema: one as JsonValue });
    }),
  );
});
