// Nano-USD in the owner's currency.

import type { Stack } from "../manifest/index.ts";

type Currency = Stack["owner"]["currency"];

/** `usd` is what one dollar costs in it. */
export function inCurrency(nanoUsd: number, { usd }: Currency): number {
  return (nanoUsd / 1e9) * usd;
}

/** `0.0123 EUR`: three digits that say something, and none of a cent's billionth. */
export function moneyText(nanoUsd: number, currency: Currency): string {
  const amount = inCurrency(nanoUsd, currency);
  if (amount === 0) return `0 ${currency.code}`;
  const digits = amount >= 1 ? 2 : Math.min(9, 2 - Math.floor(Math.log10(amount)));
  return `${amount.toFixed(digits)} ${currency.code}`;
}
