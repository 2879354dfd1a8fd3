import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject, Surface } from "../kernel/index.ts";
import { diffSurfaces, type SurfaceDiff } from "./surface-diff.ts";

const NOTE = {
  name: "note",
  description: "Keeps a note.",
  inputSchema: {
    type: "object",
    properties: { text: { type: "string", maxLength: 100 }, tone: { enum: ["plain", "loud"] } },
    required: ["text"],
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true },
};

function surface(change: Partial<Surface>): Surface {
  const none = { protocol: "2025-11-25", instructions: null, serverInfo: {}, capabilities: {} };
  return { ...none, tools: [NOTE], prompts: [], resources: [], templates: [], ...change };
}

function schema(change: JsonObject): JsonObject {
  return { ...NOTE, inputSchema: { ...NOTE.inputSchema, ...change } };
}

function against(tool: JsonObject): SurfaceDiff {
  return diffSurfaces(surface({}), surface({ tools: [tool] }));
}

const { properties } = NOTE.inputSchema;
const CASES: readonly (readonly [what: string, tool: JsonObject, grade: string, says: RegExp])[] = [
  [
    "a new required argument",
    schema({ properties: { ...properties, to: {} }, required: ["text", "to"] }),
    "breaking",
    /'to' is new and required/,
  ],
  ["an optional argument made required", schema({ required: ["text", "tone"] }), "breaking", /'tone' is required now/],
  ["an argument that is gone", schema({ properties: { text: properties.text } }), "breaking", /'tone' is gone/],
  [
    "a narrower type",
    schema({ properties: { ...properties, text: { type: "integer" } } }),
    "breaking",
    /may no longer be string/,
  ],
  [
    "a value that is gone",
    schema({ properties: { ...properties, tone: { enum: ["plain"] } } }),
    "breaking",
    /may no longer be loud/,
  ],
  [
    "a lower maximum",
    schema({ properties: { ...properties, text: { type: "string", maxLength: 9 } } }),
    "breaking",
    /has maxLength 9/,
  ],
  [
    "a bound that is lifted",
    schema({ properties: { ...properties, text: { type: "string" } } }),
    "loosened",
    /has maxLength no longer/,
  ],
  ["a required argument that may be left out", schema({ required: [] }), "loosened", /'text' may be left out now/],
  ["any further argument", schema({ additionalProperties: true }), "loosened", /takes any further argument/],
  ["a claim to read only, taken back", { ...NOTE, annotations: {} }, "loosened", /no longer claims that it only reads/],
  [
    "a new optional argument",
    schema({ properties: { ...properties, bcc: { type: "string" } } }),
    "expanded",
    /'bcc' is a new optional/,
  ],
  ["another text", { ...NOTE, description: "Keeps a note, well." }, "text", /its description is other/],
  [
    "another text of an argument",
    schema({ properties: { ...properties, tone: { ...properties.tone, description: "x" } } }),
    "text",
    /description of 'tone'/,
  ],
  [
    "another $schema",
    schema({ $schema: "https://json-schema.org/draft/2020-12/schema" }),
    "notation",
    /another \$schema/,
  ],
  [
    "a hint that is dropped",
    { ...NOTE, execution: { taskSupport: "none" } },
    "notation",
    /its field 'execution' is other/,
  ],
];

for (const [what, tool, grade, says] of CASES) {
  test(`${what} is graded ${grade} and said in a sentence`, () => {
    const diff = against(tool);
    assert.equal(diff.grade, grade, JSON.stringify(diff.changes));
    assert.match(diff.changes[0]?.says ?? "", says);
    assert.equal(diff.changes[0]?.where, "tool note");
  });
}

test("a schema that says nothing any more is named, with what it no longer says", () => {
  const diff = against({ ...NOTE, inputSchema: { $schema: "http://json-schema.org/draft-07/schema#" } });
  assert.deepEqual(diff.emptied, ["note"]);
  assert.equal(diff.grade, "breaking");
  assert.match(diff.changes[0]?.says ?? "", /empty input schema: 'text', 'tone' are gone/);
});

test("each tool, prompt and resource that is gone or new is named", () => {
  const before = surface({ prompts: [{ name: "greet" }], resources: [{ uri: "a:1", name: "one" }] });
  const after = surface({ tools: [{ ...NOTE, name: "jot" }], templates: [{ uriTemplate: "a:{x}", name: "any" }] });
  const diff = diffSurfaces(before, after);
  assert.deepEqual([diff.removedTools, diff.addedTools, diff.grade], [["note"], ["jot"], "breaking"]);
  const said = diff.changes.map(({ where, says }) => `${where} ${says}`);
  assert.deepEqual(said.toSorted(), [
    "prompt greet is gone",
    "resource a:1 is gone",
    "template a:{x} is new",
    "tool jot is new",
    "tool note is gone",
  ]);
});

test("a prompt that demands more breaks, one that takes more expands", () => {
  const prompt = (...args: readonly JsonObject[]): Surface =>
    surface({ prompts: [{ name: "greet", arguments: args }] });
  assert.equal(diffSurfaces(prompt(), prompt({ name: "who", required: true })).grade, "breaking");
  assert.equal(diffSurfaces(prompt(), prompt({ name: "who" })).grade, "expanded");
  assert.equal(diffSurfaces(prompt({ name: "who" }), prompt()).grade, "breaking");
});

test("a field of the results that is gone breaks whoever reads it", () => {
  const out = (...names: readonly string[]): JsonObject => ({
    ...NOTE,
    outputSchema: { type: "object", properties: Object.fromEntries(names.map((name) => [name, {}])) },
  });
  const diff = diffSurfaces(surface({ tools: [out("id", "at")] }), surface({ tools: [out("id")] }));
  assert.equal(diff.grade, "breaking");
  assert.match(diff.changes[0]?.says ?? "", /no longer hold 'at'/);
});

test("the same surface in another order has no changes, and any other has at least one", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
      const tool = (value: unknown): JsonObject =>
        ({ ...NOTE, inputSchema: { type: "object", properties: { x: value } } }) as JsonObject;
      const diff = diffSurfaces(surface({ tools: [tool(one)] }), surface({ tools: [tool(other)] }));
      const isSame = JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
      assert.equal(diff.changes.length === 0, isSame);
    }),
  );
  const [a, b] = [NOTE, { ...NOTE, name: "other" }];
  assert.equal(diffSurfaces(surface({ tools: [a, b] }), surface({ tools: [b, a] })).grade, null);
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? 0 : value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([x], [y]) => (x < y ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}
