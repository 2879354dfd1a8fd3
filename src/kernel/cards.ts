// The owner's reviewed description of what a tool can do. Parsed in manifest/cards.ts.

import type { Digest } from "./json.ts";
import type { Integrity } from "./labels.ts";

export const EFFECTS = ["read", "write-reversible", "write", "send", "spend", "credential", "exec"] as const;
export type Effect = (typeof EFFECTS)[number];

/** What each argument decides. An argument that a card does not list is critical. */
export type ArgumentRole = "critical" | "content" | "egress";

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
}

export function roleOf(card: ToolCard, argument: string): ArgumentRole {
  return Object.hasOwn(card.roles, argument) ? (card.roles[argument] ?? "critical") : "critical";
}

export function hasEgress(card: ToolCard, args: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(args).some((name) => roleOf(card, name) === "egress");
}
