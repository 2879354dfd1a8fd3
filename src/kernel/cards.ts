// The owner's reviewed description of what a tool can do. Parsed in manifest/cards.ts.
// Invariant: what a card does not say is read on the strict side; a card speaks for the pin it was read with alone.

import type { Digest } from "./json.ts";
import type { Integrity } from "./labels.ts";

export const EFFECTS = ["read", "write-reversible", "write", "send", "spend", "credential", "exec"] as const;
export type Effect = (typeof EFFECTS)[number];

/** What each argument decides. An argument that a card does not list is critical. */
export type ArgumentRole = "critical" | "content" | "egress";

/** What takes back a call that ran: a tool of the same server, and where each of its arguments comes from. */
export type Undo = {
  /** `server.tool` */
  readonly tool: string;
  /** `result.` and a dotted path into the structured result, or `args.` and an argument of the call. */
  readonly args: Readonly<Record<string, string>>;
};

export interface ToolCard {
  /** `server.tool`; pseudo-tools are `server.@resources`, `server.@prompts`, `server.@completion`. */
  readonly tool: string;
  readonly effect: Effect;
  readonly result: {
    readonly trust: Integrity;
    readonly compartments: readonly string[];
    readonly secret: boolean;
    readonly mode: "inline" | "handle";
  };
  readonly roles: Readonly<Record<string, ArgumentRole>>;
  /** Structured result fields that name objects, as dotted paths. */
  readonly ids: readonly string[];
  /** Hash of the definition that the owner read. Another hash voids this card. */
  readonly pin: Digest;
  /** How long an allowed effect can still be cancelled; its compartment says so where this is left out. */
  readonly holdMs?: number;
  readonly undo?: Undo;
}

export function roleOf(card: ToolCard, argument: string): ArgumentRole {
  return Object.hasOwn(card.roles, argument) ? (card.roles[argument] ?? "critical") : "critical";
}

export function hasEgress(card: ToolCard, args: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(args).some((name) => roleOf(card, name) === "egress");
}

/** Whatever the card says, a result belongs at least to its server's compartment. */
export function underServer(card: ToolCard, compartment: string): ToolCard {
  if (card.result.compartments.includes(compartment)) return card;
  const compartments = [...card.result.compartments, compartment].sort();
  return { ...card, result: { ...card.result, compartments } };
}

/** The card was read for one definition; it speaks for no other, in the lock or as the server runs now. */
export function pinState(pins: {
  readonly card: Digest | null;
  readonly locked: Digest | null;
  /** Null while the server does not run. */
  readonly running: Digest | null;
}): "same" | "differs" | "absent" {
  if (pins.card === null || pins.locked === null) return "absent";
  if (pins.card !== pins.locked) return "differs";
  return pins.running === null || pins.running === pins.card ? "same" : "differs";
}
