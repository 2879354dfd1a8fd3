import assert from "node:assert/strict";
import { test } from "node:test";
import { beginRequest, isGiven, noProvenance, propose, type Provenance } from "./provenance.ts";
import type { ToolCard } from "./cards.ts";
import type { JsonObject } from "./json.ts";
import { agree, agreedIn, spend, taskArgs, taskFrom, type Task } from "./task.ts";

const CARD: ToolCard = {
  tool: "mail.send",
  effect: "send",
  result: { trust: "third-party", compartments: ["family"], secret: false, mode: "inline" },
  roles: { to: "critical", url: "egress", text: "content" },
  ids: [],
  pin: "0".repeat(64),
};
const BOB: JsonObject = { to: "bob@example.org", text: "hello" };
const bob = { tool: "mail.send", args: BOB, open: [] };
const yes = (provenance: Provenance, task: Task): void =>
  agree(provenance, task, { question: "7KQ", cardOf: () => CARD });

function told(outline: Readonly<Record<string, number>>): Provenance {
  const provenance = noProvenance();
  beginRequest(provenance, "hello", new Map(Object.entries(outline)));
  return provenance;
}

test("an outline only shrinks, and never below nothing", () => {
  const empty = noProvenance();
  spend(empty, "mail.send", {});
  assert.equal(empty.outline, null);
  const provenance = told({ "mail.send": 1 });
  for (const left of [0, 0]) {
    spend(provenance, "mail.send", {});
    spend(provenance, "mail.delete", {});
    assert.deepEqual([...(provenance.outline ?? [])], [["mail.send", left]]);
  }
});

test("an outline that waits for the owner is none; their yes makes it one, less what was spent meanwhile", () => {
  const provenance = told({ "mail.send": 2, "mail.delete": 1 });
  propose(provenance);
  assert.deepEqual([provenance.outline, provenance.proposed?.size], [null, 2]);
  spend(provenance, "mail.send", BOB);
  yes(provenance, { outline: { "mail.send": 2, "mail.delete": 0, "mail.unheard": 3 }, calls: [] });
  assert.deepEqual(Object.fromEntries(provenance.outline ?? []), {
    "mail.send": 1,
    "mail.delete": 0,
    "mail.unheard": 0,
  });
  yes(provenance, { outline: { "mail.send": 9 }, calls: [] });
  assert.equal([...(provenance.outline ?? [])][0]?.[1], 1, "a second yes brings nothing back");
});

test("a yes to an exact call holds for that call alone, as often as it was listed", () => {
  const provenance = told({});
  yes(provenance, { outline: null, calls: [bob, bob] });
  assert.equal(agreedIn(provenance, "mail.send", { text: "hello", to: "bob@example.org" }), "7KQ", "in any order");
  for (const [tool, args] of [
    ["mail.delete", BOB],
    ["mail.send", { ...BOB, text: "hello!" }],
    ["mail.send", { ...BOB, cc: null }],
    ["mail.send", { to: "bob@example.org" }],
  ] as const) {
    assert.equal(agreedIn(provenance, tool, args), null);
  }
  for (const left of ["7KQ", null, null]) {
    spend(provenance, "mail.send", BOB);
    assert.equal(agreedIn(provenance, "mail.send", BOB), left);
  }
});

test("of a call with open arguments only the deciding values that were shown become the owner's", () => {
  const provenance = told({});
  const args = { to: "dora@example.org", url: "https://evil.example/x", text: "words of a stranger" };
  yes(provenance, { outline: null, calls: [{ tool: "mail.send", args, open: ["cc"] }] });
  assert.equal(agreedIn(provenance, "mail.send", args), null);
  assert.equal(isGiven(provenance, "dora@example.org"), true);
  assert.equal(isGiven(provenance, "https://evil.example/x"), false);
  assert.equal(isGiven(provenance, "words of a stranger"), false);
});

test("a new message forgets what the owner agreed to for the one before", () => {
  const provenance = told({ "mail.send": 1 });
  yes(provenance, { outline: null, calls: [bob] });
  propose(provenance);
  beginRequest(provenance, "another", null);
  assert.equal(agreedIn(provenance, "mail.send", BOB), null);
  assert.equal(provenance.proposed, null);
});

test("only what has the shape of a task is one", () => {
  const task: Task = { outline: { "mail.send": 2 }, calls: [bob] };
  assert.deepEqual(taskFrom(taskArgs(task)), task);
  const good = taskArgs(task);
  const bad: readonly JsonObject[] = [
    {},
    { calls: {} },
    { ...good, more: 1 },
    { ...good, outline: [] },
    { ...good, outline: { "mail.send": -1 } },
    { ...good, outline: { "mail.send": 1.5 } },
    { ...good, calls: [{ tool: "mail.send", args: BOB }] },
    { ...good, calls: [{ tool: "mail.send", args: [], open: [] }] },
    { ...good, calls: [{ tool: "mail.send", args: BOB, open: [1] }] },
    { ...good, calls: Array.from({ length: 51 }, () => ({ ...bob })) },
  ];
  for (const each of bad) assert.equal(taskFrom(each), null, JSON.stringify(each));
});
