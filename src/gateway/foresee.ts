// What one question about a whole task shows: the outline that waits, and the foreseen calls that would ask.
// It decides nothing: the question's yes is bound to what stands in it.

import { CALLS_MAX, type ClauseAnswer, type ForeseenCall, type Label, type Task } from "../kernel/index.ts";
import { inOrder, look, type CaseParts } from "./case.ts";
import type { Session } from "./sessions.ts";

/** What a call would meet once something was read. */
const STRANGERS: Label = { compartments: [], integrity: "third-party", secret: false };
const WAITS = { clause: "C4", answer: "ask", reason: "the outline waits for your yes" } as const;

export interface Foreseen {
  readonly task: Task;
  /** Why it is asked; never empty. */
  readonly clauses: readonly [ClauseAnswer, ...ClauseAnswer[]];
}

/** Null where the outline needs no yes and fewer than two calls would ask. */
export function foresee(parts: CaseParts, session: Session, calls: readonly ForeseenCall[]): Foreseen | null {
  const { proposed } = session.provenance;
  const outline = proposed === null || proposed.size === 0 ? null : Object.fromEntries(proposed);
  const asked = calls
    .slice(0, CALLS_MAX)
    .map(({ tool, args, open }) => ({ call: { tool, args, open }, asks: asksOf(parts, session, { tool, args, open }) }))
    .filter(({ call, asks }) => asks.length > 0 || call.open.length > 0);
  const all = [...(outline === null ? [] : [WAITS]), ...asked.flatMap(({ asks }) => asks)];
  const [first, ...rest] = new Map(all.map((each) => [each.clause + each.reason, each])).values();
  const exact = asked.filter(({ asks }) => asks.length > 0).length;
  if (first === undefined || (outline === null && exact < 2)) return null;
  return { task: { outline, calls: asked.map(({ call }) => call) }, clauses: [first, ...rest] };
}

/** What a complete call would ask after a stranger's text; nothing where a yes to it could not answer all of it. */
function asksOf(parts: CaseParts, session: Session, { tool, args, open }: ForeseenCall): readonly ClauseAnswer[] {
  if (open.length > 0) return [];
  const request = { session: session.id, principal: session.principal, tool, args: inOrder(args) };
  const { decision } = look(parts, request, { id: "", stopped: false, handles: STRANGERS });
  const asks = decision.clauses.filter((each) => each.answer === "ask");
  return decision.kind === "ask" && asks.every(({ clause }) => clause > "C2") ? asks : [];
}
