// Schemas on their way into the grammar of llama.cpp, and arguments on their way out of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../kernel/index.ts";
import { answerSchema, argumentSchema, withoutFilling } from "./llama-schema.ts";
import { Untranslatable } from "./shapes.ts";

const EVENT: JsonObject = {
  type: "object",
  properties: {
    title: { type: "string", description: "What it is" },
    room: { type: "string" },
    until: { type: ["string", "null"] },
    guests: { type: "array", items: { type: "object", properties: { name: { type: "string" }, age: {} } } },
  },
  required: ["title"],
};

test("an argument that may be left out may be null, and such a null never reaches the tool", () => {
  const { properties } = argumentSchema(EVENT);
  assert.deepEqual((properties as JsonObject)["title"], { type: "string", description: "What it is" });
  assert.deepEqual((properties as JsonObject)["room"], { oneOf: [{ type: "string" }, { type: "null" }] });
  const written = { title: "Tea", room: null, until: null, guests: [{ name: null, age: null }] };
  assert.deepEqual(withoutFilling(written, EVENT), { title: "Tea", until: null, guests: [{ age: null }] });
});

test("an answer fills in every property with a value of its type", () => {
  const { properties } = answerSchema(EVENT);
  assert.deepEqual((properties as JsonObject)["room"], { type: "string" });
});

test("a null that the schema wants stays, also where it is one choice of several", () => {
  const schema: JsonObject = {
    type: "object",
    properties: { a: { anyOf: [{ type: "string" }, { type: "null" }] }, b: { enum: ["x", null] }, c: { const: "y" } },
  };
  assert.deepEqual(withoutFilling({ a: null, b: null, c: null }, schema), { a: null, b: null });
});

test("what the grammar cannot keep is loosened, never narrowed", () => {
  assert.deepEqual(answerSchema({ type: "string", format: "email", pattern: "^a" }), { type: "string" });
  assert.deepEqual(answerSchema({ type: "string", maxLength: 100_000 }), { type: "string" });
  assert.deepEqual(answerSchema({ type: "string", maxLength: 10 }), { type: "string", maxLength: 10 });
  const anything = answerSchema({ $ref: "#/definitions/x" });
  assert.deepEqual(answerSchema({}), anything);
  assert.deepEqual(answerSchema({ allOf: [{ type: "boolean" }] }), { type: "boolean" });
  assert.deepEqual(answerSchema({ type: "object" }), { type: "object", properties: {}, additionalProperties: true });
});

test("a schema of two others at once, or nested without an end, is refused by name", () => {
  assert.throws(() => answerSchema({ allOf: [{ type: "object" }, { type: "object" }] }), Untranslatable);
  let deep: JsonObject = { type: "string" };
  for (let level = 0; level < 30; level += 1) deep = { type: "array", items: deep };
  assert.throws(() => answerSchema(deep), /nested deeper than 24/);
});
