// What may happen by itself when a server has a newer version, and how long a version must have been known first.

import { nameOf, oneOf, report, type SourceNode } from "./reading.ts";

/** `ship`: what a rehearsal would ship is taken over without a question. `never`: it stays as it is. */
export type UpdateWay = "ask" | "ship" | "never";

export const COOLDOWN_DEFAULT_MS = 3 * 86_400_000;
export const CANARY_DEFAULT_MS = 15 * 60_000;
const UNITS = { h: 3_600_000, d: 86_400_000 } as const;
const COOLDOWN_MAX_MS = 365 * UNITS.d;

export function updateOf(node: SourceNode): UpdateWay {
  return oneOf(node, ["ask", "ship", "never"]);
}

/** Milliseconds; `none` is 0. */
export function cooldownOf(node: SourceNode): number {
  if (node.content === "none") return 0;
  const written = /^([1-9]\d{0,3})([hd])$/.exec(typeof node.content === "string" ? node.content : "");
  const lengthMs = Number(written?.[1]) * (written?.[2] === "h" ? UNITS.h : UNITS.d);
  if (lengthMs <= COOLDOWN_MAX_MS) return lengthMs;
  report(node, {
    code: "bad-value",
    message: `${nameOf(node)} must be none, or a time such as 12h or 7d (at most 365d).`,
  });
  return COOLDOWN_DEFAULT_MS;
}

export function cooldownText(lengthMs: number): string {
  if (lengthMs === 0) return "none";
  return lengthMs % UNITS.d === 0 ? `${lengthMs / UNITS.d}d` : `${Math.round(lengthMs / UNITS.h)}h`;
}
