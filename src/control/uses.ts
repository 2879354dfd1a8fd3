// Who needs a tool: calls of the last 90 days, rules, other cards, automations. For tools that an update takes away.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../kernel/index.ts";
import type { HomePaths } from "../home/index.ts";
import type { Store } from "../store/index.ts";
import type { PolicyState } from "./policy-state.ts";

export interface UseParts {
  readonly home: HomePaths;
  readonly store: Store;
  readonly clock: Clock;
  readonly policy: PolicyState;
}

const SPAN_MS = 90 * 86_400_000;
const ENTRIES_MAX = 200_000;
const WINDOW = 5_000;
const FILES_MAX = 500;
const FILE_BYTES_MAX = 1_048_576;

/** One text for each that is in use: `add (asked for 12 times in 90 days, rule sums)`. */
export async function usesOf(parts: UseParts, server: string, tools: readonly string[]): Promise<readonly string[]> {
  const calls = await callsOf(parts, server, tools);
  const written = automationsOf(parts.home);
  const { rules, cards } = parts.policy.current();
  return tools.flatMap((tool) => {
    const full = `${server}.${tool}`;
    const asked = calls.get(full) ?? 0;
    const uses = [
      ...(asked === 0 ? [] : [`asked for ${asked === 1 ? "once" : `${asked} times`} in 90 days`]),
      ...rules.filter((rule) => rule.tool === full).map(({ id }) => `rule ${id}`),
      ...[...cards.values()].filter(({ undo }) => undo?.tool === full).map((card) => `undo of ${card.tool}`),
      ...written.filter(({ text }) => isNamed(text, server, tool)).map(({ file }) => file),
    ];
    return uses.length === 0 ? [] : [`${tool} (${uses.join(", ")})`];
  });
}

/** As policy or the wire writes it, and not as the beginning of a longer name. */
function isNamed(text: string, server: string, tool: string): boolean {
  return [`${server}.${tool}`, `${server}__${tool}`].some((name) => {
    for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1)) {
      if (!/^[\w-]/.test(text.slice(at + name.length, at + name.length + 1))) return true;
    }
    return false;
  });
}

async function callsOf(
  { store, clock }: UseParts,
  server: string,
  tools: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const wanted = new Set(tools.map((tool) => `${server}.${tool}`));
  const requests = new Map<string, Set<string>>();
  const sinceMs = clock.nowMs() - SPAN_MS;
  let before = store.ledger.head().size + 1;
  let oldestMs = Infinity;
  for (let scanned = 0; before > 1 && scanned < ENTRIES_MAX && oldestMs >= sinceMs; scanned += WINDOW) {
    const after = Math.max(0, before - 1 - WINDOW);
    for (const { subject, atMs, request } of store.ledger.entries({ after, before, limit: WINDOW })) {
      oldestMs = Math.min(oldestMs, atMs);
      if (!wanted.has(subject) || request === null || atMs < sinceMs) continue;
      requests.set(subject, (requests.get(subject) ?? new Set()).add(request));
    }
    before = after + 1;
    // A long ledger must not hold the door up.
    await setImmediate();
  }
  return new Map([...requests].map(([tool, each]) => [tool, each.size]));
}

function automationsOf({
  automationsDir: folder,
}: HomePaths): readonly { readonly file: string; readonly text: string }[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).slice(0, FILES_MAX);
  return files.flatMap((name) => {
    const path = join(folder, name);
    const { size } = statSync(path);
    if (!statSync(path).isFile() || size > FILE_BYTES_MAX) return [];
    return [{ file: `automations/${name}`, text: readFileSync(path, "utf8") }];
  });
}
