import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, Surface, ToolCard } from "../kernel/index.ts";
import { draftCards, SANDBOX_DEFAULT, type CardFile } from "../manifest/index.ts";
import { carryCards } from "./carry-cards.ts";

const NONE = { connector: null, account: {}, args: [], env: {}, secrets: {}, asks: [], compartment: "home" };
const STACK = { ...NONE, source: "npm:x@1.0.0", sandbox: SANDBOX_DEFAULT };

function tool(name: string, change: JsonObject = {}): JsonObject {
  return {
    name,
    description: "x",
    inputSchema: { type: "object", properties: { path: { type: "string" } } },
    ...change,
  };
}

function surface(...tools: readonly JsonObject[]): Surface {
  const none = { protocol: "2025-11-25", instructions: null, serverInfo: {}, capabilities: {} };
  return { ...none, tools, prompts: [], resources: [], templates: [] };
}

function drafted(its: Surface): CardFile["cards"] {
  return draftCards({ server: "s", surface: its, compartment: "home", source: STACK.source }).cards;
}

function carried(before: Surface, after: Surface, cards: CardFile["cards"] = drafted(before)): CardFile["cards"] {
  return carryCards({ name: "s", stackServer: STACK, cards, before, after }).cards;
}

function only(cards: CardFile["cards"], name: string, change: Partial<ToolCard>): CardFile["cards"] {
  const card = cards[name];
  assert.ok(card !== undefined);
  return { [name]: { ...card, ...change } };
}

test("what the owner said of a tool stays, with the pin of what was accepted, without arguments that are gone", () => {
  const before = surface(tool("get_note"));
  const cards = only(drafted(before), "s.get_note", { effect: "write-reversible", roles: { path: "content" } });
  const same = carried(before, surface(tool("get_note", { description: "other" })), cards)["s.get_note"];
  assert.deepEqual([same?.effect, same?.roles], ["write-reversible", { path: "content" }]);
  assert.notEqual(same?.pin, cards["s.get_note"]?.pin);
  const empty = tool("get_note", { inputSchema: { type: "object", properties: { to: {} } } });
  assert.deepEqual(carried(before, surface(empty), cards)["s.get_note"]?.roles, {});
});

test("a definition that reads as more dangerous makes the card stricter, a milder one changes nothing", () => {
  const [mild, harsh] = [
    surface(tool("get_note")),
    surface(tool("get_note", { annotations: { readOnlyHint: false } })),
  ];
  assert.equal(drafted(mild)["s.get_note"]?.effect, "read");
  assert.equal(carried(mild, harsh)["s.get_note"]?.effect, "write");
  assert.equal(carried(harsh, mild)["s.get_note"]?.effect, "write");
});

test("a tool that is gone loses its card, a new one gets a draft, an unread one stays unread", () => {
  const [before, after] = [surface(tool("get_note")), surface(tool("get_note", { title: "T" }), tool("send_note"))];
  const unread = only(drafted(before), "s.get_note", { pin: "a".repeat(64) });
  const cards = carried(before, after, unread);
  assert.deepEqual(Object.keys(cards).toSorted(), ["s.get_note", "s.send_note"]);
  assert.equal(cards["s.get_note"]?.pin, "a".repeat(64));
  assert.deepEqual(Object.keys(carried(after, before)), ["s.get_note"]);
});
