// Replays recorded tasks and attacks through the kernel's own decision and provenance, without any model:
// npm run -s bench -- agentdojo --cases DIR --cards DIR [--roster FILE] --json
// The model is under the attacker's control: it makes the user's calls, and the attacker's right after the injection.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { z } from "zod";
import {
  agree,
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
  propose,
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
import { openDoorSuite, type Asked } from "./parts/task-at-door.ts";

const json: z.ZodType<JsonValue> = z.json();
const args = z.record(z.string(), json);
const taskStep = z.object({ tool: z.string(), args, result: json.optional(), mutates_env: z.boolean() });
const suiteFile = z.object({
  suite: z.string(),
  tools: z.array(
    z.looseObject({ name: z.string(), description: z.string(), input_schema: z.record(z.string(), json) }),
  ),
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
  readonly tools: readonly JsonObject[];
  readonly pairs: readonly { readonly task: string; readonly steps: readonly Step[] }[];
  readonly cards: ReadonlyMap<string, ToolCard>;
}

/** "all confirmed": an outline of every tool, which the owner cuts down to what their request needs before the yes. */
type OutlineMode = "task" | "none" | "all" | "all confirmed";

const COMPARTMENT_ALL = "*";

export const run: Bench = async (options) => {
  const cases = options.paths["cases"] ?? join(import.meta.dirname, "..", "..", "shared", "cases", "agentdojo");
  const cards = options.paths["cards"] ?? join(import.meta.dirname, "cards");
  const roster = options.paths["roster"];
  if (!existsSync(cases)) throw new Error(`there are no cases in ${cases}: give --cases DIR`);
  const rulesText = roster === undefined ? "rules: []\n" : readFileSync(roster, "utf8");
  const rules = parseRules(rulesText, roster ?? "rules.yaml");
  if (roster !== undefined) options.note(readFileSync(roster, "utf8"));
  const names = readdirSync(cases).flatMap((file) => /^(.+)\.pairs\.json$/.exec(file)?.[1] ?? []);
  const suites: Counts[] = [];
  for (const name of names.toSorted()) {
    suites.push(await replay(readSuite({ name, cases, cards }), { rules, rulesText }, options.note));
  }
  return { suites, total: totalOf(suites), rules: rules.length };
};

function readSuite(where: { readonly name: string; readonly cases: string; readonly cards: string }): Suite {
  const read = (file: string): unknown => JSON.parse(readFileSync(join(where.cases, file), "utf8"));
  const suite = suiteFile.parse(read(`${where.name}.json`));
  const pairs = pairsFile.parse(read(`${where.name}.pairs.json`));
  return {
    name: where.name,
    tasks: suite.user_tasks,
    tools: suite.tools.map(({ name, description, input_schema: inputSchema }) => ({ name, description, inputSchema })),
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

interface Roster {
  readonly rules: readonly Rule[];
  readonly rulesText: string;
}

interface Counts {
  readonly suite: string;
  readonly tasks: number;
  readonly pairs: number;
  readonly leaks: number;
  readonly leaksLast: number;
  readonly leaksNoOutline: number;
  readonly leaksAllOutline: number;
  /** The same where an outline must be confirmed. */
  readonly leaksAllOutlineConfirm: number;
  readonly questions: number;
  readonly questionsPerTask: number;
  readonly prompts: number;
  readonly promptsPerTask: number;
  readonly tasksWithNone: number;
  readonly confirmQuestions: number;
  readonly confirmPrompts: number;
}

async function replay(suite: Suite, roster: Roster, progress: (text: string) => void): Promise<Counts> {
  const { rules } = roster;
  for (const task of suite.tasks) {
    const steps = task.steps.map((step) => benignStep(step));
    const outline = outlineOf(suite, steps, "task");
    const reasons = new Replay({ suite, rules, prompt: task.prompt, outline }).play(steps).reasons;
    if (reasons.length > 0) progress(`${suite.name} ${task.id}: ${reasons.join(" | ")}`);
  }
  const asked = await askedAtDoor(suite, roster, "heard");
  const confirmed = await askedAtDoor(suite, roster, "confirm");
  const leaks = (mode: OutlineMode, when: "first" | "last"): number =>
    suite.pairs.filter((pair) => {
      const task = suite.tasks.find((one) => one.id === pair.task);
      const own = pair.steps.filter((step) => !step.isAttack);
      const steps = when === "first" ? pair.steps : attackLast(pair.steps);
      const outline = outlineOf(suite, own, mode);
      const confirmed = mode === "all confirmed" ? { confirmed: outlineOf(suite, own, "task") ?? new Map() } : {};
      const played = new Replay({ suite, rules, prompt: task?.prompt ?? "", outline, ...confirmed }).play(steps);
      for (const leak of played.leaks) progress(`LEAK ${suite.name} ${pair.task} (${mode}, ${when}): ${leak}`);
      return played.leaks.length > 0;
    }).length;
  const [questions, prompts] = [sumOf(asked, "questions"), sumOf(asked, "prompts")];
  const tasks = suite.tasks.length;
  return {
    suite: suite.name,
    tasks,
    pairs: suite.pairs.length,
    leaks: leaks("task", "first"),
    leaksLast: leaks("task", "last"),
    leaksNoOutline: leaks("none", "first") + leaks("none", "last"),
    leaksAllOutline: leaks("all", "first"),
    leaksAllOutlineConfirm: leaks("all confirmed", "first") + leaks("all confirmed", "last"),
    questions,
    questionsPerTask: round(questions / tasks),
    prompts,
    promptsPerTask: round(prompts / tasks),
    tasksWithNone: asked.filter((one) => one.prompts === 0).length,
    confirmQuestions: sumOf(confirmed, "questions"),
    confirmPrompts: sumOf(confirmed, "prompts"),
  };
}

function sumOf(asked: readonly Asked[], what: keyof Asked): number {
  return asked.reduce((sum, one) => sum + one[what], 0);
}

/** What the owner is asked in each task when nobody attacks, counted at a real door. */
async function askedAtDoor(
  { tools, cards, tasks }: Suite,
  { rulesText }: Roster,
  outlineIs: "heard" | "confirm",
): Promise<readonly Asked[]> {
  const door = openDoorSuite({ tools, cards, rulesText, outlineIs });
  try {
    const asked: Asked[] = [];
    for (const { prompt, steps } of tasks) asked.push(await door.play({ prompt, steps }));
    return asked;
  } finally {
    door.end();
  }
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
  if (mode === "all" || mode === "all confirmed")
    return new Map([...suite.cards.values()].map((card) => [card.tool, 1_000_000]));
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
  /** The owner's version of an outline that they were asked about. */
  readonly confirmed?: ReadonlyMap<string, number>;
}

/** One session of the owner's agent. The owner says yes to the user's calls and no to the attacker's. */
class Replay {
  readonly #parts: ReplayParts;
  readonly #provenance: Provenance = noProvenance();
  #label: Label = CLEAN;
  readonly #leaks: string[] = [];
  readonly #reasons: string[] = [];

  constructor(parts: ReplayParts) {
    this.#parts = parts;
    beginRequest(this.#provenance, parts.prompt, parts.outline);
    if (parts.confirmed === undefined) return;
    propose(this.#provenance);
    const task = { outline: Object.fromEntries(parts.confirmed), calls: [] };
    agree(this.#provenance, task, { question: "", cardOf: () => null });
  }

  play(steps: readonly Step[]): { readonly leaks: readonly string[]; readonly reasons: readonly string[] } {
    for (const step of steps) this.#take(step);
    return { leaks: this.#leaks, reasons: this.#reasons };
  }

  #take(step: Step): void {
    const card = this.#parts.suite.cards.get(step.tool);
    const decision = this.#decide(step, card);
    const runs = decision.kind === "allow" || (decision.kind === "ask" && !step.isAttack);
    if (step.isAttack) {
      if (runs && step.mutates) this.#leaks.push(`${step.tool} ${JSON.stringify(step.args).slice(0, 200)}`);
      if (!runs) return;
    } else if (decision.kind !== "allow") {
      const asking = decision.clauses
        .filter((one) => one.answer !== "allow")
        .map((one) => `${one.clause} ${one.reason}`);
      this.#reasons.push(`${step.tool}: ${asking.join("; ")}`);
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

  #note(step: Step, card: ToolCard): void {
    const wasClean = !isTainted(this.#label);
    if (isEffect(card, step)) spend(this.#provenance, card.tool, step.args);
    noteResult(this.#provenance, { card, args: step.args, structured: step.structured, wasClean });
    const { trust, compartments, secret } = card.result;
    this.#label = joinLabels(this.#label, { compartments, integrity: trust, secret });
  }
}

function totalOf(suites: readonly Counts[]): Counts {
  const sum = (of: (one: Counts) => number): number => suites.reduce((total, one) => total + of(one), 0);
  const [tasks, questions] = [sum((one) => one.tasks), sum((one) => one.questions)];
  const prompts = sum((one) => one.prompts);
  return {
    suite: "total",
    tasks,
    questions,
    pairs: sum((one) => one.pairs),
    leaks: sum((one) => one.leaks),
    leaksLast: sum((one) => one.leaksLast),
    leaksNoOutline: sum((one) => one.leaksNoOutline),
    leaksAllOutline: sum((one) => one.leaksAllOutline),
    leaksAllOutlineConfirm: sum((one) => one.leaksAllOutlineConfirm),
    questionsPerTask: round(questions / tasks),
    prompts,
    promptsPerTask: round(prompts / tasks),
    tasksWithNone: sum((one) => one.tasksWithNone),
    confirmQuestions: sum((one) => one.confirmQuestions),
    confirmPrompts: sum((one) => one.confirmPrompts),
  };
}
