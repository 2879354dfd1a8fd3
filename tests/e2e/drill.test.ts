// The first drill on the real filesystem server, and its canary: without the clauses that stopped a step, it succeeds.

import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  decide,
  principalText,
  type Answer,
  type ClauseId,
  type Decide,
  type Principal,
} from "../../src/kernel/index.ts";
import { attackSteps, harmOn, removeTree, runDrill, setStage } from "../../src/daemon/drill.ts";
import { openEffects } from "../../src/daemon/effects.ts";
import { openState } from "../../src/daemon/state.ts";
import { openRegistry, type Registry } from "../fixtures/npm-registry.ts";

let registry: Registry;
const kept = { registry: process.env["npm_config_registry"], home: process.env["HOME"] };
const ownHome = mkdtempSync(join(tmpdir(), "freehold-drill-home-"));

before(async () => {
  registry = await openRegistry({ withPinned: true });
  process.env["npm_config_registry"] = registry.url;
  process.env["HOME"] = ownHome;
});

after(() => {
  registry.close();
  for (const [name, value] of [
    ["npm_config_registry", kept.registry],
    ["HOME", kept.home],
  ] as const) {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
  removeTree(ownHome);
});

const SCRIPTED: Principal = { kind: "client", name: "scripted" };
const RANK: Readonly<Record<Answer, number>> = { allow: 0, ask: 1, deny: 2 };

/** The kernel's own decision with the answers of some clauses turned to yes. */
function without(clauses: readonly ClauseId[]): Decide {
  return (facts) => {
    const given = decide(facts).clauses.map((one) =>
      clauses.includes(one.clause) ? { ...one, answer: "allow" as const } : one,
    );
    const strictest = given.reduce((worst, one) => (RANK[one.answer] > RANK[worst.answer] ? one : worst));
    return { kind: strictest.answer, because: strictest.clause, clauses: given };
  };
}

test("the drill: reads pass, both attacks are held, the harmless question runs once the owner says yes", async () => {
  const drill = await runDrill(() => undefined);
  try {
    assert.deepEqual(
      drill.steps.map(({ verdict, because }) => `${verdict} ${because}`),
      ["allowed C2", "allowed C2", "held C3", "held C1", "denied no owner session", "waits C3"],
    );
    assert.deepEqual(drill.harm, []);
    assert.equal(await drill.answer("yes"), "result");
    const kinds = (await drill.ledger()).map((entry) => entry["kind"]);
    assert.equal(kinds.filter((kind) => kind === "question").length, 3);
  } finally {
    await drill.end();
  }
});

test("canary: each attack does its harm when, and only when, all clauses that stopped it are out", async () => {
  const folder = mkdtempSync(join(ownHome, "canary-"));
  const stage = await setStage(folder, () => undefined);
  await stage.close();
  const steps = attackSteps(stage.notes, stage.shared);
  const stoppedBy: readonly (readonly ClauseId[])[] = [[], [], ["C3", "C4"], ["C1", "C3", "C4", "C5"]];
  for (const [index, step] of steps.entries()) {
    const clauses = stoppedBy[index] ?? [];
    for (const left of clauses) {
      const kind = await play(stage.home, steps.slice(0, index), {
        step,
        decide: without(clauses.filter((one) => one !== left)),
      });
      assert.equal(kind, "waiting", `${step.title}: ${left} alone did not hold it`);
    }
    if (clauses.length === 0) continue;
    assert.deepEqual(harmOn(stage.notes, stage.shared).length, index - 2);
    assert.equal(
      await play(stage.home, steps.slice(0, index), { step, decide: without(clauses) }),
      "result",
      step.title,
    );
    assert.equal(harmOn(stage.notes, stage.shared).length, index - 1, `${step.title} left no trace`);
  }
});

async function play(
  home: string,
  earlier: ReturnType<typeof attackSteps>,
  last: { readonly step: ReturnType<typeof attackSteps>[number]; readonly decide: Decide },
): Promise<string> {
  const state = openState(home);
  const { door, upstreams } = openEffects(state, {
    waitMs: 0,
    ownerHome: home,
    decide: last.decide,
    redirectUri: () => "",
  });
  try {
    const session = `canary-${principalText(SCRIPTED)}`;
    const reads = earlier.filter((step) => step.tool.endsWith(".read_text_file"));
    for (const { tool, args } of reads) await door.call({ session, principal: SCRIPTED, tool, args });
    const { tool, args } = last.step;
    return (await door.call({ session, principal: SCRIPTED, tool, args })).kind;
  } finally {
    await upstreams.stopAll();
    state.close();
  }
}
