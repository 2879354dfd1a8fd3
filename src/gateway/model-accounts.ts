// Which accounts a call of a model is charged to, and what each may hold. Amounts are nano-USD, or tokens.
// Invariant: whatever has a limit that the owner wrote is claimed.

import { principalText, type Clock, type ModelRequest } from "../kernel/index.ts";
import type { Stack } from "../manifest/index.ts";
import type { Claim } from "../store/index.ts";

const NANO = 1e9;
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/** Days and months are the owner's. */
export function accountsOf(
  { clock, stack }: { readonly clock: Clock; readonly stack: Stack },
  { session, principal }: Pick<ModelRequest, "session" | "principal">,
  { nanoUsd, tokens }: { readonly nanoUsd: number; readonly tokens: number },
): readonly Claim[] {
  const { day, month, sessionTokens } = stack.budgets;
  const date = dateIn(stack.owner.timezone, clock.nowMs());
  const money = (account: string, limit: number | null): Claim => ({
    account,
    amount: nanoUsd,
    // `usd` is what one dollar costs in the owner's currency.
    limit: limit === null ? NO_LIMIT : Math.min(NO_LIMIT, Math.floor((limit / stack.owner.currency.usd) * NANO)),
  });
  const client = principal.kind === "client" ? stack.clients[principal.name] : undefined;
  const own = client === undefined ? [] : [money(`day:${date}/${principalText(principal)}`, client.budget)];
  const claims = [
    money(`day:${date}`, day),
    money(`month:${date.slice(0, 7)}`, month),
    ...own,
    // Children count with the conversation that opened them.
    { account: `tokens:${session.split("/")[0] ?? ""}`, amount: tokens, limit: sessionTokens ?? NO_LIMIT },
  ];
  // What is free is asked of no budget, and may go on when that is spent.
  return claims.filter(({ amount }) => amount > 0);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** `2026-11-22` */
export function dateIn(timeZone: string, atMs: number): string {
  const known = formats.get(timeZone) ?? new Intl.DateTimeFormat("en-CA", { timeZone, dateStyle: "short" });
  formats.set(timeZone, known);
  return known.format(atMs);
}
