// One question for what a task will need: its outline, calls whose arguments are all known, and calls with some open.
// Invariants: a yes covers what the question held; each exact call runs once; an open argument gets nothing.

import { roleOf, type ToolCard } from "./cards.ts";
import { digestOf, isObject, type Digest, type JsonObject, type JsonValue } from "./json.ts";
import { endorse, type Provenance } from "./provenance.ts";

/** In place of a tool's name in the question about a task. No server can be called so. */
export const TASK = "freehold.task";

export interface ForeseenCall {
  readonly tool: string;
  /** The arguments known so far. */
  readonly args: JsonObject;
  /** Names of those that are not known yet; without any, the call is exactly this. */
  readonly open: readonly string[];
}

export interface Task {
  /** Null where the outline needs no yes. */
  readonly outline: Readonly<Record<string, number>> | null;
  readonly calls: readonly ForeseenCall[];
}

export const CALLS_MAX = 50;

export function taskArgs({ outline, calls }: Task): JsonObject {
  return { outline, calls: calls.map((call) => ({ ...call })) };
}

/** Null for what is no task. */
export function taskFrom(args: JsonObject): Task | null {
  const { outline = null, calls = null } = args;
  if (outline !== null && !isCounts(outline)) return null;
  const isList = Array.isArray(calls) && calls.length <= CALLS_MAX && calls.every((call: JsonValue) => isCall(call));
  return isList && Object.keys(args).length <= 2 ? { outline, calls } : null;
}

function isCounts(value: JsonValue): value is Readonly<Record<string, number>> {
  return isObject(value) && Object.values(value).every((count) => Number.isSafeInteger(count) && Number(count) >= 0);
}

function isCall(value: JsonValue): value is JsonObject & ForeseenCall {
  if (!isObject(value) || Object.keys(value).length !== 3) return false;
  const { tool, args = null, open } = value;
  return (
    typeof tool === "string" && isObject(args) && Array.isArray(open) && open.every((name) => typeof name === "string")
  );
}

/** The owner's yes to a task of the present request. Counts that were spent while it waited do not come back. */
export function agree(
  provenance: Provenance,
  task: Task,
  { question, cardOf }: { readonly question: string; readonly cardOf: (tool: string) => ToolCard | null },
): void {
  if (task.outline !== null && provenance.proposed !== null) {
    const left = provenance.proposed;
    const counts = Object.entries(task.outline).map(
      ([tool, count]) => [tool, Math.min(count, left.get(tool) ?? 0)] as const,
    );
    provenance.outline = new Map(counts);
    provenance.proposed = null;
  }
  for (const { tool, args, open } of task.calls) {
    if (open.length === 0) {
      const key = exactly(tool, args);
      provenance.agreed.set(key, { left: (provenance.agreed.get(key)?.left ?? 0) + 1, question });
      continue;
    }
    const card = cardOf(tool);
    for (const [name, value] of Object.entries(args)) {
      if (card !== null && roleOf(card, name) === "critical") endorse(provenance, value);
    }
  }
}

/** The question in which the owner said yes to exactly this call, where a use is left. */
export function agreedIn(provenance: Readonly<Provenance>, tool: string, args: JsonObject): string | null {
  if (provenance.agreed.size === 0) return null;
  const found = provenance.agreed.get(exactly(tool, args));
  return found === undefined || found.left === 0 ? null : found.question;
}

/** Called when an effect goes through: what it used up of the outline and of the yes to exactly this call. */
export function spend(provenance: Provenance, tool: string, args: JsonObject): void {
  for (const counts of [provenance.outline, provenance.proposed]) {
    const left = counts?.get(tool) ?? 0;
    if (left > 0) counts?.set(tool, left - 1);
  }
  const agreed = provenance.agreed.size === 0 ? undefined : provenance.agreed.get(exactly(tool, args));
  if (agreed !== undefined && agreed.left > 0) agreed.left -= 1;
}

function exactly(tool: string, args: JsonObject): Digest {
  return digestOf({ tool, args });
}
