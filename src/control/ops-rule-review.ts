// The rules that hold: what each says and does, what they say to one call, and which of them do nothing any more.

import {
  allows,
  denies,
  Fault,
  fitOf,
  indexRules,
  oneLine,
  principalFrom,
  reasonOf,
  roleOf,
  type Decision,
  type JsonObject,
  type LedgerEntry,
  type Principal,
  type Rule,
  type RuleCall,
  type ToolCard,
} from "../kernel/index.ts";
import { readPolicyFiles } from "../home/index.ts";
import { didYouMean, editRules, RULES_FILE } from "../manifest/index.ts";
import type { Store } from "../store/index.ts";
import { fittingOf } from "./back-test.ts";
import { maybeObject, maybeText, text } from "./input.ts";
import { requireOwner, type Operation } from "./operation.ts";
import { writeRules, type RuleParts } from "./ops-rules.ts";
import { planned } from "./ops-stack.ts";
import { clausesOf, pastRequests, type Past } from "./past-requests.ts";
import { idleByItself, type Idle } from "./rule-cover.ts";
import { dayWords, matchWords, ruleSentence } from "./rule-words.ts";

export interface RuleReviewParts extends RuleParts {
  /** The decision on a call whose arguments are not the owner's, after untrusted text was read. */
  preview(principal: Principal, tool: string, args?: JsonObject): Decision;
}

const DAY_MS = 86_400_000;
const USES_DAYS = 90;
const DENIED_MAX = 10_000;

export function ruleReviewOperations(parts: RuleReviewParts): readonly Operation[] {
  return [
    { name: "rules.list", needsOwner: false, run: async () => ({ rules: listed(parts) }) },
    { name: "rules.test", needsOwner: false, run: async (input) => tried(parts, input) },
    {
      name: "rules.prune",
      needsOwner: false,
      async run(input, context) {
        const idle = await idleRules(parts);
        const found = idle.map((one) => idleRow(one));
        if (input["propose"] !== true || idle.length === 0) return { idle: found };
        requireOwner(context.owner);
        const before = readPolicyFiles(parts.home.dir)[RULES_FILE] ?? "rules: []\n";
        const edits = idle.map(({ rule }) => ({ kind: "remove-rule", id: rule.id }) as const);
        writeRules(parts, editRules(before, edits));
        return { idle: found, ...planned(parts.policy.proposal()) };
      },
    },
  ];
}

interface Uses {
  readonly count: number;
  readonly lastAtMs: number | null;
}

function listed(parts: RuleReviewParts): readonly JsonObject[] {
  const nowMs = parts.clock.nowMs();
  const bans = banUses(parts.store, nowMs - USES_DAYS * DAY_MS);
  return parts.policy.current().rules.map((rule) => {
    const uses = rule.answer === "deny" ? bans.get(rule.id) : allowUses(parts.store, rule.id, nowMs);
    return {
      id: rule.id,
      answer: rule.answer,
      tool: rule.tool,
      sentence: ruleSentence(rule),
      reason: rule.reason,
      uses: uses?.count ?? 0,
      lastUseAtMs: uses?.lastAtMs ?? null,
      usesToday: parts.store.ledger.usesOf(rule.id, nowMs - DAY_MS),
      perDay: rule.perDayMax,
      expiresAtMs: rule.expiresAtMs,
      expired: rule.expiresAtMs !== null && rule.expiresAtMs <= nowMs,
    };
  });
}

/** The ledger counts uses since a time; the last one is where the count turns to nothing. */
function allowUses({ ledger }: Store, id: string, nowMs: number): Uses {
  const sinceMs = nowMs - USES_DAYS * DAY_MS;
  const count = ledger.usesOf(id, sinceMs);
  if (count === 0) return { count, lastAtMs: null };
  let [from, to] = [sinceMs, nowMs + 1];
  while (to - from > 1) {
    const middle = Math.floor((from + to) / 2);
    if (ledger.usesOf(id, middle) > 0) from = middle;
    else to = middle;
  }
  return { count, lastAtMs: from };
}

/** Of the last ten thousand denials. */
function banUses(store: Store, sinceMs: number): ReadonlyMap<string, Uses> {
  const uses = new Map<string, Uses>();
  for (const entry of store.ledger.entries({ kind: "denied", limit: DENIED_MAX })) {
    const id = entry.atMs < sinceMs ? undefined : banOf(entry);
    if (id !== undefined) uses.set(id, { count: (uses.get(id)?.count ?? 0) + 1, lastAtMs: entry.atMs });
  }
  return uses;
}

function banOf(entry: LedgerEntry): string | undefined {
  return clausesOf(entry)
    .map((clause) => /^C0 deny: your rule ([a-z0-9-]{1,31}): /.exec(clause)?.[1])
    .find((id) => id !== undefined);
}

function tried(parts: RuleReviewParts, input: JsonObject): JsonObject {
  const tool = text(input, "tool");
  const principal = principalIn(maybeText(input, "principal") ?? "agent");
  const args = maybeObject(input, "args") ?? {};
  const { cards, rules } = parts.policy.current();
  const card = cards.get(tool);
  if (card === undefined) {
    const hint = didYouMean(tool, [...cards.keys()]);
    throw new Fault("rules.no-card", { message: `there is no accepted card for ${oneLine(tool, 100)}.${hint}` });
  }
  const nowMs = parts.clock.nowMs();
  const usesToday = (id: string): number => parts.store.ledger.usesOf(id, nowMs - DAY_MS);
  const call: RuleCall = {
    principal: input["principal"] === undefined ? "agent" : text(input, "principal"),
    card,
    args,
    nowMs,
    usesToday,
  };
  const decision = parts.preview(principal, tool, args);
  return {
    tool,
    principal: call.principal,
    decision: decision.kind,
    because: decision.because,
    clauses: decision.clauses.map((given) => ({ ...given })),
    rules: indexRules(rules)
      .for(tool)
      .map((rule) => ({ id: rule.id, sentence: ruleSentence(rule), ...said(rule, call) })),
  };
}

function principalIn(given: string): Principal {
  try {
    return principalFrom(given);
  } catch (error) {
    const message = `'${oneLine(given, 60)}' names nobody who asks.`;
    throw new Fault("control.input", {
      message,
      next: "agent, client:NAME or automation:NAME",
      cause: reasonOf(error),
    });
  }
}

type Said = { readonly says: "allow" | "deny" | "nothing"; readonly why: string };

/** The kernel decides; the words only say which of its conditions failed. */
function said(rule: Rule, call: RuleCall): Said {
  if (allows(rule, call)) return { says: "allow", why: "every argument fits" };
  if (denies(rule, call)) return { says: "deny", why: "nothing it states is sure to miss" };
  return { says: "nothing", why: whyNot(rule, call) };
}

function whyNot(rule: Rule, call: RuleCall): string {
  if (rule.expiresAtMs !== null && rule.expiresAtMs <= call.nowMs) {
    return `it expired on ${dayWords(rule.expiresAtMs - 1)}`;
  }
  if (rule.principals.length > 0 && !rule.principals.includes(call.principal)) {
    return `it is for ${rule.principals.join(", ")}`;
  }
  for (const [name, match] of Object.entries(rule.args)) {
    const value = Object.hasOwn(call.args, name) ? call.args[name] : undefined;
    const shown = oneLine(name, 60);
    if (value === undefined) return `the call has no ${shown}`;
    const fit = fitOf(match, value);
    if (fit === "no") return `not ${matchWords(shown, match)}`;
    if (fit === "unclear" && rule.answer === "allow")
      return `it cannot be told whether it is ${matchWords(shown, match)}`;
  }
  const unnamed = Object.keys(call.args).find(
    (name) => !Object.hasOwn(rule.args, name) && roleOf(call.card, name) !== "content",
  );
  if (unnamed !== undefined) return `it does not name ${oneLine(unnamed, 60)}`;
  return `its ${rule.perDayMax ?? 0} uses of today are spent`;
}

/** Only permissions and what has expired: taking a ban away that merely waits would allow more. */
async function idleRules(parts: RuleReviewParts): Promise<readonly Idle[]> {
  const nowMs = parts.clock.nowMs();
  const { rules, cards } = parts.policy.current();
  const pasts = new Map<string, Past>();
  const idle: Idle[] = [];
  for (const rule of rules) {
    const known = idleByItself(rule, rules, nowMs);
    if (known !== null) idle.push(known);
    else if (rule.answer === "allow" && parts.store.ledger.usesOf(rule.id, nowMs - USES_DAYS * DAY_MS) === 0) {
      const past = pasts.get(rule.tool) ?? (await pastRequests(parts.store, rule.tool));
      pasts.set(rule.tool, past);
      if (matchesNothing(rule, cards.get(rule.tool), past)) idle.push({ kind: "never", rule });
    }
  }
  return idle;
}

function matchesNothing(rule: Rule, card: ToolCard | undefined, past: Past): boolean {
  return card === undefined || fittingOf(rule, card, past.requests).length === 0;
}

function idleRow(idle: Idle): JsonObject {
  const { kind, rule } = idle;
  return {
    kind,
    rule: rule.id,
    sentence: ruleSentence(rule),
    why: whyIdle(idle),
    by: kind === "shadowed" ? idle.by.id : null,
  };
}

function whyIdle(idle: Idle): string {
  switch (idle.kind) {
    case "expired":
      return `it expired on ${dayWords((idle.rule.expiresAtMs ?? 0) - 1)}`;
    case "shadowed":
      return idle.by.answer === "deny"
        ? `your ban ${idle.by.id} always wins over it`
        : `your rule ${idle.by.id} allows all of it already`;
    case "never":
      return `it was not used in ${USES_DAYS} days, and nothing that was asked before fits it`;
  }
}
