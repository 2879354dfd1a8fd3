// What was asked of a tool before, put together from the ledger: each request with its arguments and how it ended.

import { setImmediate } from "node:timers/promises";
import { isObject, parseStrict, textAt, type JsonObject, type LedgerEntry } from "../kernel/index.ts";
import type { Store } from "../store/index.ts";

/** `ran` is without a question; `unanswered` also when the question was withdrawn. */
export type PastEnd = "no" | "denied" | "unanswered" | "yes" | "ran";

export interface PastRequest {
  readonly request: string;
  readonly atMs: number;
  readonly principal: string;
  /** Null when the text was forgotten, or was kept in part only. */
  readonly args: JsonObject | null;
  /** As recorded: `C1 ask: would carry …`. */
  readonly clauses: readonly string[];
  readonly ended: PastEnd;
}

export interface Past {
  /** In the order in which they came. */
  readonly requests: readonly PastRequest[];
  /** There may be older ones that were not looked at. */
  readonly isCut: boolean;
}

export const PAST_ENTRIES_MAX = 5_000;
const WINDOW = 5_000;
const SCANNED_MAX = 500_000;
const TEXT_CHARS_MAX = 32 * 1024 * 1024;
const TEXTS_PER_TURN = 200;

/** Gives way to the door between windows: a long ledger must not hold anybody up. */
export async function pastRequests(store: Store, tool: string): Promise<Past> {
  const windows: (readonly LedgerEntry[])[] = [];
  let before = store.ledger.head().size + 1;
  let [scanned, found] = [0, 0];
  while (before > 1 && found < PAST_ENTRIES_MAX && scanned < SCANNED_MAX) {
    const after = Math.max(0, before - 1 - WINDOW);
    const window = store.ledger.entries({ after, before, limit: WINDOW, subject: tool }).filter(isTelling);
    windows.push(window);
    found += window.length;
    scanned += WINDOW;
    before = after + 1;
    await setImmediate();
  }
  const entries = windows.toReversed().flat();
  const isCut = before > 1 || entries.length > PAST_ENTRIES_MAX;
  return { requests: await assembled(store, entries.slice(-PAST_ENTRIES_MAX)), isCut };
}

function isTelling(entry: LedgerEntry): boolean {
  return ["question", "intent", "denied", "answer"].includes(entry.kind) && entry.request !== null;
}

/** A request that was asked and then let through has two entries with the same arguments; the first one counts. */
async function assembled(store: Store, entries: readonly LedgerEntry[]): Promise<readonly PastRequest[]> {
  const firsts = new Map<string, LedgerEntry>();
  const answers = new Map<string, string>();
  for (const entry of entries) {
    const request = entry.request ?? "";
    const isTakenBack = entry.principal !== null && entry.principal !== "owner";
    if (entry.kind === "answer") answers.set(request, isTakenBack ? "" : (textAt(entry.facts, "answer") ?? ""));
    else if (!firsts.has(request)) firsts.set(request, entry);
  }
  const requests: PastRequest[] = [];
  let chars = 0;
  for (const [request, entry] of firsts) {
    if (requests.length % TEXTS_PER_TURN === TEXTS_PER_TURN - 1) await setImmediate();
    const text = chars > TEXT_CHARS_MAX ? null : store.ledger.text(entry.seq);
    chars += text?.length ?? 0;
    requests.push({
      request,
      atMs: entry.atMs,
      principal: entry.principal ?? "",
      args: text === null ? null : argsFrom(text),
      clauses: clausesOf(entry),
      ended: endOf(entry, answers.get(request)),
    });
  }
  return requests;
}

function argsFrom(text: string): JsonObject | null {
  const parsed = parseStrict(text);
  return parsed.kind === "value" && isObject(parsed.value) ? parsed.value : null;
}

export function clausesOf(entry: LedgerEntry): readonly string[] {
  const clauses = entry.facts["clauses"];
  return Array.isArray(clauses) ? clauses.filter((clause) => typeof clause === "string") : [];
}

function endOf(entry: LedgerEntry, answer: string | undefined): PastEnd {
  if (answer === "no") return "no";
  if (answer === "yes" || answer === "edit-and-yes") return "yes";
  if (entry.kind === "denied") return "denied";
  return entry.kind === "intent" ? "ran" : "unanswered";
}
