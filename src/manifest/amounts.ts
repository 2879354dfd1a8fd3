// Money and tokens as the owner writes them.

import * as read from "./reading.ts";
import type { SourceNode } from "./reading.ts";

const MONEY_MAX = 1_000_000;
const TOKENS_MAX = 1_000_000_000_000;

/** In the owner's currency. */
export function moneyOf(amount: SourceNode): number {
  return read.numberOf(amount, { min: 0, max: MONEY_MAX, whole: false });
}

/** `200000`, `200k` or `2M`. */
export function tokensOf(node: SourceNode, min = 0): number {
  const short = typeof node.content === "string" ? /^([1-9]\d{0,5})([kM])$/.exec(node.content) : null;
  if (short !== null) return Number(short[1]) * (short[2] === "k" ? 1_000 : 1_000_000);
  if (typeof node.content === "string") {
    read.report(node, { code: "bad-value", message: `${read.nameOf(node)} must be a number such as 200000 or 200k.` });
    return min;
  }
  return read.numberOf(node, { min, max: TOKENS_MAX, whole: true });
}
