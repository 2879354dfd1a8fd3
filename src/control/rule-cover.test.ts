// Which matcher covers which, checked against the kernel's own reading; and what a value suggests for a rule near it.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fitOf, type ArgumentMatch, type JsonValue, type Question, type Rule, type ToolCard } from "../kernel/index.ts";
import { atLeastAsWide, idleByItself } from "./rule-cover.ts";
import { ideasFor } from "./rule-ideas.ts";

const part = fc.constantFrom("a", "b", "ab", "..", "");
const path = fc.array(part, { maxLength: 4 }).map((parts) => `/${parts.join("/")}`);
const address = fc.constantFrom("a@x.org", "b@x.org", "x.org", "a@y.x.org", "A@X.ORG", "a@y.org");
const value: fc.Arbitrary<JsonValue> = fc.oneof(
  path,
  address,
  fc.integer({ min: -3, max: 3 }),
  fc.array(fc.oneof(path, address), { maxLength: 2 }),
  fc.constant(null),
);
const match: fc.Arbitrary<ArgumentMatch> = fc.oneof(
  fc.record({ kind: fc.constant("any" as const) }),
  fc.record({ kind: fc.constant("equals" as const), values: fc.array(value, { minLength: 1, maxLength: 2 }) }),
  fc.record({ kind: fc.constant("under" as const), folder: path }),
  fc.record({ kind: fc.constant("domain" as const), domain: fc.constantFrom("x.org", "y.x.org", "y.org") }),
  fc.record({ kind: fc.constant("at-most" as const), limit: fc.integer({ min: -3, max: 3 }) }),
);

test("whatever fits a matcher fits the one that is called at least as wide", () => {
  fc.assert(
    fc.property(match, match, value, (wide, narrow, one) => {
      fc.pre(atLeastAsWide(wide, narrow) && fitOf(narrow, one) === "yes");
      assert.equal(fitOf(wide, one), "yes");
    }),
    { numRuns: 3_000, maxSkipsPerRun: 1_000 },
  );
});

const rule = (more: Partial<Rule>): Rule => ({
  id: "r",
  answer: "allow",
  principals: [],
  tool: "notes.write",
  args: { path: { kind: "under", folder: "/n" } },
  reason: "x",
  expiresAtMs: null,
  perDayMax: null,
  ...more,
});

test("no rule is shadowed by one for fewer programs, days or uses, for other arguments, or that has ended", () => {
  const narrow = rule({ id: "narrow", principals: ["agent"], args: { path: { kind: "equals", values: ["/n/a"] } } });
  const shadow = (wide: Rule): string | undefined => idleByItself(narrow, [narrow, wide], 1_000)?.kind;
  assert.equal(shadow(rule({})), "shadowed");
  for (const more of [
    { principals: ["client:a"] },
    { expiresAtMs: 2_000 },
    { expiresAtMs: 500 },
    { perDayMax: 5 },
    { args: { path: { kind: "under", folder: "/m" } } },
    { args: { path: { kind: "any" }, text: { kind: "any" } } },
    { args: {} },
    { tool: "notes.read" },
    { answer: "deny", tool: "mail.*" },
    { answer: "deny", args: { text: { kind: "any" } } },
  ] satisfies Partial<Rule>[]) {
    assert.equal(shadow(rule(more)), undefined, JSON.stringify(more));
  }
  for (const tool of ["notes.write", "notes.*", "*"]) assert.equal(shadow(rule({ answer: "deny", tool })), "shadowed");
});

test("of two rules that say the same only the later one is idle", () => {
  const [first, second] = [rule({ id: "first" }), rule({ id: "second" })];
  assert.equal(idleByItself(first, [first, second], 0), null);
  assert.equal(idleByItself(second, [first, second], 0)?.kind, "shadowed");
});

function nearOf(args: Readonly<Record<string, JsonValue>>, roles: ToolCard["roles"] = {}): Rule["args"] | undefined {
  const result = { trust: "third-party", compartments: ["family"], secret: false, mode: "inline" } as const;
  const card: ToolCard = { tool: "mail.send", effect: "send", result, roles, ids: [], pin: "p" };
  const binding = { principal: "agent", tool: "mail.send", args: JSON.stringify(args) };
  const question = { id: "7KQ", clauses: [], binding } as unknown as Question;
  const past = { requests: [], isCut: false };
  const { ideas } = ideasFor({ question, card, past, taken: new Set(), nowMs: 1_800_000_000_000 });
  return ideas.find(({ width }) => width === "near")?.rule.args;
}

test("what is near a value: its folder, its domain, a round amount; anything else stays exact", () => {
  const near = (name: string, given: JsonValue): unknown => nearOf({ [name]: given })?.[name];
  assert.deepEqual(near("path", "/home/ada/n/a.md"), { kind: "under", folder: "/home/ada/n" });
  assert.deepEqual(near("paths", ["/srv/n/a/x", "/srv/n/b/y"]), { kind: "under", folder: "/srv/n" });
  assert.deepEqual(near("to", "Bob@Example.org"), { kind: "domain", domain: "example.org" });
  assert.deepEqual(near("to", ["a@x.org", "b@x.org"]), { kind: "domain", domain: "x.org" });
  assert.deepEqual(near("host", "api.example.org"), { kind: "domain", domain: "api.example.org" });
  assert.deepEqual(near("amount", 37), { kind: "at-most", limit: 50 });
  assert.deepEqual(near("amount", 0.3), { kind: "at-most", limit: 0.5 });
  for (const [name, exact] of [
    ["path", "/a.md"],
    ["path", "/home/ada/a.md"],
    ["path", "/etc/passwd"],
    ["path", "/n/../etc/passwd"],
    ["paths", ["/n/a", "/m/b"]],
    ["to", "bob@gmail.com"],
    ["to", "Bob <bob@example.org>"],
    ["to", ["a@x.org", "b@y.org"]],
    ["name", "notes.txt"],
    ["id", 4711],
    ["amount", -5],
    ["flag", true],
    ["options", { a: 1 }],
  ] as const) {
    assert.equal(near(name, exact), undefined, JSON.stringify(exact));
  }
});

test("where something leaves to is never left open, and content is never named", () => {
  const result = nearOf({ to: "b@x.org", url: "https://x.org/a", body: "hi" }, { url: "egress", body: "content" });
  assert.deepEqual(Object.keys(result ?? {}), ["to", "url"]);
  const card = {
    effect: "send",
    tool: "mail.send",
    roles: { url: "egress" },
    ids: [],
    pin: "p",
  } as unknown as ToolCard;
  const binding = { principal: "agent", tool: "mail.send", args: '{"to":"b@x.org","url":"https://x.org/a"}' };
  const question = { id: "7KQ", clauses: [], binding } as unknown as Question;
  const past = { requests: [], isCut: false };
  const { ideas, notes } = ideasFor({ question, card, past, taken: new Set(["mail-send-1"]), nowMs: 0 });
  const any = ideas.find(({ width }) => width === "any")?.rule;
  assert.deepEqual(any?.args, { to: { kind: "any" }, url: { kind: "equals", values: ["https://x.org/a"] } });
  assert.equal(any?.id, "mail-send-2");
  assert.deepEqual(notes, ["Where something leaves to is never left open."]);
});

test("values too long to be read again make no rule, and that is said", () => {
  const card = { effect: "write", tool: "n.w", roles: {}, ids: [], pin: "p" } as unknown as ToolCard;
  const binding = { principal: "agent", tool: "n.w", args: JSON.stringify({ edits: ["x".repeat(5_000)] }) };
  const question = { id: "7KQ", clauses: [], binding } as unknown as Question;
  const past = { requests: [], isCut: false };
  const { ideas, notes } = ideasFor({ question, card, past, taken: new Set(), nowMs: 0 });
  assert.deepEqual([ideas, notes], [[], ["Its deciding values are too long to stand in a rule."]]);
});
