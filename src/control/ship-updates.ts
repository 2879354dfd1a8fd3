// Once a day: servers that say `update: ship` are rehearsed, and what ships is taken over. Everything else is a notice.
// Nothing is asked of the network while everything is stopped, and one update is watched to its end before the next.

import { readPolicyFiles } from "../home/index.ts";
import { Fault, isObject, oneLine, parseStrict, textAt, type Clock, type JsonObject } from "../kernel/index.ts";
import type { Random } from "../kernel/index.ts";
import { cardsFile, LOCK_FILE, splitNpm, STACK_FILE } from "../manifest/index.ts";
import { barredList } from "./barred.ts";
import type { Canaries } from "./canaries.ts";
import type { PolicyHistory } from "./policy-state.ts";
import {
  barredOf,
  pickOf,
  propose,
  rehearseServer,
  requireTakeable,
  serverOf,
  writeInHome,
  type Rehearsed,
  type UpdateParts,
} from "./updates.ts";

export type ShipParts = UpdateParts & {
  readonly policy: PolicyHistory;
  readonly canaries: Canaries;
  readonly random: Random;
  readonly door: { isStopped(): boolean };
  readonly onFault: (error: unknown) => void;
  /** Answers how to call it off. */
  readonly wake: (run: () => void, everyMs: number) => () => void;
};

/** A newer version that waits for the owner, or a look that did not come to its end. */
export interface OpenUpdate {
  readonly server: string;
  readonly version: string | null;
  /** The verdict, or why there is none. */
  readonly says: string;
  readonly atMs: number;
}

export interface ShipRun {
  /** Whatever is due now; a test waits for it. */
  look(): Promise<void>;
  close(): void;
}

const OPEN = "updates.open";
const NEXT = "updates.next";
const LOOK_EVERY_MS = 600_000;
const FIRST_MS = 300_000;
const DAY_MS = 86_400_000;
const JITTER_MS = 7_200_000;
const OPEN_MAX = 100;

export function shipUpdates(parts: ShipParts): ShipRun {
  let underway: Promise<void> | null = null;
  const look = (): Promise<void> => (underway ??= lookOnce(parts).finally(() => (underway = null)));
  const callOff = parts.wake(() => void look().catch(parts.onFault), LOOK_EVERY_MS);
  return { look, close: callOff };
}

async function lookOnce(parts: ShipParts): Promise<void> {
  const { store, clock, policy, canaries, door } = parts;
  const { servers } = policy.current().stack;
  const shipping = Object.keys(servers).filter((name) => servers[name]?.update === "ship");
  if (shipping.length === 0 || door.isStopped()) return;
  const due = store.settings.get(NEXT);
  if (due === null) return laterBy(parts, FIRST_MS);
  if (clock.nowMs() < Number(due)) return;
  for (const name of shipping) {
    // Two at once could not be told apart if one must go back.
    if (canaries.list().length > 0 || door.isStopped()) return;
    await shipOne(parts, name);
  }
  laterBy(parts, DAY_MS);
}

/** Homes that were made together do not ask together. */
function laterBy({ store, clock, random }: ShipParts, lengthMs: number): void {
  const [high = 0, low = 0] = random.bytes(2);
  const jitterMs = Math.floor(((high * 256 + low) / 65_536) * JITTER_MS);
  store.settings.set(NEXT, String(clock.nowMs() + lengthMs + jitterMs));
}

async function shipOne(parts: ShipParts, name: string): Promise<void> {
  try {
    const server = serverOf(parts, name);
    const choice = await parts.updates.choose(server);
    if (choice.kind === "unknown") return notice(parts, name, { version: null, says: `unknown: ${choice.why}` });
    const version = choice.kind === "known" ? pickOf(choice, barredOf(parts, server)) : null;
    if (version === null) return forget(parts, name);
    const known = openUpdates(parts).find((open) => open.server === name);
    // Its rehearsal would end as before; the owner has been told.
    if (known?.version === version && !known.says.startsWith("unknown")) return;
    if (parts.policy.proposal() !== null) {
      return notice(parts, name, { version, says: "unknown: changes of yours wait to be applied" });
    }
    const done = await rehearseServer(parts, { name, version, progress: () => undefined, by: "freehold" });
    const { verdict } = done.rehearsal.judged;
    if (verdict !== "ship") return notice(parts, name, { version, says: verdict });
    await takeOver(parts, done);
    forget(parts, name);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    notice(parts, name, { version: null, says: `unknown: ${oneLine(error.message, 200)}` });
  }
}

/** What may not be applied without the owner leaves no trace among their files. */
async function takeOver(parts: ShipParts, done: Rehearsed): Promise<void> {
  const { rehearsal } = done;
  const { name, before, after } = rehearsal;
  requireTakeable(parts, serverOf(parts, name), rehearsal);
  const present = readPolicyFiles(parts.home.dir);
  const at = new Date(parts.clock.nowMs()).toISOString();
  const decided = { kind: "accepted", at, reason: BY, until: null } as const;
  try {
    const digest = propose(parts, done, { decided, by: "freehold" })?.digest ?? "";
    const trees = { before: before.tree?.hash ?? null, after: after.tree?.hash ?? null };
    await parts.policy.ship({ digest, server: name, verdict: rehearsal.judged.verdict, ...trees });
  } catch (error) {
    const paths = [STACK_FILE, LOCK_FILE, cardsFile(name)];
    for (const path of paths) if (present[path] !== undefined) writeInHome(parts, path, present[path]);
    throw error;
  }
}

const BY = "your update: ship";

export function openUpdates({ store }: Pick<UpdateParts, "store">): readonly OpenUpdate[] {
  const parsed = parseStrict(store.settings.get(OPEN) ?? "[]");
  const list: readonly unknown[] = parsed.kind === "value" && Array.isArray(parsed.value) ? parsed.value : [];
  return list.flatMap((item) => (isObject(item) ? (openIn(item) ?? []) : []));
}

/** Those that still are: what was taken over or barred meanwhile, or is gone, is left out. */
export function openRows(parts: Pick<UpdateParts, "store" | "policy">): readonly JsonObject[] {
  const { servers } = parts.policy.current().lock;
  const barred = new Set(barredList(parts.store.settings).map(({ source }) => source));
  return openUpdates(parts)
    .filter(({ server, version }) => {
      const locked = Object.hasOwn(servers, server) ? servers[server] : undefined;
      if (locked === undefined || version === null) return locked !== undefined;
      return locked.version !== version && !barred.has(`npm:${splitNpm(locked.source).name}@${version}`);
    })
    .map((open) => ({ ...open }));
}

function openIn(item: JsonObject): OpenUpdate | null {
  const [server, says, { atMs }] = [textAt(item, "server"), textAt(item, "says"), item];
  if (server === null || says === null || typeof atMs !== "number") return null;
  return { server, says, atMs, version: textAt(item, "version") };
}

export function notice(
  parts: Pick<UpdateParts, "store"> & { readonly clock: Clock },
  server: string,
  found: Pick<OpenUpdate, "version" | "says">,
): void {
  const others = openUpdates(parts).filter((open) => open.server !== server);
  const next = [...others, { server, atMs: parts.clock.nowMs(), ...found }].slice(-OPEN_MAX);
  parts.store.settings.set(OPEN, JSON.stringify(next));
}

export function forget(parts: Pick<UpdateParts, "store">, server: string): void {
  const all = openUpdates(parts);
  const others = all.filter((open) => open.server !== server);
  if (others.length < all.length) parts.store.settings.set(OPEN, JSON.stringify(others));
}
