// What was spent on models, and what left this machine, both from the ledger alone.

import { setImmediate } from "node:timers/promises";
import { Fault, textAt, type Clock, type EntryKind, type JsonObject, type LedgerEntry } from "../kernel/index.ts";
import type { Store } from "../store/index.ts";
import { maybeNumber } from "./input.ts";
import { numberAt } from "./model-lines.ts";
import { inCurrency } from "./money.ts";
import type { Operation } from "./operation.ts";
import type { PolicyState } from "./policy-state.ts";

export interface SpendParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly policy: Pick<PolicyState, "current">;
  /** `2026-11-22`, of the owner: accounts are named after it. */
  today(): string;
}

const DAY_MS = 86_400_000;
const SPEND_DAYS = 30;
const EGRESS_DAYS = 7;
const SINCE_DAYS_MAX = 3_650;
const WINDOW = 2_000;
/** What is older than this many entries is said to be missing. */
const SCANNED_MAX = 500_000;
const ROWS_MAX = 200;
/** Servers of the product's own, in this process; no server of a stack can be called so. */
const MEMORY = /^memory-/;

export function spendOperations(parts: SpendParts): readonly Operation[] {
  return [
    { name: "spend", needsOwner: false, run: (input) => spend(parts, sinceOf(parts, input, SPEND_DAYS)) },
    { name: "egress", needsOwner: false, run: (input) => egress(parts, sinceOf(parts, input, EGRESS_DAYS)) },
  ];
}

function sinceOf({ clock }: SpendParts, input: JsonObject, days: number): number {
  const spanMs = maybeNumber(input, "spanMs") ?? days * DAY_MS;
  if (spanMs > 0 && spanMs <= SINCE_DAYS_MAX * DAY_MS) return clock.nowMs() - spanMs;
  throw new Fault("ledger.since", { message: `the span is from a moment to ${SINCE_DAYS_MAX} days.` });
}

interface Sum {
  calls: number;
  costNanoUsd: number;
  input: number;
  output: number;
}

async function spend(parts: SpendParts, sinceMs: number): Promise<JsonObject> {
  const { currency } = parts.policy.current().stack.owner;
  const models = new Map<string, Sum>();
  const principals = new Map<string, Sum>();
  const isCut = await eachSince(parts.store, { kinds: ["outcome", "lost"], sinceMs }, (entry) => {
    if (!entry.subject.startsWith("model:")) return;
    const facts =
      entry.kind === "lost" ? { costNanoUsd: numberAt(intentOf(parts, entry), "holdNanoUsd") } : entry.facts;
    add(models, entry.subject.slice("model:".length), facts);
    add(principals, entry.principal ?? "freehold", facts);
  });
  const rows = (sums: ReadonlyMap<string, Sum>): readonly JsonObject[] =>
    [...sums]
      .map(([name, sum]) => ({ name, ...sum, cost: inCurrency(sum.costNanoUsd, currency) }))
      .toSorted((a, b) => b.costNanoUsd - a.costNanoUsd || b.calls - a.calls)
      .slice(0, ROWS_MAX);
  const total = [...models.values()].reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
  return {
    sinceMs,
    isCut,
    currency: { ...currency },
    totalNanoUsd: total,
    total: inCurrency(total, currency),
    models: rows(models),
    principals: rows(principals),
    budgets: budgetsNow(parts),
  };
}

/** What a crash cut off was charged as it was held. */
function intentOf({ store }: SpendParts, lost: LedgerEntry): JsonObject {
  const seq = numberAt(lost.facts, "intent");
  const [intent] = seq > 0 ? store.ledger.entries({ after: seq - 1, limit: 1 }) : [];
  return intent?.facts ?? {};
}

function add(sums: Map<string, Sum>, name: string, facts: JsonObject): void {
  const sum = sums.get(name) ?? { calls: 0, costNanoUsd: 0, input: 0, output: 0 };
  const usage = facts["usage"];
  const isSaid = typeof usage === "object" && usage !== null && !Array.isArray(usage);
  sum.calls += 1;
  sum.costNanoUsd += numberAt(facts, "costNanoUsd");
  if (isSaid && "input" in usage) sum.input += numberAt(usage, "input");
  if (isSaid && "output" in usage) sum.output += numberAt(usage, "output");
  sums.set(name, sum);
}

export function budgetsNow(parts: Pick<SpendParts, "policy" | "store" | "today">): readonly JsonObject[] {
  const { budgets, owner } = parts.policy.current().stack;
  const date = parts.today();
  const accounts = [
    { name: "day", account: `day:${date}`, limit: budgets.day },
    { name: "month", account: `month:${date.slice(0, 7)}`, limit: budgets.month },
  ];
  return accounts.map(({ name, account, limit }) => {
    const { spent, held } = parts.store.budgets.spent(account);
    const inMoney = (nanoUsd: number): number => inCurrency(nanoUsd, owner.currency);
    return { name, limit, spent: inMoney(spent), held: inMoney(held) };
  });
}

interface Left {
  readonly model: string;
  readonly place: string;
  readonly address: string;
  requests: number;
  bytes: number;
  /** By a crash: whether their bytes left, nobody knows. */
  cutOff: number;
}

/** Bytes are known of models; of servers the calls are counted, and of every connection that it was opened. */
async function egress(parts: SpendParts, sinceMs: number): Promise<JsonObject> {
  const models = new Map<string, Left>();
  const calls = new Map<string, number>();
  const connections = new Map<string, { target: string; by: string; opened: number; refused: number }>();
  const { servers } = parts.policy.current().stack;
  const reaches = (name: string): boolean => {
    if (MEMORY.test(name)) return false;
    const server = Object.hasOwn(servers, name) ? servers[name] : undefined;
    if (server === undefined) return true;
    return server.sandbox === "none" || server.sandbox.network !== "none" || /^https?:/.test(server.source ?? "");
  };
  const isCut = await eachSince(parts.store, { kinds: ["outcome", "lost", "connection"], sinceMs }, (entry) => {
    const { kind, subject, facts } = entry;
    if (kind === "connection") addConnection(connections, entry);
    if (kind === "connection" || textAt(facts, "reply") === "not-sent") return;
    if (subject.startsWith("model:")) {
      addModel(models, kind === "lost" ? { ...entry, facts: { ...intentOf(parts, entry), cutOff: 1 } } : entry);
      return;
    }
    const server = subject.slice(0, Math.max(0, subject.indexOf(".")));
    if (server !== "" && reaches(server)) calls.set(server, (calls.get(server) ?? 0) + 1);
  });
  const left = [...models.values()].toSorted((a, b) => b.bytes - a.bytes).slice(0, ROWS_MAX);
  return {
    sinceMs,
    isCut,
    bytes: left.filter(({ place }) => place !== "this-machine").reduce((sum, { bytes }) => sum + bytes, 0),
    models: left.map((one) => ({ ...one })),
    servers: [...calls].map(([name, count]) => ({ name, calls: count })),
    connections: [...connections.values()].toSorted((a, b) => b.opened - a.opened).slice(0, ROWS_MAX),
  };
}

function addModel(models: Map<string, Left>, { subject, facts }: LedgerEntry): void {
  const [model, place] = [subject.slice("model:".length), textAt(facts, "place") ?? ""];
  const address = textAt(facts, "address") ?? "";
  const key = `${model} ${place} ${address}`;
  const row = models.get(key) ?? { model, place, address, requests: 0, bytes: 0, cutOff: 0 };
  row.requests += 1;
  row.cutOff += numberAt(facts, "cutOff");
  row.bytes += numberAt(facts, "sentBytes");
  models.set(key, row);
}

function addConnection(
  connections: Map<string, { target: string; by: string; opened: number; refused: number }>,
  { subject, principal, facts }: LedgerEntry,
): void {
  const purpose = textAt(facts, "purpose") ?? "";
  const by = principal === "freehold" || principal === null ? purpose : principal;
  const key = `${by} ${subject}`;
  const row = connections.get(key) ?? { target: subject, by, opened: 0, refused: 0 };
  if (facts["allowed"] === false) row.refused += 1;
  else row.opened += 1;
  connections.set(key, row);
}

/** True where older entries of the span were left out. Gives way to the door between windows. */
async function eachSince(
  { ledger }: Store,
  { kinds, sinceMs }: { readonly kinds: readonly EntryKind[]; readonly sinceMs: number },
  visit: (entry: LedgerEntry) => void,
): Promise<boolean> {
  for (const kind of kinds) {
    let before = Number.MAX_SAFE_INTEGER;
    for (let scanned = 0; ; scanned += WINDOW) {
      if (scanned >= SCANNED_MAX) return true;
      const window = ledger.entries({ kind, before, limit: WINDOW });
      for (const entry of window) if (entry.atMs >= sinceMs) visit(entry);
      const [oldest] = window;
      if (oldest === undefined || oldest.atMs < sinceMs || window.length < WINDOW) break;
      before = oldest.seq;
      await setImmediate();
    }
  }
  return false;
}
