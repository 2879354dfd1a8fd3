// The outline: which tools a request will need, fixed once, before the first call of it can bring a stranger's text.

import { CALLS_MAX, type ForeseenCall, type JsonValue } from "../kernel/index.ts";
import type { Meant } from "./calls.ts";
import type { Toolbox } from "./parts.ts";
import { REMEMBER } from "./prompt.ts";

const NEXT_MAX = 20;

export interface Outline {
  readonly counts: ReadonlyMap<string, number>;
  readonly foreseen: readonly ForeseenCall[];
}

/** What one answer of the model calls, and names as to come. */
export function outlineOf(toolbox: Toolbox, meant: readonly Meant[]): Outline {
  const calls = meant.filter((one) => one.kind === "call");
  const counts = new Map<string, number>();
  const add = (tool: string): void => void counts.set(tool, (counts.get(tool) ?? 0) + 1);
  for (const { known, written } of calls) {
    add(known.tool);
    for (const name of namesIn(written["next"])) {
      const later = name === REMEMBER ? toolbox.remember : toolbox.tool(name);
      if (later !== null) add(later.tool);
    }
  }
  const foreseen = calls.slice(0, CALLS_MAX).map(({ known, args }) => ({ tool: known.tool, args, open: [] }));
  return { counts, foreseen };
}

function namesIn(next: JsonValue | undefined): readonly string[] {
  return Array.isArray(next) ? next.slice(0, NEXT_MAX).filter((name) => typeof name === "string") : [];
}
