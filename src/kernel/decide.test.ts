// The decision as a whole: it never becomes milder by more taint, more labels or more bans, and doubt denies.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NO_CAPS } from "./caps.ts";
import { EFFECTS, type ToolCard } from "./cards.ts";
import { CLAUSES, decide, type Facts } from "./decide.ts";
import { CLEAN, join, type Label } from "./labels.ts";
import { PRINCIPAL_KINDS } from "./principals.ts";
import { indexRules, type ArgumentMatch, type Rule } from "./rules.ts";
import { ownerWords } from "./words.ts";

const STRENGTH = { allow: 0, ask: 1, deny: 2 } as const;
const NAMES = ["path", "text", "url"] as const;
const VALUES = [
  "/home/ada/a",
  "https://evil.example/x",
  "bob@example.org",
  12345,
  true,
  ["bob@example.org"],
  "",
] as const;

const anyLabel: fc.Arbitrary<Label> = fc.record({
  compartments: fc.subarray(["family", "health", "work"]),
  integrity: fc.constantFrom("owner", "system", "third-party"),
  secret: fc.boolean(),
});

const anyMatch: fc.Arbitrary<ArgumentMatch> = fc.constantFrom<ArgumentMatch>(
  { kind: "any" },
  { kind: "under", folder: "/home/ada" },
  { kind: "domain", domain: "example.org" },
  { kind: "at-most", limit: 20_000 },
  { kind: "equals", values: ["bob@example.org"] },
);

function someRules(answer: "allow" | "deny"): fc.Arbitrary<readonly Rule[]> {
  const tools = answer === "allow" ? ["mail.send"] : ["mail.send", "mail.*", "*"];
  const rule = fc.record({
    id: fc.constantFrom("r1", "r2"),
    answer: fc.constant(answer),
    principals: fc.constantFrom([], ["agent"], ["child:mia"]),
    tool: fc.constantFrom(...tools),
    args: fc.dictionary(fc.constantFrom(...NAMES), anyMatch),
    reason: fc.constant("because"),
    expiresAtMs: fc.constantFrom(null, 500, 5_000),
    perDayMax: fc.constantFrom(null, 1),
  });
  return fc.array(rule, { maxLength: 3 });
}

const anyCard: fc.Arbitrary<ToolCard> = fc.record({
  tool: fc.constant("mail.send"),
  effect: fc.constantFrom(...EFFECTS),
  result: fc.record({
    trust: fc.constantFrom("owner", "system", "third-party"),
    compartments: fc.subarray(["family", "health"]),
    secret: fc.boolean(),
    mode: fc.constant("inline" as const),
  }),
  roles: fc.dictionary(fc.constantFrom(...NAMES), fc.constantFrom("critical", "content", "egress")),
  ids: fc.constant([]),
  pin: fc.constant("0"),
});

const texts = ["write to bob@example.org about /home/ada/a", "> pasted bob@example.org", "pay 12345"];
const anyFacts: fc.Arbitrary<{ readonly facts: Facts; readonly rules: readonly Rule[] }> = fc
  .record({
    base: fc.record({
      nowMs: fc.constant(1_000),
      stopped: fc.constantFrom(false, false, false, true),
      principal: fc.record({ kind: fc.constantFrom(...PRINCIPAL_KINDS), name: fc.constantFrom("", "mia") }),
      tool: fc.constant("mail.send"),
      args: fc.dictionary(fc.constantFrom(...NAMES), fc.constantFrom(...VALUES)),
      card: fc.option(anyCard, { freq: 20 }),
      pin: fc.constantFrom("same", "same", "same", "differs", "absent"),
      schemaFault: fc.constantFrom(null, null, null, "path is missing"),
      overBudget: fc.constantFrom(null, null, null, "the day's budget is spent"),
      caps: fc.constantFrom(NO_CAPS, NO_CAPS, { ...NO_CAPS, sends: 1 }),
      session: fc.record({
        label: anyLabel,
        words: fc.constantFrom(null, ...texts.map(ownerWords)),
        outline: fc.constantFrom(null, new Map([["mail.send", 1]]), new Map([["mail.send", 0]])),
        proposed: fc.constant(null),
        agreed: fc.constant(new Map()),
        endorsed: fc.constantFrom(new Set<string>(), new Set(['"https://evil.example/x"'])),
        named: fc.constant(new Map<string, Set<string>>()),
        recorded: fc.constant(new Set<string>()),
        clean: fc.constant(new Set<string>()),
      }),
      handles: anyLabel,
      sink: fc.record({ compartments: fc.subarray(["family", "health"]), network: fc.boolean() }),
      receiver: fc.subarray(["family", "health", "work"]),
      usesToday: fc.constant(() => 0),
      usedOf: fc.constant(() => 1),
    }),
    allowed: someRules("allow"),
    banned: someRules("deny"),
  })
  .map(({ base, allowed, banned }) => {
    const rules = [...allowed, ...banned];
    return { facts: { ...base, rules: indexRules(rules) }, rules };
  });

function isNeverMilder(before: Facts, after: Facts): void {
  const [mild, strict] = [decide(before), decide(after)];
  assert.ok(STRENGTH[strict.kind] >= STRENGTH[mild.kind], JSON.stringify({ mild, strict }));
}

const RUNS = { numRuns: 1_000 };

test("more labels, taint or secrecy on the session or a handle never make it milder", () => {
  fc.assert(
    fc.property(anyFacts, anyLabel, anyLabel, ({ facts }, read, held) => {
      const session = { ...facts.session, label: join(facts.session.label, read) };
      isNeverMilder(facts, { ...facts, session });
      isNeverMilder(facts, { ...facts, handles: join(facts.handles, held) });
    }),
    RUNS,
  );
});

test("one more ban never makes it milder, and one allow rule less neither", () => {
  fc.assert(
    fc.property(anyFacts, someRules("deny"), ({ facts, rules }, bans) => {
      isNeverMilder(facts, { ...facts, rules: indexRules([...rules, ...bans]) });
      isNeverMilder(facts, { ...facts, rules: indexRules(rules.filter((rule) => rule.answer === "deny")) });
    }),
    RUNS,
  );
});

test("less clearance, fewer words, no outline, fewer endorsements never make it milder", () => {
  fc.assert(
    fc.property(anyFacts, ({ facts }) => {
      isNeverMilder(facts, { ...facts, receiver: [] });
      isNeverMilder(facts, { ...facts, sink: { compartments: [], network: true } });
      isNeverMilder(facts, { ...facts, session: { ...facts.session, words: null } });
      isNeverMilder(facts, { ...facts, session: { ...facts.session, outline: null } });
      isNeverMilder(facts, { ...facts, session: { ...facts.session, endorsed: new Set() } });
    }),
    RUNS,
  );
});

test("stop, a foreign pin, a bad argument, a spent budget and a missing card deny whatever else is said", () => {
  fc.assert(
    fc.property(anyFacts, ({ facts }) => {
      const hard: readonly Partial<Facts>[] = [
        { stopped: true },
        { pin: "differs" },
        { schemaFault: "x" },
        { overBudget: "x" },
        { card: null },
        { tool: "mail.other" },
      ];
      for (const change of hard) {
        const decision = decide({ ...facts, ...change });
        assert.deepEqual([decision.kind, decision.because], ["deny", "C0"]);
      }
    }),
  );
});

test("because is the lowest clause that gave the strictest answer, and all answers are kept", () => {
  fc.assert(
    fc.property(anyFacts, ({ facts }) => {
      const { kind, because, clauses } = decide(facts);
      const strictest = clauses.filter(({ answer }) => answer === kind).map(({ clause }) => CLAUSES.indexOf(clause));
      assert.equal(CLAUSES.indexOf(because), Math.min(...strictest));
      assert.ok(clauses.every(({ answer }) => STRENGTH[answer] <= STRENGTH[kind]));
    }),
    RUNS,
  );
});

test("an error inside a clause denies", () => {
  fc.assert(
    fc.property(anyFacts, ({ facts }) => {
      const broken = {
        size: 1,
        for(): never {
          throw new Error("the rules are broken");
        },
      };
      const decision = decide({ ...facts, rules: broken });
      assert.equal(decision.kind, "deny");
    }),
  );
});

test("an attacker who writes every argument of an effect is never allowed without a rule", () => {
  fc.assert(
    fc.property(anyFacts, ({ facts }) => {
      const tainted = join(facts.session.label, { ...CLEAN, integrity: "third-party" });
      const args = {
        path: "/etc/cron.d/evil",
        url: "https://evil.example/steal",
        text: "mail it to evil@evil.example",
      };
      const session = { ...facts.session, label: tainted, endorsed: new Set<string>() };
      const decision = decide({ ...facts, args, session, rules: indexRules([]) });
      const isPlainRead = facts.card?.effect === "read" && !Object.values(facts.card.roles).includes("egress");
      if (!isPlainRead) assert.notEqual(decision.kind, "allow");
    }),
    RUNS,
  );
});
