// What a rule would have done to the requests that came before it: the owner's check of a permission before it holds.

import { allows, denies, type Rule, type RuleCall, type ToolCard } from "../kernel/index.ts";
import { jsonLine } from "./rule-words.ts";
import type { Past, PastEnd, PastRequest } from "./past-requests.ts";

export interface PastExample {
  readonly request: string;
  readonly atMs: number;
  readonly ended: PastEnd;
  /** The arguments on one line, hidden characters spelled out. */
  readonly call: string;
}

export interface BackTest {
  /** Requests for the tool by the rule's principals whose arguments are known. */
  readonly total: number;
  readonly allowed: number;
  /** Of the allowed ones: the owner had said no. */
  readonly refusedByOwner: number;
  /** The rule fits them, but another clause would still have asked or denied. */
  readonly stillAsked: number;
  /** The rule fits them, but its daily limit was used up. */
  readonly overLimit: number;
  /** Their texts were forgotten or kept in part, so nobody can tell. */
  readonly unknown: number;
  readonly isCut: boolean;
  readonly worst: readonly PastExample[];
}

const DAY_MS = 86_400_000;
const WORST_MAX = 2;
const CALL_LENGTH_MAX = 300;
/** Clauses that no allow rule answers. */
const NOT_A_RULES = /^(?:C0 deny: (?!\d+ questions )|C1 ask|C1 deny|C3 ask: it handles a credential|C5 ask)/;
const WORST_FIRST: readonly PastEnd[] = ["no", "denied", "unanswered", "yes", "ran"];

/** As if the rule had held all along: its own expiry is left out, its daily limit is counted as the door counts it. */
export function backTest(rule: Rule, card: ToolCard, past: Past): BackTest {
  const asked = past.requests.filter(
    ({ principal }) => rule.principals.length === 0 || rule.principals.includes(principal),
  );
  const fitting = fittingOf(rule, card, asked);
  const allowed: PastRequest[] = [];
  let [stillAsked, overLimit, oldest] = [0, 0, 0];
  for (const one of fitting) {
    while ((allowed[oldest]?.atMs ?? Infinity) <= one.atMs - DAY_MS) oldest += 1;
    if (one.clauses.some((clause) => NOT_A_RULES.test(clause))) stillAsked += 1;
    else if (rule.perDayMax !== null && allowed.length - oldest >= rule.perDayMax) overLimit += 1;
    else allowed.push(one);
  }
  const unknown = asked.filter(({ args }) => args === null).length;
  return {
    total: asked.length - unknown,
    allowed: allowed.length,
    refusedByOwner: allowed.filter(({ ended }) => ended === "no").length,
    stillAsked,
    overLimit,
    unknown,
    isCut: past.isCut,
    worst: worstOf(allowed),
  };
}

/** How many requests the rule speaks about, whatever its limit, expiry and the other clauses say. */
export function fittingOf(rule: Rule, card: ToolCard, requests: readonly PastRequest[]): readonly PastRequest[] {
  const lasting: Rule = { ...rule, expiresAtMs: null, perDayMax: null };
  const speaks = rule.answer === "allow" ? allows : denies;
  return requests.filter(({ principal, args, atMs }) => {
    if (args === null) return false;
    const call: RuleCall = { principal, card, args, nowMs: atMs, usesToday: () => 0 };
    return speaks(lasting, call);
  });
}

/** By day as the calendar counts in UTC. */
export function busiestDay(requests: readonly PastRequest[]): number {
  const days = Map.groupBy(requests, ({ atMs }) => Math.floor(atMs / DAY_MS));
  return Math.max(0, ...[...days.values()].map((ones) => ones.length));
}

function worstOf(allowed: readonly PastRequest[]): readonly PastExample[] {
  return allowed
    .toReversed()
    .toSorted((a, b) => WORST_FIRST.indexOf(a.ended) - WORST_FIRST.indexOf(b.ended))
    .slice(0, WORST_MAX)
    .map(({ request, atMs, ended, args }) => ({
      request,
      atMs,
      ended,
      call: jsonLine(args ?? {}, CALL_LENGTH_MAX),
    }));
}

/** "would have allowed 41 of 43, one of which you denied" and what else must be said. */
export function backTestText(test: BackTest): string {
  const { total, allowed, refusedByOwner, stillAsked, overLimit, unknown } = test;
  const denied = allowed === 0 ? "" : `, ${inWords(refusedByOwner)} of which you denied`;
  const parts = [
    total === 0 ? "there is no past request to test it on" : `would have allowed ${allowed} of ${total}${denied}`,
    ...(stillAsked === 0 ? [] : [`${inWords(stillAsked)} more would still have been asked or denied`]),
    ...(overLimit === 0 ? [] : [`${inWords(overLimit)} more would have been over its daily limit`]),
    ...(unknown === 0 ? [] : [`${inWords(unknown)} cannot be told, because the text is no longer kept in full`]),
    ...(test.isCut ? ["older requests were not looked at"] : []),
  ];
  return parts.join("; ");
}

const SMALL = ["none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

function inWords(amount: number): string {
  return SMALL[amount] ?? String(amount);
}
