// Standing permissions from the answers that led to them: ideas with their back-tests, adding and taking back.
// Each writes at most a proposal into the home; only the owner's apply makes it true.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { Fault, oneLine, textAt, type Clock, type JsonObject, type Question, type Rule } from "../kernel/index.ts";
import { homeModes, readPolicyFiles, writeAtomic, type HomePaths } from "../home/index.ts";
import { editRules, parseRules, RULES_FILE, starterRules, type RulesEdit } from "../manifest/index.ts";
import type { Store } from "../store/index.ts";
import { backTest, backTestText, type BackTest } from "./back-test.ts";
import { maybeText, text } from "./input.ts";
import type { Operation } from "./operation.ts";
import { find } from "./ops-questions.ts";
import { planned } from "./ops-stack.ts";
import { pastRequests, type Past } from "./past-requests.ts";
import type { PolicyState } from "./policy-state.ts";
import { ideasFor, WIDTHS, type Idea, type Ideas } from "./rule-ideas.ts";

export interface RuleParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly policy: PolicyState;
  readonly home: HomePaths;
  /** The owner edits the files as another user then. */
  readonly isOwnUser: boolean;
}

/** What rules.yaml was before the last rule was proposed, so that it can be taken back to the byte. */
interface Proposed {
  readonly digest: string;
  readonly before: string | undefined;
}

const ADDED_MAX = 20;

export function ruleOperations(parts: RuleParts): readonly Operation[] {
  let last: Proposed | null = null;
  return [
    {
      name: "rule.ideas",
      needsOwner: true,
      run: async (input) => ideasAnswer(parts, find(parts.store, text(input, "id"))),
    },
    {
      name: "rule.add",
      needsOwner: true,
      async run(input) {
        const rules = await given(parts, input);
        // One that was proposed and not applied gives way to the next.
        if (last !== null && parts.policy.proposal()?.digest === last.digest) putBack(parts, last.before);
        const before = readPolicyFiles(parts.home.dir)[RULES_FILE];
        writeRules(
          parts,
          editRules(
            before ?? starterRules(),
            rules.map((rule): RulesEdit => ({ kind: "add-rule", rule })),
          ),
        );
        const plan = planned(proposalOr(parts, before));
        last = { digest: textAt(plan, "digest") ?? "", before };
        return { rules: rules.map(({ id }) => id), ...plan };
      },
    },
    {
      name: "rule.withdraw",
      needsOwner: true,
      async run(input) {
        const digest = text(input, "digest");
        if (last === null || last.digest !== digest || parts.policy.proposal()?.digest !== digest) {
          throw new Fault("rule.moved", { message: "the files changed since, so they stay.", next: "freehold plan" });
        }
        putBack(parts, last.before);
        last = null;
        return planned(parts.policy.proposal());
      },
    },
  ];
}

async function ideasAnswer(parts: RuleParts, question: Question): Promise<JsonObject> {
  const { ideas, notes, past } = await think(parts, question);
  const { tool, principal } = question.binding;
  const card = parts.policy.current().cards.get(tool);
  return {
    id: question.id,
    tool,
    principal,
    notes,
    ideas: ideas.map((idea) => ({
      key: keyOf(question, idea),
      width: idea.width,
      rule: idea.rule.id,
      sentence: idea.sentence,
      reason: idea.rule.reason,
      perDay: idea.rule.perDayMax,
      expiresAtMs: idea.rule.expiresAtMs,
      yaml: idea.yaml,
      ...(card === undefined ? {} : testRow(backTest(idea.rule, card, past))),
    })),
  };
}

/** What cannot be accepted does not stay in the home. */
function proposalOr(parts: RuleParts, before: string | undefined): ReturnType<PolicyState["proposal"]> {
  try {
    return parts.policy.proposal();
  } catch (error) {
    putBack(parts, before);
    throw error;
  }
}

async function think(parts: RuleParts, question: Question): Promise<Ideas & { readonly past: Past }> {
  const { tool } = question.binding;
  const card = parts.policy.current().cards.get(tool);
  if (card === undefined) {
    const notes = [`There is no accepted card for ${oneLine(tool, 100)} any more.`];
    return { ideas: [], notes, past: { requests: [], isCut: false } };
  }
  const past = await pastRequests(parts.store, tool);
  const written = parseRules(readPolicyFiles(parts.home.dir)[RULES_FILE] ?? starterRules(), RULES_FILE);
  const taken = new Set([...written, ...parts.policy.current().rules].map(({ id }) => id));
  return { ...ideasFor({ question, card, past, taken, nowMs: parts.clock.nowMs() }), past };
}

function keyOf(question: Question, { width }: Idea): string {
  return `${question.id}.${width}`;
}

/** `idea` is the key of one, thought of again so that nobody can slip another in; `yaml` is the owner's own. */
async function given(parts: RuleParts, input: JsonObject): Promise<readonly Rule[]> {
  const yaml = maybeText(input, "yaml");
  const rules = yaml === null ? [await ideaFrom(parts, text(input, "idea"))] : parseRules(yaml, "the rules");
  if (rules.length === 0 || rules.length > ADDED_MAX) {
    throw new Fault("control.input", { message: `between 1 and ${ADDED_MAX} rules can be added at once.` });
  }
  const reason = maybeText(input, "reason");
  return reason === null || reason.trim() === "" ? rules : rules.map((rule) => ({ ...rule, reason: reason.trim() }));
}

async function ideaFrom(parts: RuleParts, key: string): Promise<Rule> {
  const [id = "", width = ""] = key.split(".");
  const question = find(parts.store, id);
  const { ideas, notes } = await think(parts, question);
  const idea = ideas.find((one) => one.width === width);
  if (idea !== undefined) return idea.rule;
  const why = WIDTHS.some((known) => known === width) ? notes.join(" ") : "";
  throw new Fault("rule.no-idea", {
    message: `there is no such idea for question ${question.id}.${why === "" ? "" : ` ${why}`}`,
    next: `freehold always ${question.id}`,
  });
}

export function testRow(test: BackTest): JsonObject {
  return {
    said: backTestText(test),
    test: { ...test, worst: test.worst.map((example) => ({ ...example })) },
  };
}

export function writeRules(parts: Pick<RuleParts, "home" | "isOwnUser">, content: string): void {
  writeAtomic(join(parts.home.dir, RULES_FILE), content, homeModes(parts.isOwnUser).file);
}

function putBack(parts: RuleParts, before: string | undefined): void {
  if (before === undefined) rmSync(join(parts.home.dir, RULES_FILE), { force: true });
  else writeRules(parts, before);
}
