// How long an allowed effect is held: its card says so, else the compartment of its server. Reads are never held.

import { endOfWait } from "../manifest/index.ts";
import type { ActivePolicy } from "./policy.ts";

/** The end of the hold of a call that is allowed now, outside the quiet hours; null where there is none. */
export function holdEnd(
  call: { readonly policy: ActivePolicy; readonly request: { readonly tool: string } },
  nowMs: number,
): number | null {
  const lengthMs = holdLength(call.policy, call.request.tool);
  return lengthMs === 0 ? null : endOfWait(call.policy.stack.owner, nowMs, lengthMs);
}

export function holdLength({ stack, cards }: ActivePolicy, tool: string): number {
  const card = cards.get(tool);
  const server = stack.servers[tool.slice(0, Math.max(0, tool.indexOf(".")))];
  if (card === undefined || card.effect === "read" || server === undefined) return 0;
  return card.holdMs ?? stack.compartments[server.compartment]?.holdMs ?? 0;
}
