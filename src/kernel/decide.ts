// The decision: every clause runs, the strictest answer wins, no answer is a deny. Pure.
// Invariants: an error in a clause denies; adding a label or a deny rule never turns a decision milder.

import { overCap, type CapName, type Caps } from "./caps.ts";
import { hasEgress, roleOf, type ToolCard } from "./cards.ts";
import { reasonOf } from "./fault.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { isTainted, join, outside, type Label } from "./labels.ts";
import { hasFewRights, principalText, type Principal } from "./principals.ts";
import { allows, denies, type Rule, type RuleCall, type RuleIndex } from "./rules.ts";
import { isGiven, isOwners, type Provenance } from "./provenance.ts";
import { oneLine } from "./shown.ts";
import { agreedIn } from "./task.ts";
import { pointersIn } from "./words.ts";

export const CLAUSES = ["C0", "C1", "C2", "C3", "C4", "C5"] as const;
export type ClauseId = (typeof CLAUSES)[number];
export type Answer = "deny" | "ask" | "allow";

export interface ClauseAnswer {
  readonly clause: ClauseId;
  readonly answer: Answer;
  readonly reason: string;
  readonly rule?: string;
}

export interface Decision {
  readonly kind: Answer;
  readonly because: ClauseId;
  readonly clauses: readonly ClauseAnswer[];
}

/** What a session has seen and been told, as far as a decision needs it. */
export interface SessionFacts extends Readonly<Provenance> {
  readonly label: Label;
}

export interface Facts {
  readonly nowMs: number;
  readonly stopped: boolean;
  readonly principal: Principal;
  readonly tool: string;
  readonly args: JsonObject;
  readonly card: ToolCard | null;
  readonly pin: "same" | "differs" | "absent";
  readonly schemaFault: string | null;
  readonly overBudget: string | null;
  readonly caps: Caps;
  readonly session: SessionFacts;
  /** Labels of handles that the arguments name. */
  readonly handles: Label;
  readonly sink: { readonly compartments: readonly string[]; readonly network: boolean };
  readonly receiver: readonly string[];
  readonly rules: RuleIndex;
  /** The owner lets run in this compartment what a card can undo. */
  readonly reversibleFree?: boolean;
  usesToday(ruleId: string): number;
  /** Effects of this run so far, each cap's own. */
  usedOf(cap: CapName): number;
}

/** What several clauses look at, found once. */
interface Call {
  readonly facts: Facts;
  readonly card: ToolCard;
  readonly forRules: RuleCall;
  /** The owner's rule that allows exactly this. */
  readonly rule: Rule | null;
  /** The question in which the owner said yes to exactly this call before it was made. */
  readonly agreed: string | null;
  /** What the session has read, with what the handles in the arguments stand for. */
  readonly carried: Label;
  /** Egress arguments make a read an effect: what they name receives something. */
  readonly isPlainRead: boolean;
  readonly isEgress: boolean;
}

type Clause = (call: Call) => ClauseAnswer | null;
export type Decide = (facts: Facts) => Decision;

/** A deny, not silence: else another clause's ask would be milder than what a clean session gets. */
const NEEDS_RULE = "who asks may do only what a rule of yours allows";
const NAMES_SHOWN_MAX = 8;
const NAME_LENGTH_MAX = 40;
const STRENGTH: Readonly<Record<Answer, number>> = { allow: 0, ask: 1, deny: 2 };

export function decide(facts: Facts): Decision {
  const clauses = answersTo(facts);
  const strictest = clauses.reduce((one, other) => (STRENGTH[other.answer] > STRENGTH[one.answer] ? other : one));
  return { kind: strictest.answer, because: strictest.clause, clauses };
}

/** Never empty: where no clause answers or one fails, the answer is no. */
function answersTo(facts: Facts): readonly ClauseAnswer[] {
  try {
    const answers = runClauses(facts);
    return answers.length > 0 ? answers : [answer("C0", "deny", "nothing allows it")];
  } catch (error) {
    return [answer("C0", "deny", `the decision failed: ${reasonOf(error)}`)];
  }
}

function runClauses(facts: Facts): readonly ClauseAnswer[] {
  if (facts.card === null) return [answer("C0", "deny", `no accepted card for ${facts.tool}`)];
  const call = callOf(facts, facts.card);
  const clauses: readonly Clause[] = [hardLimits, flow, plainRead, ownersEffect, outlined, ownersContent];
  return clauses.flatMap((clause) => clause(call) ?? []);
}

function callOf(facts: Facts, card: ToolCard): Call {
  const forRules: RuleCall = {
    principal: principalText(facts.principal),
    card,
    args: facts.args,
    nowMs: facts.nowMs,
    usesToday: (ruleId) => facts.usesToday(ruleId),
  };
  const isEgress = hasEgress(card, facts.args);
  return {
    facts,
    card,
    forRules,
    rule: facts.rules.for(facts.tool).find((rule) => rule.tool === facts.tool && allows(rule, forRules)) ?? null,
    agreed: agreedIn(facts.session, facts.tool, facts.args),
    carried: join(facts.session.label, facts.handles),
    isPlainRead: card.effect === "read" && !isEgress,
    isEgress,
  };
}

function answer(clause: ClauseId, given: Answer, reason: string): ClauseAnswer {
  return { clause, answer: given, reason };
}

/** Names come from whoever calls; reasons stay in the ledger for ever. */
function named(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN_MAX).map((name) => oneLine(name, NAME_LENGTH_MAX));
  return names.length > shown.length ? `${shown.join(", ")} and ${names.length - shown.length} more` : shown.join(", ");
}

function byRule(clause: ClauseId, rule: Rule): ClauseAnswer {
  return { clause, answer: rule.answer, reason: `your rule ${rule.id}: ${rule.reason}`, rule: rule.id };
}

function hardLimits({ facts, card, forRules, isPlainRead }: Call): ClauseAnswer | null {
  if (facts.stopped) return answer("C0", "deny", "everything is stopped");
  if (card.tool !== facts.tool) return answer("C0", "deny", "the card is another tool's");
  if (facts.pin !== "same") return answer("C0", "deny", "the tool is not what you accepted");
  if (facts.schemaFault !== null) return answer("C0", "deny", `arguments do not fit: ${facts.schemaFault}`);
  if (facts.overBudget !== null) return answer("C0", "deny", facts.overBudget);
  const over = isPlainRead ? null : overCap(card, facts.caps, (cap) => facts.usedOf(cap));
  if (over !== null) return answer("C0", "deny", over);
  const ban = facts.rules.for(facts.tool).find((rule) => denies(rule, forRules));
  return ban === undefined ? null : byRule("C0", ban);
}

function flow({ facts, card, carried, isEgress }: Call): ClauseAnswer | null {
  const lost = outside({ ...facts.session.label, compartments: card.result.compartments }, facts.receiver);
  if (lost.length > 0) return answer("C1", "deny", `who asks is not cleared for ${lost.join(", ")}`);
  const isSink = card.effect !== "read" || facts.sink.network || isEgress;
  // What a handle stands for is in the arguments themselves, whatever becomes of them.
  const leaving = outside(isSink ? carried : facts.handles, facts.sink.compartments);
  if (leaving.length > 0) return answer("C1", "ask", `would carry ${leaving.join(", ")} data out of its compartment`);
  if (carried.secret && (card.effect === "send" || isEgress)) {
    return answer("C1", "ask", "this conversation has read a secret");
  }
  return null;
}

function plainRead({ facts, rule, isPlainRead }: Call): ClauseAnswer | null {
  if (!isPlainRead) return null;
  if (!hasFewRights(facts.principal)) return answer("C2", "allow", "a read you accepted with its card");
  return rule === null ? answer("C2", "deny", NEEDS_RULE) : byRule("C2", rule);
}

function ownersEffect({ facts, card, rule, agreed, carried, isPlainRead, isEgress }: Call): ClauseAnswer | null {
  if (isPlainRead) return null;
  if (rule === null && hasFewRights(facts.principal)) return answer("C3", "deny", NEEDS_RULE);
  if (agreed !== null) return answer("C3", "allow", `you said yes to exactly this in question ${agreed}`);
  if (card.effect === "credential") return answer("C3", "ask", "it handles a credential");
  if (rule !== null) return byRule("C3", rule);
  if (card.effect === "exec") return answer("C3", "ask", "it runs a program");
  if (facts.reversibleFree === true && card.effect === "write-reversible" && card.undo !== undefined && !isEgress) {
    return answer("C3", "allow", "it can be undone, and you let that run");
  }
  const isClean = !isTainted(carried);
  const foreign = Object.entries(facts.args).filter(([argument, value]) => {
    return roleOf(card, argument) !== "content" && !isOwners(facts.session, { card, argument, isClean }, value);
  });
  if (foreign.length > 0) return answer("C3", "ask", `not in your words: ${named(foreign.map(([name]) => name))}`);
  if (facts.session.words === null) return answer("C3", "ask", "you did not ask for it in your own words");
  return answer("C3", "allow", "every deciding value is yours");
}

function outlined({ facts, rule, agreed, carried, isPlainRead }: Call): ClauseAnswer | null {
  if (isPlainRead || rule !== null || agreed !== null || !isTainted(carried)) return null;
  const outline = facts.session.outline;
  if (outline === null) return answer("C4", "ask", "untrusted text was read, and there was no outline before it");
  if ((outline.get(facts.tool) ?? 0) > 0) return null;
  return answer("C4", "ask", "untrusted text was read, and this was not in the outline before it");
}

function ownersContent({ facts, card, rule, agreed, carried, isPlainRead }: Call): ClauseAnswer | null {
  if (isPlainRead || agreed !== null || !isTainted(carried)) return null;
  for (const [name, value] of Object.entries(facts.args)) {
    if (roleOf(card, name) !== "content" || (rule !== null && Object.hasOwn(rule.args, name))) continue;
    const foreign = stringsIn(value)
      .flatMap((text) => pointersIn(text))
      .filter((pointer) => !isGiven(facts.session, pointer));
    if (foreign.length > 0)
      return answer("C5", "ask", `${named([name])} brings a link, address or number that is not yours`);
  }
  return null;
}

function stringsIn(value: JsonValue): readonly string[] {
  if (typeof value === "number") return [String(value)];
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap((item: JsonValue) => stringsIn(item));
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).flatMap(([key, item]) => [key, ...stringsIn(item)]);
  }
  return [];
}
