import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { EFFECTS } from "../kernel/index.ts";
import { judgeUpdate, stakesOf, VERDICTS, type VerdictFacts } from "./verdict.ts";

type Facts = Readonly<Record<string, unknown>>;
interface Vectors {
  readonly base: VerdictFacts;
  readonly cases: readonly {
    readonly name: string;
    readonly verdict: string;
    readonly change: Facts;
    readonly says?: string;
  }[];
}

const file = join(import.meta.dirname, "..", "..", "tests", "vectors", "verdicts", "table.json");
const { base, cases } = JSON.parse(readFileSync(file, "utf8")) as Vectors;

function withChange(change: Facts): VerdictFacts {
  const fields: Facts = { ...base };
  const changed = Object.entries(change).map(([key, value]) => {
    const whole = fields[key];
    const isDeep = typeof value === "object" && value !== null && !Array.isArray(value);
    return [key, isDeep && typeof whole === "object" ? { ...whole, ...value } : value] as const;
  });
  return { ...base, ...Object.fromEntries(changed) };
}

for (const { name, verdict, change, says = "" } of cases) {
  test(`the verdict on ${name} is ${verdict}`, () => {
    const judged = judgeUpdate(withChange(change));
    assert.equal(judged.verdict, verdict, JSON.stringify(judged));
    assert.ok(
      says === "" || judged.reasons.some((reason) => reason.says.includes(says)),
      JSON.stringify(judged.reasons),
    );
    assert.ok(verdict === "ship" || judged.reasons[0]?.verdict === verdict, "the strictest reason stands first");
  });
}

test("two findings together are judged at least as strictly as each alone", () => {
  const rank = (facts: VerdictFacts): number => VERDICTS.indexOf(judgeUpdate(facts).verdict);
  const facts = fc.constantFrom(...cases.filter(({ change }) => !("evidence" in change)));
  fc.assert(
    fc.property(facts, facts, (one, other) => {
      const both = withChange({ ...one.change, ...other.change });
      const shared = Object.keys(one.change).some((key) => key in other.change);
      if (!shared) assert.ok(rank(both) >= Math.max(rank(withChange(one.change)), rank(withChange(other.change))));
    }),
  );
});

test("the most that a tool may do is what is at stake, and keys are always the most", () => {
  const stakes = EFFECTS.map((effect) => stakesOf({ effects: [effect], hasSecrets: false, hasNetwork: false }));
  assert.deepEqual(stakes, [1, 2, 2, 3, 4, 4, 4]);
  assert.equal(stakesOf({ effects: ["read", "write"], hasSecrets: false, hasNetwork: true }), 3);
  assert.equal(stakesOf({ effects: ["read"], hasSecrets: true, hasNetwork: false }), 4);
  assert.equal(stakesOf({ effects: [], hasSecrets: false, hasNetwork: true }), 0);
});
