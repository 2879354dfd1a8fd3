// Looks after servers that were given other code: starts each at once, has it answer reads that were asked before, and
// watches it until its time is over. What ends, is held back or serves something else goes back, and is barred.

import { setImmediate } from "node:timers/promises";
import {
  Fault,
  isObject,
  oneLine,
  parseStrict,
  reasonOf,
  type Clock,
  type Digest,
  type Door,
  type JsonObject,
} from "../kernel/index.ts";
import type { Policy } from "../manifest/index.ts";
import type { Store } from "../store/index.ts";
import type { Canaries, Canary } from "./canaries.ts";
import type { PolicyHistory } from "./policy-state.ts";

export interface WatchedServer {
  /** Why the whole server is held back, or null. */
  readonly quarantine: string | null;
  pinOf(tool: string): Digest | null;
}

export interface CanaryParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly canaries: Canaries;
  readonly policy: Pick<PolicyHistory, "current" | "generation" | "leave">;
  readonly door: Pick<Door, "call"> & { isStopped(): boolean };
  /** Of each tool as it was accepted. */
  pins(): ReadonlyMap<string, Digest>;
  start(server: string): Promise<WatchedServer>;
  running(server: string): WatchedServer | null;
  heldBack(server: string): string | null;
  readonly onFault: (error: unknown) => void;
  /** Answers how to call it off. */
  readonly wake: (run: () => void, everyMs: number) => () => void;
}

export interface CanaryWatch {
  /** Its process, if any, was stopped after the switch. */
  look(server: string): Promise<void>;
  /** A server's process ended by itself, or something was said of what it serves. */
  noticed(server: string, what: { readonly hasEnded: string | null }): Promise<void>;
  close(): void;
}

const LOOK_EVERY_MS = 30_000;
const READS_MAX = 5;
const ENTRIES_MAX = 20_000;
const WINDOW = 5_000;

export function watchCanaries(parts: CanaryParts): CanaryWatch {
  const underway = new Map<string, Promise<void>>();
  /** One at a time for each server. */
  function alone(server: string, work: () => Promise<void>): Promise<void> {
    const before = underway.get(server) ?? Promise.resolve();
    const next = before.then(work).finally(() => {
      if (underway.get(server) === next) underway.delete(server);
    });
    underway.set(server, next);
    return next;
  }
  const look = (server: string): Promise<void> => alone(server, () => firstLook(parts, server));
  function lookAtAll(): void {
    for (const { server, untilMs } of parts.canaries.list()) {
      const work = untilMs === null ? look(server) : alone(server, async () => keepIfOver(parts, server));
      work.catch(parts.onFault);
    }
  }
  const callOff = parts.wake(lookAtAll, LOOK_EVERY_MS);
  return {
    look,
    noticed: (server, what) => alone(server, () => noticed(parts, server, what)),
    close: callOff,
  };
}

async function firstLook(parts: CanaryParts, server: string): Promise<void> {
  const canary = parts.canaries.of(server);
  // Nothing is started while everything is stopped; it is looked at after that.
  if (canary === null || canary.untilMs !== null || canary.trouble !== null || parts.door.isStopped()) return;
  let seen: WatchedServer;
  try {
    seen = await parts.start(server);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    // Its own fault; anything else (locked secrets, no sandbox) says nothing of the new code.
    if (error.code === "server.start") return goBack(parts, canary, `it did not start: ${error.message}`);
    parts.canaries.put({ ...canary, unseen: oneLine(reasonOf(error), 200) });
    return;
  }
  const other = otherThanAccepted(parts, server, seen);
  if (other !== null) return goBack(parts, canary, other);
  const answered: boolean[] = [];
  for (const read of await recentReads(parts, server)) {
    const done = await ask(parts, canary, read);
    if (done !== null) answered.push(done);
    if (done === false) return goBack(parts, canary, `it did not answer ${read.tool}, which it answered before`);
  }
  const reads = [answered.filter(Boolean).length, answered.length] as const;
  const untilMs = parts.clock.nowMs() + canary.lengthMs;
  if (parts.canaries.of(server)?.generation !== canary.generation) return;
  parts.canaries.put({ ...canary, reads, untilMs, unseen: null });
}

function otherThanAccepted(parts: CanaryParts, server: string, seen: WatchedServer): string | null {
  if (seen.quarantine !== null) return seen.quarantine;
  const pins = [...parts.pins()].filter(([tool]) => tool.startsWith(`${server}.`) && !tool.includes("@"));
  const other = pins.filter(([tool, pin]) => seen.pinOf(tool) !== pin).map(([tool]) => tool);
  return other.length === 0 ? null : `it serves ${other.slice(0, 3).join(", ")} otherwise than it was rehearsed`;
}

async function noticed(
  parts: CanaryParts,
  server: string,
  { hasEnded }: { readonly hasEnded: string | null },
): Promise<void> {
  const canary = parts.canaries.of(server);
  // The first look finds out by itself.
  if (canary === null || canary.untilMs === null) return;
  // What was noticed is written down only after it was told.
  await setImmediate();
  const seen = parts.running(server);
  const why =
    (hasEnded === null ? null : `it ended: ${oneLine(hasEnded, 200)}`) ??
    parts.heldBack(server) ??
    (seen === null ? null : otherThanAccepted(parts, server, seen));
  if (why !== null) await goBack(parts, canary, why);
}

async function goBack(parts: CanaryParts, canary: Canary, why: string): Promise<void> {
  const { server, back, generation } = canary;
  const reason = `right after the update: ${oneLine(why, 300)}`;
  if (back === null || parts.policy.generation().number !== generation) {
    // More was changed than this: the owner decides what is taken back.
    parts.canaries.put({ ...canary, trouble: reason });
    return;
  }
  await parts.policy.leave({ from: generation, to: back, reason });
  parts.canaries.end(server, "left", { generation, back, reason, source: canary.source });
}

function keepIfOver({ canaries, clock }: CanaryParts, server: string): void {
  const canary = canaries.of(server);
  if (canary?.untilMs === null || canary === null || clock.nowMs() < canary.untilMs) return;
  if (canary.trouble !== null) return;
  const [answered, asked] = canary.reads ?? [0, 0];
  canaries.end(server, "kept", { generation: canary.generation, source: canary.source, answered, asked });
}

interface PastRead {
  readonly tool: string;
  readonly args: JsonObject;
}

/** The last different calls of what only reads, as somebody made them and the former code answered them. */
async function recentReads({ store, policy }: CanaryParts, server: string): Promise<readonly PastRead[]> {
  const tools = new Set(readsOf(policy.current(), server));
  const found = new Map<string, PastRead>();
  const answered = new Set<string>();
  let before = store.ledger.head().size + 1;
  for (let scanned = 0; before > 1 && scanned < ENTRIES_MAX && found.size < READS_MAX; scanned += WINDOW) {
    const after = Math.max(0, before - 1 - WINDOW);
    for (const entry of store.ledger.entries({ after, before, limit: WINDOW }).toReversed()) {
      if (!tools.has(entry.subject) || entry.request === null) continue;
      if (entry.kind === "outcome" && entry.facts["reply"] === "result") answered.add(entry.request);
      if (entry.kind !== "intent" || !answered.has(entry.request) || found.size >= READS_MAX) continue;
      const parsed = parseStrict(store.ledger.text(entry.seq) ?? "");
      if (parsed.kind !== "value" || !isObject(parsed.value)) continue;
      found.set(`${entry.subject} ${JSON.stringify(parsed.value)}`, { tool: entry.subject, args: parsed.value });
    }
    before = after + 1;
    await setImmediate();
  }
  return [...found.values()];
}

function readsOf({ cards }: Policy, server: string): readonly string[] {
  return [...cards.values()].flatMap(({ tool, effect, roles }) => {
    const isRead = effect === "read" && !Object.values(roles).includes("egress");
    return isRead && tool.startsWith(`${server}.`) && !tool.includes("@") ? [tool] : [];
  });
}

/** Null where the door did not let it through: that says nothing of the server. */
async function ask({ door }: CanaryParts, canary: Canary, { tool, args }: PastRead): Promise<boolean | null> {
  const session = `canary:${canary.server}:${canary.generation}`;
  const answer = await door.call({ session, principal: { kind: "freehold", name: "" }, tool, args });
  if (answer.kind === "result") return true;
  return answer.kind === "failed" ? false : null;
}
