// How often one run may act, whatever else allows it. A run is a conversation with all its children.
// Invariant: a call adds to the counts that it is judged by, and to no others.

import type { ToolCard } from "./cards.ts";

export const CAPS = ["effects", "perTool", "sends", "spends"] as const;
export type CapName = (typeof CAPS)[number];

/** Null is no cap. */
export type Caps = Readonly<Record<CapName, number | null>>;

export const NO_CAPS: Caps = { effects: null, perTool: null, sends: null, spends: null };

/** What an effect adds one to. */
export function capsOn(card: ToolCard): readonly CapName[] {
  const kind = card.effect === "send" ? "sends" : card.effect === "spend" ? "spends" : null;
  return kind === null ? ["effects", "perTool"] : ["effects", "perTool", kind];
}

const SAYS: Readonly<Record<CapName, string>> = {
  effects: "effects",
  perTool: "uses of this tool",
  sends: "sends",
  spends: "payments",
};

/** Why a call that is an effect may not run any more; null while it may. */
export function overCap(card: ToolCard, caps: Caps, used: (cap: CapName) => number): string | null {
  for (const cap of capsOn(card)) {
    const max = caps[cap];
    if (max !== null && used(cap) >= max) return `this conversation has had its ${max} ${SAYS[cap]}`;
  }
  return null;
}

/** Children count with the conversation that opened them. */
export function capAccount(session: string, tool: string, cap: CapName): string {
  return `run:${session.split("/")[0] ?? ""}:${cap === "perTool" ? tool : cap}`;
}
