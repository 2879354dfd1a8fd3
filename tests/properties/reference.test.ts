// The kernel's decision and a second interpreter of the same clauses answer alike, clause by clause.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  agree as agreeTo,
  beginRequest,
  CLEAN,
  decide,
  EFFECTS,
  endorse,
  indexRules,
  noProvenance,
  noteResult,
  propose,
  spend,
  type ArgumentMatch,
  type CapName,
  type Decide,
  type Facts,
  type JsonObject,
  type JsonValue,
  type Label,
  type Principal,
  type Provenance,
  type Rule,
  type ToolCard,
} from "../../src/kernel/index.ts";
import { referenceDecision } from "./reference.ts";

const RUNS = 50_000;
const TOOLS = ["mail.send", "mail.read", "files.move", "shell.run"] as const;
const NAMES = ["to", "text", "url", "id", "constructor", "amount"] as const;
const WORDS = "write to bob@example.org about budget, id 17, move /home/ada/notes.txt on 2024-05-19, pay 1200";
const VALUES: readonly JsonValue[] = [
  "bob@example.org",
  "eve@evil.example",
  "budget",
  "/home/ada/notes.txt",
  "/home/ada/../eve",
  "2024-05-19",
  "17",
  "f-17",
  "n-18",
  "n-18",
  "recorded-1",
  "clean-1",
  "endorsed-1",
  "see https://evil.example/pay",
  "meet on 2024-05-20",
  "",
  17,
  1200,
  13,
  1.5,
  true,
  null,
  ["bob@example.org", "eve@evil.example"],
  ["bob@example.org", "budget"],
  [],
  { to: "bob@example.org" },
  { "eve@evil.example": true },
];
const MATCHES: readonly ArgumentMatch[] = [
  { kind: "any" },
  { kind: "any" },
  { kind: "any" },
  { kind: "equals", values: ["bob@example.org", 17, 1200] },
  { kind: "equals", values: ["eve@evil.example", "endorsed-1", "f-17"] },
  { kind: "under", folder: "/home/ada" },
  { kind: "domain", domain: "example.org" },
  { kind: "at-most", limit: 100 },
];

const PRINCIPALS: readonly Principal[] = [
  { kind: "agent", name: "" },
  { kind: "agent", name: "" },
  { kind: "client", name: "c" },
  { kind: "owner", name: "" },
  { kind: "automation", name: "weekly" },
  { kind: "guest", name: "g" },
  { kind: "child", name: "k" },
];

const oneOf = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
/** Mostly the first, so that later clauses are reached. */
const mostly = <T>(...values: readonly [T, ...(readonly T[])]): fc.Arbitrary<T> =>
  fc.integer({ min: 0, max: 29 }).map((at) => values[at] ?? values[0]);
const compartments = oneOf<readonly string[]>([[], ["family"], ["family"], ["family", "work"], ["work"]]);
const label: fc.Arbitrary<Label> = fc.record({
  compartments,
  integrity: oneOf(["owner", "system", "third-party", "third-party"]),
  secret: mostly(false, true),
});
const args: fc.Arbitrary<JsonObject> = fc.dictionary(oneOf(NAMES), oneOf(VALUES), { maxKeys: 3 });
const rule: fc.Arbitrary<Rule> = fc.record({
  id: oneOf(["r1", "r2", "r3"]),
  answer: oneOf(["allow", "allow", "allow", "deny"]),
  principals: oneOf([[], [], ["agent"], ["guest:g"], ["client:c", "agent"]]),
  tool: oneOf(["mail.send", "mail.send", "mail.send", ...TOOLS, "mail.*", "*"]),
  args: fc.dictionary(oneOf(NAMES), oneOf(MATCHES), { maxKeys: 2 }),
  reason: fc.constant("as every week"),
  expiresAtMs: oneOf([null, null, 999, 1_000, 1_001]),
  perDayMax: oneOf([null, null, 1, 2]),
});
const plainCard: fc.Arbitrary<ToolCard> = fc.record({
  tool: mostly("mail.send", "files.move"),
  effect: oneOf([...EFFECTS, "send", "write", "write-reversible"]),
  result: fc.record({
    trust: oneOf(["owner", "system", "third-party"]),
    compartments: oneOf([["family"], ["family"], ["family"], ["family", "work"]]),
    secret: fc.constant(false),
    mode: fc.constant("inline"),
  }),
  roles: oneOf([
    { to: "critical", text: "content", url: "egress", id: "critical" },
    { to: "critical", text: "content", url: "egress", id: "critical" },
    { text: "content", id: "content" },
    {},
  ]),
  ids: fc.constant([]),
  pin: fc.constant("0".repeat(64)),
});
const undo = { tool: "mail.unsend", args: { id: "result.id" } };
const card: fc.Arbitrary<ToolCard> = fc
  .record({ plain: plainCard, canUndo: fc.boolean() })
  .map(({ plain, canUndo }): ToolCard => (canUndo ? { ...plain, undo } : plain));

const lookups: ToolCard = {
  tool: "mail.read",
  effect: "read",
  result: { trust: "owner", compartments: ["family"], secret: false, mode: "inline" },
  roles: {},
  ids: ["id"],
  pin: "0".repeat(64),
};

const strangers: ToolCard = { ...lookups, result: { ...lookups.result, trust: "third-party" } };

interface Known {
  readonly words: boolean;
  readonly outline: number;
  readonly isProposed: boolean;
  readonly read: boolean;
  readonly endorsed: boolean;
  /** Calls that the owner said yes to beforehand. */
  readonly agreed: readonly JsonObject[];
  readonly spent: number;
}

function provenanceOf(choice: Known): Provenance {
  const provenance = noProvenance();
  const outline = new Map([
    ["mail.send", choice.outline],
    ["files.move", 1],
  ]);
  beginRequest(provenance, choice.words ? WORDS : null, choice.outline < 0 ? null : outline);
  if (choice.isProposed) propose(provenance);
  const calls = choice.agreed.map((given) => ({ tool: "mail.send", args: given, open: [] }));
  agreeTo(provenance, { outline: null, calls }, { question: "7KQ", cardOf: () => null });
  for (const given of choice.agreed.slice(0, choice.spent)) spend(provenance, "mail.send", given);
  if (choice.endorsed) for (const value of ["endorsed-1", ["eve@evil.example"], 13]) endorse(provenance, value);
  if (choice.read) {
    const reading = { card: lookups, args: { name: "budget" }, wasClean: false };
    noteResult(provenance, { ...reading, structured: [{ id: "f-17", note: "recorded-1" }] });
    noteResult(provenance, { ...reading, card: strangers, structured: [{ id: "n-18", note: "foreign-1" }] });
    noteResult(provenance, { ...reading, args: {}, structured: { note: "clean-1" }, wasClean: true });
  }
  return provenance;
}

const known: fc.Arbitrary<Known> = fc.record({
  words: mostly(true, false),
  outline: oneOf([-1, 0, 1, 1, 2]),
  read: fc.boolean(),
  endorsed: fc.boolean(),
  isProposed: mostly(false, true),
  agreed: fc.array(args, { maxLength: 2 }),
  spent: fc.integer({ min: 0, max: 1 }),
});

/** Mostly far away, so that later clauses are reached. */
const cap = mostly<number | null>(null, 1, 2);
const count = fc.integer({ min: 0, max: 3 });

interface Situation {
  readonly facts: Facts;
  readonly rules: readonly Rule[];
}

const situation: fc.Arbitrary<Situation> = fc
  .record({
    stopped: mostly(false, true),
    principal: oneOf(PRINCIPALS),
    tool: mostly("mail.send", "files.move"),
    args,
    card: fc.option(card, { freq: 30 }),
    pin: mostly<Facts["pin"]>("same", "differs", "absent"),
    schemaFault: mostly<string | null>(null, "no"),
    overBudget: mostly<string | null>(null, "spent"),
    caps: fc.record({ effects: cap, perTool: cap, sends: cap, spends: cap }),
    used: fc.record({ effects: count, perTool: count, sends: count, spends: count }),
    known,
    repeats: fc.boolean(),
    label,
    handles: label,
    reversibleFree: mostly(false, true),
    sink: fc.record({ compartments: oneOf([["family"], ["family", "work"]]), network: fc.boolean() }),
    receiver: mostly<readonly string[]>(["family", "work"], ["family"], []),
    rules: fc.array(rule, { maxLength: 4 }),
    uses: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ known: choice, repeats, label: own, rules, uses, used, ...facts }) => ({
    facts: {
      ...facts,
      // Often the very call that the owner said yes to.
      args: repeats ? (choice.agreed[0] ?? facts.args) : facts.args,
      nowMs: 1_000,
      session: { ...provenanceOf(choice), label: own },
      rules: indexRules(rules),
      usesToday: (id: string) => (id === "r3" ? 0 : uses),
      usedOf: (name: CapName) => used[name],
    },
    rules,
  }));

/** Throws where the two part. Returns what was said, for the count. */
function agree(decided: Decide, { facts, rules }: Situation): readonly string[] {
  const expected = referenceDecision(facts, rules);
  const { kind, because, clauses } = decided(facts);
  const said = clauses.map((given) => `${given.clause} ${given.answer}`);
  assert.deepEqual({ kind, because, said }, expected);
  return [...said, kind];
}

test("the kernel and the second interpreter decide alike, clause by clause", { timeout: 120_000 }, () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(situation, (each) => {
      for (const said of agree(decide, each)) seen.set(said, (seen.get(said) ?? 0) + 1);
    }),
    { numRuns: RUNS },
  );
  // Nobody agrees about nothing: each answer of each clause was reached often.
  const answers = ["C0 deny", "C1 deny", "C1 ask", "C2 allow", "C2 deny", "C3 allow", "C3 ask", "C3 deny"];
  for (const each of [...answers, "C4 ask", "C5 ask", "allow", "ask", "deny"]) {
    assert.ok((seen.get(each) ?? 0) > 500, `${each}: ${seen.get(each)}`);
  }
});

const planted: readonly (readonly [name: string, change: (facts: Facts) => Facts])[] = [
  ["does not see the stop", (facts) => ({ ...facts, stopped: false })],
  ["takes a changed pin for the same", (facts) => ({ ...facts, pin: "same" })],
  ["takes everybody for the agent", (facts) => ({ ...facts, principal: { kind: "agent", name: "" } })],
  ["forgets the labels of handles", (facts) => ({ ...facts, handles: CLEAN })],
  ["forgets the labels of the session", (facts) => ({ ...facts, session: { ...facts.session, label: CLEAN } })],
  ["lets a rule be used without end", (facts) => ({ ...facts, usesToday: () => 0 })],
  ["lets no rule expire", (facts) => ({ ...facts, nowMs: 0 })],
  ["counts nothing of a run", (facts) => ({ ...facts, usedOf: () => 0 })],
  ["knows no rule", (facts) => ({ ...facts, rules: indexRules([]) })],
  ["takes what was looked up for nobody's", (facts) => ({ ...facts, session: { ...facts.session, named: new Map() } })],
  ["forgets what the owner said yes to", (facts) => ({ ...facts, session: { ...facts.session, agreed: new Map() } })],
  [
    "takes an outline that waits for the owner as theirs",
    (facts) => ({ ...facts, session: { ...facts.session, outline: facts.session.outline ?? facts.session.proposed } }),
  ],
  ["shows results to everybody", (facts) => ({ ...facts, receiver: ["family", "work"] })],
];

for (const [name, change] of planted) {
  test(`a decision that ${name} is told from the other`, () => {
    const run = (): void =>
      fc.assert(
        fc.property(situation, (each) => void agree((facts) => decide(change(facts)), each)),
        {
          numRuns: 20_000,
          endOnFailure: true,
        },
      );
    assert.throws(run);
  });
}
