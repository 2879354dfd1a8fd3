// Standing rules: an allow needs certainty, a ban bites on doubt.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ToolCard } from "./cards.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { allows, denies, fitOf, indexRules, type ArgumentMatch, type Fit, type Rule, type RuleCall } from "./rules.ts";

const card: ToolCard = {
  tool: "files.write",
  effect: "write",
  result: { trust: "system", compartments: ["family"], secret: false, mode: "inline" },
  roles: { path: "critical", text: "content" },
  ids: [],
  pin: "0".repeat(64),
};

function rule(change: Partial<Rule> = {}): Rule {
  const plain = { id: "r1", principals: [], tool: "files.write", args: {}, expiresAtMs: null, perDayMax: null };
  return { ...plain, answer: "allow", reason: "because", ...change };
}

function call(args: JsonObject, change: Partial<RuleCall> = {}): RuleCall {
  return { principal: "agent", card, args, nowMs: 1_000, usesToday: () => 0, ...change };
}

const under: ArgumentMatch = { kind: "under", folder: "/home/ada/notes" };
const domain: ArgumentMatch = { kind: "domain", domain: "example.org" };
const equals: ArgumentMatch = { kind: "equals", values: ["a", 1, { x: [1] }] };
const atMost: ArgumentMatch = { kind: "at-most", limit: 100 };

const fits: readonly (readonly [ArgumentMatch, JsonValue, Fit])[] = [
  [under, "/home/ada/notes/a.txt", "yes"],
  [under, "/home/ada/notes/deep/a.txt", "yes"],
  [under, "/home/ada/notes/deep/", "yes"],
  [under, "/home/ada/notes", "unclear"],
  [under, "/home/ada/notes/", "unclear"],
  [under, "/home/ada/notes-old/a", "no"],
  [under, "/home/ada/other", "no"],
  [under, "/home/ada/notes/../.ssh/id", "unclear"],
  [under, "/home/ada/./notes/a", "unclear"],
  [under, "/home/ada//notes/a", "unclear"],
  [under, "//home/ada/notes/a", "unclear"],
  [under, "/home/ada/notes/a/..", "unclear"],
  [under, "/home/ada/notes/..\\x", "unclear"],
  [under, "/home/ada/notes/a\0.txt", "unclear"],
  [under, "notes/a.txt", "unclear"],
  [under, "~/notes/a.txt", "unclear"],
  [under, "", "unclear"],
  [under, 7, "unclear"],
  [under, ["/home/ada/notes/a", "/home/ada/notes/b"], "yes"],
  [under, ["/home/ada/notes/a", "/etc/passwd"], "unclear"],
  [under, ["/etc/passwd"], "no"],
  [under, [], "unclear"],
  [under, { path: "/etc/passwd" }, "unclear"],
  [{ kind: "under", folder: "/" }, "/etc/passwd", "yes"],
  [domain, "ada@example.org", "yes"],
  [domain, "Ada@EXAMPLE.org", "yes"],
  [domain, "example.org", "yes"],
  [domain, "ada@evil.net", "no"],
  [domain, "ada@example.org.evil.net", "no"],
  [domain, "ada@notexample.org", "no"],
  [domain, "ada@sub.example.org", "unclear"],
  [domain, "ada@example.org.", "unclear"],
  [domain, "Ada <ada@example.org>", "unclear"],
  [domain, "ada@evil.net, ada@example.org", "unclear"],
  [domain, "ada@evil.net\nBcc: x@example.org", "unclear"],
  [domain, "ada@evil.net@example.org", "unclear"],
  [domain, "https://example.org/", "unclear"],
  [domain, "ada@ex\u0430mple.org", "unclear"],
  [domain, "", "unclear"],
  [domain, ["a@example.org", "b@example.org"], "yes"],
  [domain, ["a@example.org", "b@evil.net"], "unclear"],
  [equals, "a", "yes"],
  [equals, { x: [1] }, "yes"],
  [equals, "1", "no"],
  [equals, ["a"], "unclear"],
  [equals, ["b"], "no"],
  [atMost, 100, "yes"],
  [atMost, -5, "yes"],
  [atMost, 100.01, "no"],
  [atMost, "100", "unclear"],
  [atMost, null, "unclear"],
  [{ kind: "any" }, null, "yes"],
];

for (const [match, value, fit] of fits) {
  test(`${JSON.stringify(value)} fits ${JSON.stringify(match)}: ${fit}`, () => {
    assert.equal(fitOf(match, value), fit);
    const args = { path: value };
    assert.equal(allows(rule({ args: { path: match } }), call(args)), fit === "yes");
    assert.equal(denies(rule({ answer: "deny", args: { path: match } }), call(args)), fit !== "no");
  });
}

test("an allow rule must name every argument that is not content, and each it names must be there", () => {
  const named = rule({ args: { path: under } });
  const path = "/home/ada/notes/a";
  assert.equal(allows(named, call({ path, text: "x" })), true);
  assert.equal(allows(named, call({ path, mode: "append" })), false);
  assert.equal(allows(named, call({})), false);
  assert.equal(allows(rule(), call({ text: "x" })), true);
  assert.equal(allows(rule({ args: { text: { kind: "equals", values: ["x"] } } }), call({ text: "y" })), false);
  assert.equal(allows(rule(), call({ toString: "x" })), false);
});

test("a ban without arguments bites always; one with arguments only where they are given", () => {
  assert.equal(denies(rule({ answer: "deny" }), call({ path: "/x" })), true);
  assert.equal(denies(rule({ answer: "deny", args: { path: under } }), call({ text: "x" })), false);
  assert.equal(denies(rule({ args: {} }), call({})), false);
  assert.equal(allows(rule({ answer: "deny" }), call({})), false);
});

test("rules end at their time, hold for their principals, and only so often a day", () => {
  assert.equal(allows(rule({ expiresAtMs: 1_001 }), call({})), true);
  assert.equal(allows(rule({ expiresAtMs: 1_000 }), call({})), false);
  assert.equal(denies(rule({ answer: "deny", expiresAtMs: 1_000 }), call({})), false);
  assert.equal(allows(rule({ principals: ["client:cursor"] }), call({})), false);
  assert.equal(allows(rule({ principals: ["client:cursor"] }), call({}, { principal: "client:cursor" })), true);
  assert.equal(allows(rule({ perDayMax: 2 }), call({}, { usesToday: () => 1 })), true);
  assert.equal(allows(rule({ perDayMax: 2 }), call({}, { usesToday: () => 2 })), false);
});

test("the index finds a tool's own rules, its server's and everybody's", () => {
  const rules = ["files.write", "files.*", "*", "files.read", "file.*"].map((tool, at) => rule({ id: `r${at}`, tool }));
  const index = indexRules(rules);
  assert.equal(index.size, 5);
  assert.deepEqual(
    index.for("files.write").map(({ id }) => id),
    ["r0", "r1", "r2"],
  );
  assert.deepEqual(
    index.for("mail.send").map(({ id }) => id),
    ["r2"],
  );
});

test("no path with a dot segment is under any folder", () => {
  const part = fc.constantFrom("a", "..", ".", "", "notes", "home", "ada", "x y");
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
      const path = `/${parts.join("/")}`;
      const resolved = new URL(`file://${path}`).pathname;
      if (fitOf(under, path) === "yes") assert.ok(resolved.startsWith("/home/ada/notes/"), path);
      if (fitOf(under, path) === "no") assert.ok(!`${resolved}/`.startsWith("/home/ada/notes/"), path);
    }),
  );
});
