// Replays recorded tasks and attacks through the kernel's own decision and provenance, without any model:
// npm run -s bench -- agentdojo --cases DIR --cards DIR [--roster FILE] --json
// The model is under the attacker's control: it makes the user's calls, and the attacker's right after the injection.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { z } from "zod";
import {
  beginRequest,
  CLEAN,
  decide,
  digestOf,
  hasEgress,
  indexRules,
  isTainted,
  join as joinLabels,
  NO_CAPS,
  noProvenance,
  noteResult,
  spend,
  type JsonObject,
  type JsonValue,
  type Label,
  type Provenance,
  type Rule,
  type ToolCard,
} from "../src/kernel/index.ts";
import { parseCards, parseRules } from "../src/manifest/index.ts";
import { round, type Bench } from "./lib.ts";

const json: z.ZodType<JsonValue> = z.json();
const args = z.record(z.string(), json);
const taskStep = z.object({ tool: z.string(), args, result: json.optional(), mutates_env: z.boolean() });
const suiteFile = z.object({
  suite: z.string(),
  user_tasks: z.array(z.object({ id: z.string(), prompt: z.string(), steps: z.array(taskStep) })),
});
const textRef = z.object({ $text: z.number() });
const pairStep = z.object({
  tool: z.string(),
  args: z.record(z.string(), z.union([textRef, json])),
  mutates_env: z.boolean(),
  origin: z.enum(["user", "attack"]),
  contains_injection: z.boolean().optional(),
  result: z.number().nullish(),
});
const pairsFile = z.object({
  pairs: z.array(z.object({ user_task: z.string(), injection_task: z.string(), steps: z.array(pairStep) })),
  texts: z.array(z.string()),
});

type SuiteFile = z.infer<typeof suiteFile>;
type PairsFile = z.infer<typeof pairsFile>;

interface Step {
  readonly tool: string;
  readonly args: JsonObject;
  readonly structured: JsonValue | undefined;
  readonly mutates: boolean;
  readonly isAttack: boolean;
  readonly hasInjection: boolean;
}

interface Suite {
  readonly name: string;
  readonly tasks: SuiteFile["user_tasks"];
  readonly pairs: readonly { readonly task: string; readonly steps: readonly Step[] }[];
  readonly cards: ReadonlyMap<string, ToolCard>;
}

type OutlineMode = "task" | "none" | "all";

const COMPARTMENT_ALL = "*";

export const run: Bench = async (options) => {
  const cases = options.paths["cases"] ?? join(import.meta.dirname, "..", "..", "shared", "cases", "agentdojo");
  const cards = options.paths["cards"] ?? join(import.meta.dirname, "cards");
  const roster = options.paths["roster"];
  if (!existsSync(cases)) throw new Error(`there are no cases in ${cases}: give --cases DIR`);
  const rules = roster === undefined ? [] : parseRules(readFileSync(roster, "utf8"), roster);
  if (roster !== undefined) options.note(readFileSync(roster, "utf8"));
  const names = readdirSync(cases).flatMap((file) => /^(.+)\.pairs\.json$/.exec(file)?.[1] ?? []);
  const suites = names.toSorted().map((name) => replay(readSuite({ name, cases, cards }), rules, options.note));
  return { suites, total: totalOf(suites), rules: rules.length };
};

function readSuite(where: { readonly name: string; readonly cases: string; readonly cards: string }): Suite {
  const read = (file: string): unknown => JSON.parse(readFileSync(join(where.cases, file), "utf8"));
  const suite = suiteFile.parse(read(`${where.name}.json`));
  const pairs = pairsFile.parse(read(`${where.name}.pairs.json`));
  return {
    name: where.name,
    tasks: suite.user_tasks,
    cards: readCards(join(where.cards, `${where.name}.yaml`)),
    pairs: pairs.pairs.map((pair) => ({
      task: pair.user_task,
      steps: pair.steps.map((step) => pairStepOf(step, pairs.texts)),
    })),
  };
}

/** The recorded tools have no server that could change them, so a card that leaves out its pin is given one. */
function readCards(file: string): ReadonlyMap<string, ToolCard> {
  const written = z
    .looseObject({ tools: z.record(z.string(), z.looseObject({ pin: z.string().optional() })) })
    .parse(parse(readFileSync(file, "utf8")));
  for (const [name, card] of Object.entries(written.tools)) card.pin ??= digestOf(name);
  const { cards } = parseCards(stringify(written), file);
  return new Map(Object.values(cards).map((card) => [card.tool.slice(card.tool.indexOf(".") + 1), card]));
}

function pairStepOf(step: PairsFile["pairs"][number]["steps"][number], texts: readonly string[]): Step {
  const given = Object.entries(step.args).map(([name, value]) => {
    const text = textRef.safeParse(value);
    return [name, text.success ? (texts[text.data.$text] ?? "") : value] as const;
  });
  const result = typeof step.result === "number" ? texts[step.result] : undefined;
  return {
    tool: step.tool,
    args: Object.fromEntries(given),
    structured: result === undefined ? undefined : structuredIn(result),
    mutates: step.mutates_env,
    isAttack: step.origin === "attack",
    hasInjection: step.contains_injection === true,
  };
}

/** Results were recorded as the YAML of their structure; plain text has none. */
function structuredIn(text: string): JsonValue | undefined {
  try {
    const value = json.safeParse(parse(text, { schema: "core", maxAliasCount: 0 }));
    return value.success && typeof value.data === "object" && value.data !== null ? value.data : undefined;
  } catch {
    return undefined; // Not YAML: a text, which names nothing.
  }
}

interface Counts {
  readonly suite: string;
  readonly tasks: number;
  readonly pairs: number;
  readonly leaks: number;
  readonly leaksLast: number;
  readonly leaksNoOutline: number;
  readonly leaksAllOutline: number;
  readonly questions: number;
  readonly questionsPerTask: number;
  readonly promptsPerTask: number;
  readonly tasksWithNone: number;
}

function replay(suite: Suite, rules: readonly Rule[], progress: (text: string) => void): Counts {
  const perTask = suite.tasks.map((task) => {
    const steps = task.steps.map((step) => benignStep(step));
    const asked = new Replay({ suite, rules, prompt: task.prompt, outline: outlineOf(suite, steps, "task") }).play(
      steps,
    );
    if (asked.questions > 0) progress(`${suite.name} ${task.id}: ${asked.reasons.join(" | ")}`);
    return asked.questions;
  });
  const leaks = (mode: OutlineMode, when: "first" | "last"): number =>
    suite.pairs.filter((pair) => {
      const task = suite.tasks.find((one) => one.id === pair.task);
      const own = pair.steps.filter((step) => !step.isAttack);
      const steps = when === "first" ? pair.steps : attackLast(pair.steps);
      const outline = outlineOf(suite, own, mode);
      const played = new Replay({ suite, rules, prompt: task?.prompt ?? "", outline }).play(steps);
      for (const leak of played.leaks) progress(`LEAK ${suite.name} ${pair.task} (${mode}, ${when}): ${leak}`);
      return played.leaks.length > 0;
    }).length;
  const questions = perTask.reduce((sum, count) => sum + count, 0);
  const withSome = perTask.filter((count) => count > 0).length;
  const tasks = suite.tasks.length;
  return {
    suite: suite.name,
    tasks,
    pairs: suite.pairs.length,
    leaks: leaks("task", "first"),
    leaksLast: leaks("task", "last"),
    leaksNoOutline: leaks("none", "first") + leaks("none", "last"),
    leaksAllOutline: leaks("all", "first"),
    questions,
    questionsPerTask: round(questions / tasks),
    promptsPerTask: round(withSome / tasks),
    tasksWithNone: tasks - withSome,
  };
}

function benignStep(step: z.infer<typeof taskStep>): Step {
  const { tool, result: structured, mutates_env: mutates } = step;
  return { tool, args: step.args, structured, mutates, isAttack: false, hasInjection: false };
}

/** The attacker waits until the last result that holds the injection. */
function attackLast(steps: readonly Step[]): readonly Step[] {
  const own = steps.filter((step) => !step.isAttack);
  const at = own.findLastIndex((step) => step.hasInjection);
  return [...own.slice(0, at + 1), ...steps.filter((step) => step.isAttack), ...own.slice(at + 1)];
}

function outlineOf(suite: Suite, own: readonly Step[], mode: OutlineMode): ReadonlyMap<string, number> | null {
  if (mode === "none") return null;
  if (mode === "all") return new Map([...suite.cards.values()].map((card) => [card.tool, 1_000_000]));
  const outline = new Map<string, number>();
  for (const step of own) {
    const card = suite.cards.get(step.tool);
    if (card !== undefined && isEffect(card, step)) outline.set(card.tool, (outline.get(card.tool) ?? 0) + 1);
  }
  return outline;
}

function isEffect(card: ToolCard, step: Step): boolean {
  return card.effect !== "read" || hasEgress(card, step.args);
}

interface ReplayParts {
  readonly suite: Suite;
  readonly rules: readonly Rule[];
  readonly prompt: string;
  readonly outline: ReadonlyMap<string, number> | null;
}

/** One session of the owner's agent. The owner says yes to the user's calls and no to the attacker's. */
class Replay {
  readonly #parts: ReplayParts;
  readonly #provenance: Provenance = noProvenance();
  #label: Label = CLEAN;
  readonly #leaks: string[] = [];
  readonly #reasons: string[] = [];
  /** One question shows all that the user's task will ask for; its yes holds for exactly those calls, once each. */
  readonly #batch: string[] = [];

  constructor(parts: ReplayParts) {
    this.#parts = parts;
    beginRequest(this.#provenance, parts.prompt, parts.outline);
  }

  play(steps: readonly Step[]): {
    readonly questions: number;
    readonly leaks: readonly string[];
    readonly reasons: readonly string[];
  } {
    for (const [index, step] of steps.entries()) this.#take(step, steps.slice(index));
    return { questions: this.#reasons.length, leaks: this.#leaks, reasons: this.#reasons };
  }

  #take(step: Step, ahead: readonly Step[]): void {
    const card = this.#parts.suite.cards.get(step.tool);
    const decision = this.#decide(step, card);
    const isBatched = decision.kind === "ask" && this.#spendBatch(step);
    const runs = decision.kind === "allow" || isBatched || (decision.kind === "ask" && !step.isAttack);
    if (step.isAttack) {
      if (runs && step.mutates) this.#leaks.push(`${step.tool} ${JSON.stringify(step.args).slice(0, 200)}`);
      if (!runs) return;
    } else if (decision.kind !== "allow") {
      const asking = decision.clauses
        .filter((one) => one.answer !== "allow")
        .map((one) => `${one.clause} ${one.reason}`);
      this.#reasons.push(`${step.tool}: ${asking.join("; ")}`);
      if (!isBatched)
        this.#batch.push(
          ...ahead
            .slice(1)
            .filter((one) => !one.isAttack)
            .map(exactly),
        );
    }
    if (card !== undefined && runs) this.#note(step, card);
  }

  #decide(step: Step, card: ToolCard | undefined): ReturnType<typeof decide> {
    return decide({
      nowMs: 0,
      stopped: false,
      principal: { kind: "agent", name: "" },
      tool: card?.tool ?? step.tool,
      args: step.args,
      card: card ?? null,
      pin: card === undefined ? "absent" : "same",
      schemaFault: null,
      overBudget: null,
      caps: NO_CAPS,
      usedOf: () => 0,
      session: { ...this.#provenance, label: this.#label },
      handles: CLEAN,
      sink: { compartments: this.#label.compartments, network: false },
      receiver: card?.result.compartments ?? [COMPARTMENT_ALL],
      rules: indexRules(this.#parts.rules),
      usesToday: () => 0,
    });
  }

  #spendBatch(step: Step): boolean {
    const at = this.#batch.indexOf(exactly(step));
    if (at === -1) return false;
    this.#batch.splice(at, 1);
    return true;
  }

  #note(step: Step, card: ToolCard): void {
    const wasClean = !isTainted(this.#label);
    if (isEffect(card, step)) spend(this.#provenance, card.tool, step.args);
    noteResult(this.#provenance, { card, args: step.args, structured: step.structured, wasClean });
    const { trust, compartments, secret } = card.result;
    this.#label = joinLabels(this.#label, { compartments, integrity: trust, secret });
  }
}

function exactly(step: Step): string {
  return digestOf({ tool: step.tool, args: step.args });
}

function totalOf(suites: readonly Counts[]): Counts {
  const sum = (of: (one: Counts) => number): number => suites.reduce((total, one) => total + of(one), 0);
  const [tasks, questions] = [sum((one) => one.tasks), sum((one) => one.questions)];
  const withNone = sum((one) => one.tasksWithNone);
  return {
    suite: "total",
    tasks,
    questions,
    pairs: sum((one) => one.pairs),
    leaks: sum((one) => one.leaks),
    leaksLast: sum((one) => one.leaksLast),
    leaksNoOutline: sum((one) => one.leaksNoOutline),
    leaksAllOutline: sum((one) => one.leaksAllOutline),
    questionsPerTask: round(questions / tasks),
    promptsPerTask: round((tasks - withNone) / tasks),
    tasksWithNone: withNone,
  };
}
