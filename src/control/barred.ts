// Versions that the owner rolled back from. They stay refused until the owner lets them in again.

import { Fault, isObject, parseStrict, type Digest, type JsonObject } from "../kernel/index.ts";
import type { Settings } from "../store/index.ts";
import type { Generation } from "../supply/index.ts";

export interface Barred {
  /** A server's name, or `freehold`. */
  readonly name: string;
  /** As `stack.lock` names it, such as `npm:server@1.2.3`. */
  readonly source: string;
  /** Null for a server that runs elsewhere. */
  readonly tree: Digest | null;
  readonly reason: string;
  readonly atMs: number;
}

const KEY = "barred";
const BARRED_MAX = 500;
export const FREEHOLD = "freehold";

export function barredList(settings: Settings): readonly Barred[] {
  const parsed = parseStrict(settings.get(KEY) ?? "[]");
  const list: readonly unknown[] = parsed.kind === "value" && Array.isArray(parsed.value) ? parsed.value : [];
  return list.flatMap((item) => (isObject(item) ? (barredIn(item) ?? []) : []));
}

export function barredRows({ settings }: { readonly settings: Settings }): readonly JsonObject[] {
  return barredList(settings).map((item) => ({ ...item }));
}

function barredIn(item: JsonObject): Barred | null {
  const { name, source, tree, reason, atMs } = item;
  if (typeof name !== "string" || typeof source !== "string" || typeof reason !== "string") return null;
  if (typeof atMs !== "number" || (tree !== null && typeof tree !== "string")) return null;
  return { name, source, tree, reason, atMs };
}

/** Inside the transaction that switches. The newest reason for a version stays; the oldest versions go first. */
export function bar(settings: Settings, added: readonly Barred[]): void {
  if (added.length === 0) return;
  const kept = barredList(settings).filter((old) => !added.some((one) => isSame(one, old)));
  save(settings, [...kept, ...added].slice(-BARRED_MAX));
}

/** What the owner goes back to on purpose is not refused any more. Inside the transaction that switches. */
export function admit(settings: Settings, trees: readonly Digest[]): void {
  const list = barredList(settings);
  const kept = list.filter(({ tree }) => tree === null || !trees.includes(tree));
  if (kept.length < list.length) save(settings, kept);
}

/** By server, `freehold`, or source. Faults: `barred.unknown`. */
export function unbar(settings: Settings, what: string): readonly Barred[] {
  const list = barredList(settings);
  const freed = list.filter(({ name, source }) => name === what || source === what);
  if (freed.length === 0) {
    const message = `nothing called '${what.slice(0, 80)}' is barred.`;
    throw new Fault("barred.unknown", { message, next: "freehold status" });
  }
  save(
    settings,
    list.filter((item) => !freed.includes(item)),
  );
  return freed;
}

/** Faults with `barred` and the reason when this very version was rolled back from. */
export function refuseBarred(
  settings: Settings,
  wanted: { readonly source: string; readonly tree: Digest | null },
): void {
  const found = barredList(settings).find((item) => isSame(item, wanted));
  if (found === undefined) return;
  throw new Fault("barred", {
    message: `${found.source} is barred: ${found.reason}.`,
    next: `freehold unbar ${found.name}, if you want it all the same`,
  });
}

type Version = Pick<Barred, "source" | "tree">;

/** The same files are the same version, whatever their source is called; a server elsewhere has only its address. */
function isSame(one: Version, other: Version): boolean {
  if (one.tree !== null && other.tree !== null) return one.tree === other.tree;
  return one.source === other.source;
}

function save(settings: Settings, list: readonly Barred[]): void {
  settings.set(KEY, JSON.stringify(list));
}

/** What ran in the generation that is left, and does not in the one that is gone back to. */
export function rejected(
  from: Generation,
  to: Generation,
  {
    sourceOf,
    reason,
    atMs,
  }: { readonly sourceOf: (server: string) => string; readonly reason: string; readonly atMs: number },
): readonly Barred[] {
  const servers = Object.entries(from.trees).flatMap(([name, tree]): readonly Barred[] => {
    const before = to.trees[name];
    return before === undefined || before === tree ? [] : [{ name, source: sourceOf(name), tree, reason, atMs }];
  });
  if (from.build.tree === null || from.build.code === to.build.code) return servers;
  const source = `${FREEHOLD}@${from.build.version}`;
  return [...servers, { name: FREEHOLD, source, tree: from.build.tree, reason, atMs }];
}
