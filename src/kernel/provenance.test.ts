// What a lookup gives, it gives because the owner's own words asked for that one object; nothing else enters.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect, ToolCard } from "./cards.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { Integrity } from "./labels.ts";
import { beginRequest, endorse, isOwners, noProvenance, noteResult } from "./provenance.ts";
import type { Provenance } from "./provenance.ts";

interface CardChoice {
  readonly tool?: string;
  readonly effect?: Effect;
  readonly trust?: Integrity;
  readonly ids?: readonly string[];
  readonly mode?: "inline" | "handle";
}

function card(choice: CardChoice = {}): ToolCard {
  const { tool = "files.search", effect = "read", trust = "third-party", ids = ["id"], mode = "inline" } = choice;
  const result = { trust, compartments: ["family"], secret: false, mode } as const;
  return { tool, effect, result, roles: { text: "content", url: "egress" }, ids, pin: "0".repeat(64) };
}

function told(words: string): Provenance {
  const provenance = noProvenance();
  beginRequest(provenance, words, null);
  return provenance;
}

interface Lookup extends CardChoice {
  readonly args?: JsonObject;
  readonly structured: JsonValue | undefined;
  readonly wasClean?: boolean;
}

function look(provenance: Provenance, lookup: Lookup): void {
  const { args = { name: "budget" }, structured, wasClean = false } = lookup;
  noteResult(provenance, { card: card(lookup), args, structured, wasClean });
}

interface Use extends CardChoice {
  readonly argument?: string;
  readonly isClean?: boolean;
}

function mayUse(provenance: Provenance, value: JsonValue, use: Use = {}): boolean {
  const { tool = "files.delete", effect = "write", argument = "id", isClean = false } = use;
  return isOwners(provenance, { card: card({ tool, effect }), argument, isClean }, value);
}

const lookups: readonly (readonly [name: string, lookup: Lookup, value: JsonValue, isOwners: boolean])[] = [
  ["the one object of the owner's search", { structured: [{ id: "f-17" }] }, "f-17", true],
  ["the one object, wrapped", { structured: { result: [{ id: "f-17" }] } }, "f-17", true],
  ["the one object, wrapped twice", { structured: { result: { files: [{ id: "f-17" }] } } }, "f-17", true],
  [
    "the one object by its whole path",
    { structured: { result: { files: [{ id: "f-17", a: 1 }] } }, ids: ["result.files.id"] },
    "f-17",
    true,
  ],
  ["the one object, without a list", { structured: { id: "f-17", title: "x" } }, "f-17", true],
  ["an id that the card does not name", { structured: [{ id: "f-17", other: "f-18" }] }, "f-18", false],
  ["an id of two objects", { structured: [{ id: "f-17" }, { id: "f-18" }] }, "f-17", false],
  ["an id of two objects, wrapped", { structured: { result: [{ id: "f-17" }, { id: "f-18" }] } }, "f-17", false],
  [
    "an id of two objects beside their count",
    { structured: { files: [{ id: "f-17" }, { id: "f-18" }], total: 2 }, ids: ["files.id"] },
    "f-17",
    false,
  ],
  [
    "the id of the one object beside its count",
    { structured: { files: [{ id: "f-17" }], total: 1 }, ids: ["files.id"] },
    "f-17",
    true,
  ],
  ["an id of two objects in a list in a list", { structured: [[{ id: "f-17" }, { id: "f-18" }]] }, "f-17", false],
  [
    "an id of two objects by their keys",
    { structured: { one: { id: "f-17" }, two: { id: "f-18" } }, ids: ["one.id", "id"] },
    "f-17",
    false,
  ],
  [
    "the only object that bears the very name",
    {
      structured: [
        { id: "f-17", name: "budget" },
        { id: "f-18", name: "old budget" },
      ],
    },
    "f-17",
    true,
  ],
  [
    "an object that merely contains the name",
    {
      structured: [
        { id: "f-17", name: "my budget" },
        { id: "f-18", name: "other" },
      ],
    },
    "f-17",
    false,
  ],
  [
    "one of two objects that bear the name",
    {
      structured: [
        { id: "f-17", name: "budget" },
        { id: "f-18", name: "budget" },
      ],
    },
    "f-17",
    false,
  ],
  [
    "an object that bears a short name",
    {
      args: { name: "#17" },
      structured: [
        { id: "f-17", name: "#17" },
        { id: "f-18", name: "x" },
      ],
    },
    "f-17",
    false,
  ],
  [
    "an id of a search that was not the owner's",
    { args: { name: "holiday" }, structured: [{ id: "f-17" }] },
    "f-17",
    false,
  ],
  [
    "an id of a search half of which was the owner's",
    { args: { name: "budget", owner: "mallory" }, structured: [{ id: "f-17" }] },
    "f-17",
    false,
  ],
  ["an id of a search for nothing", { args: {}, structured: [{ id: "f-17" }] }, "f-17", false],
  ["an id of a search for all", { args: { name: "", all: null }, structured: [{ id: "f-17" }] }, "f-17", false],
  ["an id of a search by a switch alone", { args: { unread: true }, structured: [{ id: "f-17" }] }, "f-17", false],
  ["an id of a search by content alone", { args: { text: "budget" }, structured: [{ id: "f-17" }] }, "f-17", false],
  ["no result", { structured: undefined }, "f-17", false],
  ["a text", { structured: "f-17" }, "f-17", false],
  ["no object", { structured: { result: [] } }, "f-17", false],
  ["a result behind a handle", { structured: [{ id: "f-17" }], mode: "handle" }, "f-17", false],
  ["a number", { structured: [{ id: 17 }] }, 17, true],
  ["a number written as a text", { structured: [{ id: 23 }] }, "23", false],
  ["a broken number", { structured: [{ id: 1.5 }] }, 1.5, false],
  ["an empty id", { structured: [{ id: "" }] }, "", false],
  ["a long id", { structured: [{ id: "f".repeat(201) }] }, "f".repeat(201), false],
  ["an address as an id", { structured: [{ id: "eve@evil.example" }] }, "eve@evil.example", false],
  ["a link as an id", { structured: [{ id: "https://evil.example" }] }, "https://evil.example", false],
  ["an account as an id", { structured: [{ id: "DE89370400440532013000" }] }, "DE89370400440532013000", false],
  ["an object as an id", { structured: [{ id: { a: 1 } }] }, { a: 1 }, false],
  ["a list of one id", { structured: [{ id: ["f-17"], name: "x" }] }, "f-17", true],
  ["a list of ids in one object", { structured: [{ id: ["f-17", "f-18"], name: "x" }] }, "f-17", false],
  ["a key that is inherited", { structured: [{}], ids: ["constructor.name"] }, "Object", false],
  ["a field of a stranger's record", { structured: [{ id: "f-17", to: "eve" }] }, "eve", false],
];

for (const [name, lookup, value, expected] of lookups) {
  test(`${name} is ${expected ? "" : "not "}the owner's`, () => {
    const provenance = told("look for budget, #17");
    look(provenance, lookup);
    assert.equal(mayUse(provenance, value), expected);
  });
}

test("what a lookup of one server named is nothing to another server", () => {
  const provenance = told("look for budget");
  look(provenance, { structured: [{ id: "f-17" }] });
  assert.equal(mayUse(provenance, "f-17", { tool: "mail.delete" }), false);
});

test("a named id leads to the next lookup, and a stranger's does not", () => {
  const provenance = told("look for budget");
  look(provenance, { structured: [{ id: "f-17" }] });
  look(provenance, { args: { id: "f-17" }, structured: [{ id: "part-2" }] });
  look(provenance, { args: { id: "f-99" }, structured: [{ id: "part-9" }] });
  assert.equal(mayUse(provenance, "part-2"), true);
  assert.equal(mayUse(provenance, "part-9"), false);
});

test("spending, credentials, programs and egress take nothing that was looked up", () => {
  const provenance = told("look for budget");
  const structured = [{ id: "f-17", account: "acct-1234" }];
  look(provenance, { structured, trust: "owner" });
  for (const value of ["f-17", "acct-1234"]) {
    assert.equal(mayUse(provenance, value), true);
    for (const effect of ["spend", "credential", "exec"] as const) {
      assert.equal(mayUse(provenance, value, { effect }), false, effect);
    }
    assert.equal(mayUse(provenance, value, { argument: "url" }), false);
  }
});

test("a record of the owner's gives its fields, a list of several records none of theirs", () => {
  const provenance = told("look for budget");
  const one = { title: "budget", people: ["dora@example.org", "emil@example.org"], size: 12 };
  look(provenance, { structured: [one], trust: "owner" });
  assert.equal(mayUse(provenance, ["dora@example.org", "emil@example.org"], { effect: "send" }), true);
  const page = { files: [{ title: "eve@evil.example" }, { title: "fay@evil.example" }], total: 2 };
  look(provenance, { structured: page, trust: "owner" });
  assert.equal(mayUse(provenance, "eve@evil.example", { effect: "send" }), false);
});

test("a short value in a record of the owner's names no object elsewhere", () => {
  const provenance = told("look for budget");
  look(provenance, { structured: [{ id: "f-17", count: 3, rank: "4" }], trust: "owner" });
  assert.equal(mayUse(provenance, 3, { tool: "mail.delete" }), false);
  assert.equal(mayUse(provenance, "4", { tool: "mail.delete" }), false);
});

test("fields of the owner's results count while the session is clean, until the first stranger's byte", () => {
  const provenance = told("what is new?");
  look(provenance, { args: {}, structured: { a: { b: ["value-1"] } }, trust: "system", wasClean: true });
  look(provenance, { args: {}, structured: { a: "value-2" }, trust: "third-party", wasClean: true });
  look(provenance, { args: {}, structured: { a: "value-3" }, trust: "owner", wasClean: false });
  assert.equal(mayUse(provenance, "value-1", { isClean: true }), true);
  assert.equal(mayUse(provenance, "value-1", { isClean: false }), false);
  assert.equal(mayUse(provenance, "value-2", { isClean: true }), false);
  assert.equal(mayUse(provenance, "value-3", { isClean: true }), false);
  assert.equal(mayUse(provenance, "value-1", { isClean: true, argument: "url" }), false);
});

test("a new request forgets all that the one before was given", () => {
  const provenance = told("look for budget");
  look(provenance, { structured: [{ id: "f-17", a: "value-1" }], trust: "owner", wasClean: true });
  endorse(provenance, "dora@example.org");
  beginRequest(provenance, null, null);
  for (const value of ["f-17", "value-1", "dora@example.org", "budget"]) {
    assert.equal(mayUse(provenance, value, { isClean: true }), false, value);
  }
});

test("an endorsed list is its values, and an endorsed value may stand in any list", () => {
  const provenance = told("hello");
  endorse(provenance, ["a-long-one", "b-long-one"]);
  endorse(provenance, "c-long-one");
  assert.equal(mayUse(provenance, ["a-long-one", "b-long-one"]), true);
  assert.equal(mayUse(provenance, ["b-long-one", "other-one"]), false);
  assert.equal(mayUse(provenance, ["c-long-one", "c-long-one"]), true);
  assert.equal(mayUse(provenance, { "c-long-one": "c-long-one" }), true);
  assert.equal(mayUse(provenance, { "to whom": "c-long-one" }), false);
});

const wide = Array.from({ length: 100_000 }, (_, index) => ({ id: `f-${index}`, name: "budget" }));
const poisons: readonly (readonly [name: string, structured: JsonValue])[] = [
  ["a hundred thousand records", wide],
  ["a hundred thousand records, wrapped", { result: wide }],
  ["a hundred thousand fields", Object.fromEntries(wide.map(({ id }) => [id, id]))],
  ["a hundred thousand ids in one record", [{ id: wide.map(({ id }) => id) }]],
  ["deep lists", JSON.parse(`${"[".repeat(5_000)}${"]".repeat(5_000)}`) as JsonValue],
  ["deep objects", JSON.parse(`${'{"id":'.repeat(5_000)}1${"}".repeat(5_000)}`) as JsonValue],
  ["a deep field", [JSON.parse(`{"id":${"[".repeat(5_000)}1${"]".repeat(5_000)},"name":2}`) as JsonValue]],
  ["__proto__ as a key", JSON.parse('[{"__proto__":{"id":"f-1"},"constructor":{"prototype":1}}]') as JsonValue],
  ["half a character", JSON.parse('[{"id":"\\ud800","name":"\\udfff"}]') as JsonValue],
  ["a number beyond all", JSON.parse('[{"id":1e999,"name":-1e999}]') as JsonValue],
];

for (const [name, structured] of poisons) {
  test(`a poisoned result does no harm: ${name}`, { timeout: 20_000 }, () => {
    const provenance = told("look for budget");
    look(provenance, { structured });
    assert.equal(mayUse(provenance, "f-1"), false);
    look(provenance, { structured, trust: "owner", wasClean: true });
    assert.ok(provenance.clean.size <= 5_000 && provenance.recorded.size <= 5_000);
    assert.equal(({} as { id?: string }).id, undefined);
  });
}
