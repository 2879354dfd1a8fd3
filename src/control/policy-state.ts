// The accepted policy and the proposal beside it. Files in the home are inert until the owner applies their diff.

import { assert, Fault, type Clock, type Digest, type OwnerPresence } from "../kernel/index.ts";
import { commitHome, homeHead, readPolicyFiles, type HomePaths } from "../home/index.ts";
import {
  diffPolicy,
  loadPolicy,
  policyDigest,
  textDiff,
  type Change,
  type Policy,
  type PolicyFiles,
} from "../manifest/index.ts";
import type { LeftState, Store } from "../store/index.ts";
import {
  openGenerations,
  type Build,
  type Generation,
  type Generations,
  type NewGeneration,
  type SwitchKind,
} from "../supply/index.ts";
import { acceptedFiles, keepAccepted } from "./accepted.ts";
import { refuseBarred } from "./barred.ts";
import { findingsBetween, requireRead, type ServerFinding } from "./findings.ts";
import { skillFindings } from "./skill-findings.ts";
import { described, settled, UNKNOWN_BUILD, type SettleParts } from "./settle.ts";
import { putFilesBack, switchRecord, type Side } from "./switches.ts";
import { requireShipped, type Shipped } from "./shipped.ts";
import { updatedAlone } from "./updated.ts";

export interface Proposal {
  readonly digest: Digest;
  readonly changes: readonly Change[];
  readonly diff: string;
  readonly files: PolicyFiles;
  /** What the scanner says of servers that are new or changed; counted out when asked for. */
  readonly findings: () => readonly ServerFinding[];
}

export interface PolicyState {
  current(): Policy;
  /** What lies in the home now against what was accepted; null when they are the same. */
  proposal(): Proposal | null;
  /**
   * Accepts the very files whose diff was shown; refuses when they changed since, and while a fact of the scanner is
   * not in `read`, the ids that the owner confirmed.
   */
  apply(digest: Digest, owner: OwnerPresence, read?: readonly string[]): Promise<Policy>;
  onApplied(listener: (policy: Policy) => void): void;
}

/** The policy with the generations that it was, and the way back. */
export interface PolicyHistory extends PolicyState {
  /** The generation in force. */
  generation(): Generation;
  /** What going back would change; without a number, to the parent. Faults: `generation.no-parent`, `.unknown`. */
  wayBack(to?: number): WayBack;
  /**
   * Leaves a generation that brought one server other code and changed nothing else, for the one it came from. No proof
   * of the owner is asked for: what holds then is what they had applied before. Faults: `canary.not-alone`.
   */
  leave(left: { readonly from: number; readonly to: number; readonly reason: string }): Promise<Policy>;
  /**
   * Applies an update by the owner's `update: ship`, which they applied before: one server's other code, with the offer
   * and the cards that they accepted, and nothing else. Faults: `ship.refused`, those of `apply`.
   */
  ship(shipped: Shipped): Promise<Policy>;
  /** Goes back at once; the same build must be meant. Refuses when another generation holds than was shown. */
  rollback(back: { readonly from: number; readonly to: number }, owner: OwnerPresence): Promise<Policy>;
  /** The next generation with another Freehold and the same policy. It does not hold yet. */
  withBuild(build: Build, schema: number): Generation;
  /** Lets one hold that has the same policy. */
  take(generation: Generation, owner: OwnerPresence): Promise<void>;
  readonly generations: Generations;
  /** Freehold as it runs. */
  readonly build: () => Build;
}

export interface WayBack {
  readonly from: Generation;
  readonly to: Generation;
  readonly changes: readonly Change[];
  readonly diff: string;
}

export interface PolicyStateParts {
  readonly home: HomePaths;
  readonly store: Store;
  readonly clock: Clock;
  readonly generations?: Generations;
  readonly build?: () => Build;
  /** What of a newer Freehold's state stayed behind in this start. */
  readonly left?: LeftState | null;
}

/** The first policy of a new home is the starter that Freehold wrote itself; it declares no server and no rule. */
export function openPolicyState(given: PolicyStateParts): PolicyHistory {
  const parts: Parts = { generations: openGenerations(given.home), build: () => UNKNOWN_BUILD, left: null, ...given };
  const { home, store, clock, generations } = parts;
  const { held, switchTo, listeners } = openHeld(parts);
  const proposal = (): Proposal | null => proposalTo(home, held.side, held.current);

  async function take(what: Checked, by: Pick<Switching, "by">): Promise<Policy> {
    const { to, next } = made(parts, held.side, what);
    await switchTo(to, next, { how: "apply", ...by });
    return next;
  }

  async function goBack(back: { from: number; to: number }, left?: string): Promise<Policy> {
    const { side, current } = held;
    requireHeld(side.generation, back.from);
    const to = generations.get(back.to);
    const target: Side = { generation: to, files: acceptedFiles(home, to.policy, to.files) };
    const next = loadPolicy(target.files);
    if (left !== undefined) requireAlone(next, current, { from: side.generation, to });
    await switchTo(target, next, { how: "rollback", ...(left === undefined ? {} : { left, by: "freehold" }) });
    putFilesBack({ home, store, generations, known: side.files, target });
    return next;
  }

  return {
    current: () => held.current,
    proposal,
    async apply(digest, owner, read = []) {
      requireLive(owner, clock);
      const proposed = proposal();
      return proposed === null ? held.current : take(checked(proposed, digest, read), {});
    },
    async ship(shipped) {
      const proposed = proposal();
      requireShipped(held.current, proposed === null ? held.current : loadPolicy(proposed.files), shipped);
      return proposed === null ? held.current : take(checked(proposed, shipped.digest, []), { by: "freehold" });
    },
    onApplied: (listener) => void listeners.push(listener),
    generation: () => held.side.generation,
    wayBack: (to) => wayBackFrom(parts, held.side, to),
    leave: ({ from, to, reason }) => goBack({ from, to }, reason),
    async rollback(back, owner) {
      requireLive(owner, clock);
      return goBack(back);
    },
    withBuild: (build, schema) =>
      generations.add({ ...sameWith(parts, held.side, held.current), why: `Freehold ${build.version}`, build, schema }),
    async take(generation, owner) {
      requireLive(owner, clock);
      assert(generation.policy === held.current.digest, "another policy comes by apply or rollback");
      await switchTo({ generation, files: held.side.files }, held.current, { how: "update" });
    },
    generations,
    build: parts.build,
  };
}

interface HeldNow {
  readonly held: { side: Side; current: Policy };
  readonly listeners: ((policy: Policy) => void)[];
  readonly switchTo: (to: Side, next: Policy, how: Switching) => Promise<void>;
}

/** What holds, and the one way to let something else hold. */
function openHeld(parts: Parts): HeldNow {
  const { store, clock, generations } = parts;
  const listeners: ((policy: Policy) => void)[] = [];
  const first = settled(parts);
  const held = { side: first, current: loadPolicy(first.files) };
  return {
    held,
    listeners,
    async switchTo(to, next, { how, left, by }) {
      const from = held.side;
      const reason = left ?? `rolled back from generation ${from.generation.number}`;
      const who = by === undefined ? {} : { by };
      const record = switchRecord(store, { from, to, how, reason, atMs: clock.nowMs(), ...who });
      pointAndRecord(generations, { from, to, how }, record);
      held.side = to;
      held.current = next;
      await store.durable();
      for (const listener of listeners) listener(next);
    },
  };
}

function pointAndRecord(
  generations: Generations,
  { from, to, how }: { readonly from: Side; readonly to: Side; readonly how: SwitchKind },
  record: () => void,
): void {
  generations.point(to.generation.number, how);
  try {
    record();
  } catch (error) {
    // Nothing was recorded, so nothing may hold: the pointer goes back, or the next start goes on.
    generations.point(from.generation.number, how);
    throw error;
  }
}

type Parts = SettleParts;

interface Switching {
  readonly how: SwitchKind;
  /** Why Freehold itself goes back. */
  readonly left?: string;
  readonly by?: "freehold";
}

/** Only other code of one server, that came last: anything else the owner changed, and takes back. */
function requireAlone(
  before: Policy,
  after: Policy,
  { from, to }: { readonly from: Generation; readonly to: Generation },
): void {
  if (from.parent === to.number && from.build.code === to.build.code && updatedAlone(before, after) !== null) return;
  const message = `generation ${from.number} changed more than one server's code.`;
  throw new Fault("canary.not-alone", { message, next: "freehold rollback" });
}

function requireLive(owner: OwnerPresence, clock: Clock): void {
  if (owner.isLive(clock.nowMs())) return;
  throw new Fault("owner.needed", { message: "only the owner can change what holds.", next: "give your PIN" });
}

function proposalTo(home: HomePaths, { files }: Side, current: Policy): Proposal | null {
  const now = readPolicyFiles(home.dir);
  const digest = policyDigest(now);
  if (digest === current.digest) return null;
  const after = loadPolicy(now);
  const findings = (): readonly ServerFinding[] => [
    ...findingsBetween(current, after),
    ...skillFindings(home, current, after),
  ];
  return { digest, changes: diffPolicy(files, now), diff: textDiff(files, now), files: now, findings };
}

interface Checked {
  readonly proposed: Proposal;
  /** Facts that the owner confirmed. */
  readonly facts: readonly string[];
}

/** What was shown, with every fact of the scanner read. */
function checked(proposed: Proposal, digest: Digest, read: readonly string[]): Checked {
  if (proposed.digest !== digest) {
    const message = "the files changed after their diff was shown, so nothing was applied.";
    throw new Fault("policy.moved", { message, next: "freehold plan" });
  }
  const findings = proposed.findings();
  requireRead(findings, read);
  const facts = findings.flatMap(({ kind, rule, server }) => (kind === "fact" ? [`${server} ${rule}`] : []));
  return { proposed, facts: [...new Set(facts)] };
}

/** The next generation, on disk; it does not hold yet. */
function made(parts: Parts, from: Side, { proposed, facts }: Checked): { readonly to: Side; readonly next: Policy } {
  const { home, generations } = parts;
  const { files, changes } = proposed;
  const next = loadPolicy(files);
  refuseRejected(parts.store, next, from.generation);
  const message = commitMessage(changes);
  const touched = [...new Set([...Object.keys(from.files), ...Object.keys(files)])];
  const commit = commitHome(home.dir, { message, paths: touched }) ?? homeHead(home.dir);
  generations.onStep("committed the files");
  keepAccepted(home, files, generations);
  const why = { parent: from.generation.number, why: message, commit, read: facts };
  return { to: { generation: generations.add(described(parts, { policy: next, files }, why)), files }, next };
}

/** Faults with `policy.moved` when another generation holds than the one that was shown. */
export function requireHeld(held: Generation, shown: number): void {
  if (held.number === shown) return;
  const message = `generation ${held.number} holds by now, and what you saw started from ${shown}.`;
  throw new Fault("policy.moved", { message, next: "freehold rollback" });
}

/** A version that was rolled back from does not come in again by any way but the owner's `unbar`. */
function refuseRejected({ settings }: Store, { lock }: Policy, held: Generation): void {
  for (const [name, { source, tree }] of Object.entries(lock.servers)) {
    const hash = tree?.hash ?? null;
    if (hash === null || held.trees[name] !== hash) refuseBarred(settings, { source, tree: hash });
  }
}

function wayBackFrom({ home, generations }: Parts, { generation: from, files: now }: Side, number?: number): WayBack {
  const to = generations.get(number ?? from.parent ?? missingParent(from));
  const files = acceptedFiles(home, to.policy, to.files);
  return { from, to, changes: diffPolicy(now, files), diff: textDiff(now, files) };
}

/** The next generation with the policy of this one. */
function sameWith(parts: Parts, { files, generation }: Side, policy: Policy): NewGeneration {
  const why = { parent: generation.number, why: "", commit: homeHead(parts.home.dir), read: [] };
  return described(parts, { policy, files }, why);
}

function missingParent({ number }: Generation): never {
  const message = `generation ${number} has none before it.`;
  throw new Fault("generation.no-parent", { message, next: "freehold generations" });
}

/** A new permission by itself reads as what it is. */
function commitMessage(changes: readonly Change[]): string {
  const [only, second] = changes;
  if (only === undefined || second !== undefined) return `Apply: ${changes.length} changes`;
  const allowed = /^rule \S+ is new: (.+?) may call (.+)$/.exec(only.what);
  return (allowed === null ? `Apply: ${only.what}` : `Allow ${allowed[1]} to call ${allowed[2]}`).slice(0, 72);
}
