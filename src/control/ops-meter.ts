// How often the owner is asked and how fast they answer, from the ledger alone: too many or too quick is not care.

import { textAt, type Clock, type LedgerEntry } from "../kernel/index.ts";
import type { Store } from "../store/index.ts";
import type { Operation } from "./operation.ts";
import { ALIKE_SUBJECT } from "./ops-alike.ts";

export interface MeterParts {
  readonly store: Store;
  readonly clock: Clock;
}

const DAY_MS = 86_400_000;
const DAYS = 14;
const ENTRIES_MAX = 10_000;
/** Nobody has read a question in less. */
const FAST_MS = 2_000;
const PER_DAY_MANY = 10;
const FAST_SHARE_MANY = 0.3;
const FAST_ANSWERS_MIN = 5;

export function meterOperations(parts: MeterParts): readonly Operation[] {
  return [{ name: "meter", needsOwner: false, run: async () => ({ ...meter(parts) }) }];
}

export interface Meter {
  readonly questions: number;
  readonly perDay: number;
  /** Each of the last 14 spans of 24 hours, oldest first. */
  readonly days: readonly number[];
  readonly answered: number;
  /** Null without an answer. */
  readonly medianSeconds: number | null;
  readonly yesShare: number | null;
  readonly fastShare: number | null;
  /** All of it in one line. */
  readonly sentence: string;
  /** One sentence, or empty. */
  readonly advice: string;
}

interface Answer {
  readonly isYes: boolean;
  /** The longest time it can have been looked at: since it was asked, or since the answer before. */
  readonly tookMs: number;
}

export function meter({ store, clock }: MeterParts): Meter {
  const nowMs = clock.nowMs();
  const sinceMs = nowMs - DAYS * DAY_MS;
  const recent = (kind: "question" | "answer" | "owner"): readonly LedgerEntry[] =>
    store.ledger.entries({ kind, limit: ENTRIES_MAX }).filter(({ atMs }) => atMs > sinceMs && atMs <= nowMs);
  const questions = recent("question");
  const days = Array.from({ length: DAYS }, () => 0);
  for (const { atMs } of questions) {
    const day = DAYS - 1 - Math.floor((nowMs - atMs) / DAY_MS);
    days[day] = (days[day] ?? 0) + 1;
  }
  const firstAtMs = store.ledger.entries({ after: 0, limit: 1 })[0]?.atMs ?? nowMs;
  const lived = Math.min(DAYS, Math.max(1, Math.ceil((nowMs - firstAtMs) / DAY_MS)));
  const answers = answersOf(questions, recent("answer"), batchesIn(recent("owner")));
  const share = (fits: (answer: Answer) => boolean): number | null =>
    answers.length === 0 ? null : rounded(answers.filter(fits).length / answers.length);
  const told = {
    questions: questions.length,
    perDay: rounded(questions.length / lived),
    days,
    answered: answers.length,
    medianSeconds: medianSeconds(answers),
    yesShare: share(({ isYes }) => isYes),
    fastShare: share(({ tookMs }) => tookMs < FAST_MS),
  };
  return { ...told, sentence: sentenceOf(told), advice: adviceOn(told, questions) };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Questions that were answered together count as one look: which batch each belongs to. */
function batchesIn(entries: readonly LedgerEntry[]): ReadonlyMap<string, number> {
  const batches = new Map<string, number>();
  for (const entry of entries) {
    const ids = entry.subject === ALIKE_SUBJECT ? entry.facts["questions"] : undefined;
    for (const id of Array.isArray(ids) ? ids : []) if (typeof id === "string") batches.set(id, entry.seq);
  }
  return batches;
}

/** An edited question is answered under a new name with its request's own; it has no time of asking and is left out. */
function answersOf(
  questions: readonly LedgerEntry[],
  answers: readonly LedgerEntry[],
  batches: ReadonlyMap<string, number>,
): readonly Answer[] {
  const askedAtMs = new Map(questions.map(({ facts, atMs }) => [textAt(facts, "question") ?? "", atMs]));
  const found: Answer[] = [];
  let [lastAtMs, lastBatch] = [-Infinity, -1];
  for (const { atMs, facts, principal } of answers) {
    // A program that takes its call back answers nothing.
    if (principal !== "owner") continue;
    const id = textAt(facts, "question") ?? "";
    const asked = askedAtMs.get(id);
    const batch = batches.get(id) ?? -1;
    const isSameLook = batch !== -1 && batch === lastBatch;
    const given = textAt(facts, "answer") ?? "";
    if (asked !== undefined && !isSameLook && given !== "later") {
      found.push({ isYes: given !== "no", tookMs: atMs - Math.max(asked, lastAtMs) });
    }
    [lastAtMs, lastBatch] = [atMs, batch];
  }
  return found;
}

function medianSeconds(answers: readonly Answer[]): number | null {
  const sorted = answers.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return low === undefined || high === undefined ? null : Math.round((low + high) / 200) / 10;
}

type Told = Omit<Meter, "advice" | "sentence">;

function sentenceOf({ questions, perDay, medianSeconds: median, yesShare, fastShare }: Told): string {
  if (questions === 0) return `No questions in ${DAYS} days.`;
  const asked = `${perDay} ${perDay === 1 ? "question" : "questions"} a day over ${DAYS} days`;
  if (median === null) return `${asked}, none answered yet.`;
  const how = `${percent(yesShare)} with yes, ${percent(fastShare)} in under 2 s`;
  return `${asked}, half of them answered within ${median} s, ${how}.`;
}

function percent(share: number | null): string {
  return `${Math.round((share ?? 0) * 100)} %`;
}

function adviceOn(told: Told, questions: readonly LedgerEntry[]): string {
  const isMany = told.perDay > PER_DAY_MANY;
  const isFast = told.answered >= FAST_ANSWERS_MIN && (told.fastShare ?? 0) > FAST_SHARE_MANY;
  if (!isMany && !isFast) return "";
  const asked = `You are asked ${Math.round(told.perDay)} times a day`;
  const fast = `${percent(told.fastShare)} of your answers came in under 2 seconds`;
  const what = isMany && isFast ? `${asked}, and ${fast}` : isMany ? asked : fast;
  const read = isFast ? ", too fast to have been read" : "";
  return `${what}${read}: let a rule answer what you always allow, freehold always ${commonest(questions)}.`;
}

/** The latest question of what is asked most. */
function commonest(questions: readonly LedgerEntry[]): string {
  const groups = Map.groupBy(questions, ({ principal, subject }) => `${principal} ${subject}`);
  const [most] = [...groups.values()].toSorted((a, b) => b.length - a.length);
  const last = most?.at(-1);
  return last === undefined ? "ID" : (textAt(last.facts, "question") ?? "ID");
}
