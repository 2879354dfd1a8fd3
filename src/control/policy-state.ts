// The accepted policy and the proposal beside it. Files in the home are inert until the owner applies their diff.

import { assert, Fault, sha256, type Clock, type Digest, type OwnerPresence } from "../kernel/index.ts";
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
import { SCHEMA_VERSION, type Store } from "../store/index.ts";
import {
  openGenerations,
  type Build,
  type Generation,
  type Generations,
  type NewGeneration,
  type Pointer,
} from "../supply/index.ts";
import { acceptedFiles, keepAccepted } from "./accepted.ts";
import { findingsBetween, requireRead, type ServerFinding } from "./findings.ts";
import { ACCEPTED, GENERATION, putFilesBack, putFilesBackIfReadable, recordSwitch, type Side } from "./switches.ts";

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
  /** Goes back at once; the same build must be meant. Refuses when another generation holds than was shown. */
  rollback(back: { readonly from: number; readonly to: number }, owner: OwnerPresence): Promise<Policy>;
  readonly generations: Generations;
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
}

/** The first policy of a new home is the starter that Freehold wrote itself; it declares no server and no rule. */
export function openPolicyState(given: PolicyStateParts): PolicyHistory {
  const parts: Parts = { generations: openGenerations(given.home), build: () => UNKNOWN_BUILD, ...given };
  const { home, store, clock, generations } = parts;
  const listeners: ((policy: Policy) => void)[] = [];
  let side = settled(parts);
  let current = loadPolicy(side.files);

  const proposal = (): Proposal | null => proposalTo(home, side, current);

  async function apply(digest: Digest, owner: OwnerPresence, read: readonly string[] = []): Promise<Policy> {
    requireLive(owner, clock);
    const proposed = proposal();
    if (proposed === null) return current;
    const { to, next } = made(parts, side, checked(proposed, digest, read));
    await switchTo(to, next, "apply");
    return next;
  }

  async function switchTo(to: Side, next: Policy, how: "apply" | "rollback"): Promise<void> {
    const from = side;
    generations.point(to.generation.number, how);
    try {
      const reason = `rolled back from generation ${from.generation.number}`;
      recordSwitch(store, { from, to, how, reason, atMs: clock.nowMs() });
    } catch (error) {
      // Nothing was recorded, so nothing may hold: the pointer goes back, or the next start goes on.
      generations.point(from.generation.number, how);
      throw error;
    }
    [side, current] = [to, next];
    await store.durable();
    for (const listener of listeners) listener(next);
  }

  function wayBack(number?: number): WayBack {
    const from = side.generation;
    const to = generations.get(number ?? from.parent ?? missingParent(from));
    const files = acceptedFiles(home, to.policy, to.files);
    return { from, to, changes: diffPolicy(side.files, files), diff: textDiff(side.files, files) };
  }

  async function rollback(back: { from: number; to: number }, owner: OwnerPresence): Promise<Policy> {
    requireLive(owner, clock);
    requireHeld(side.generation, back.from);
    const to = generations.get(back.to);
    const known = side.files;
    const target: Side = { generation: to, files: acceptedFiles(home, to.policy, to.files) };
    await switchTo(target, loadPolicy(target.files), "rollback");
    putFilesBack({ home, store, generations, known, target });
    return current;
  }

  return {
    current: () => current,
    proposal,
    apply,
    onApplied: (listener) => void listeners.push(listener),
    generation: () => side.generation,
    wayBack,
    rollback,
    generations,
  };
}

type Parts = Required<PolicyStateParts>;

function requireLive(owner: OwnerPresence, clock: Clock): void {
  if (owner.isLive(clock.nowMs())) return;
  throw new Fault("owner.needed", { message: "only the owner can change what holds.", next: "give your PIN" });
}

function proposalTo(home: HomePaths, { files }: Side, current: Policy): Proposal | null {
  const now = readPolicyFiles(home.dir);
  const digest = policyDigest(now);
  if (digest === current.digest) return null;
  const after = loadPolicy(now);
  const findings = (): readonly ServerFinding[] => findingsBetween(current, after);
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
  const message = commitMessage(changes);
  const touched = [...new Set([...Object.keys(from.files), ...Object.keys(files)])];
  const commit = commitHome(home.dir, { message, paths: touched }) ?? homeHead(home.dir);
  generations.onStep("committed the files");
  keepAccepted(home, files, generations);
  const why = { parent: from.generation.number, why: message, commit, read: facts };
  return { to: { generation: generations.add(described(parts, next, files, why)), files }, next };
}

const UNKNOWN_BUILD: Build = { version: "unknown", code: sha256(""), tree: null, root: "" };

/** Faults with `policy.moved` when another generation holds than the one that was shown. */
export function requireHeld(held: Generation, shown: number): void {
  if (held.number === shown) return;
  const message = `generation ${held.number} holds by now, and what you saw started from ${shown}.`;
  throw new Fault("policy.moved", { message, next: "freehold rollback" });
}

function missingParent({ number }: Generation): never {
  const message = `generation ${number} has none before it.`;
  throw new Fault("generation.no-parent", { message, next: "freehold generations" });
}

type Reasons = Pick<NewGeneration, "parent" | "why" | "commit" | "read">;

function described(parts: Parts, policy: Policy, files: PolicyFiles, why: Reasons): NewGeneration {
  const servers = Object.entries(policy.lock.servers);
  return {
    ...why,
    madeAtMs: parts.clock.nowMs(),
    policy: policy.digest,
    files: Object.fromEntries(Object.entries(files).map(([path, text]) => [path, sha256(text)])),
    trees: Object.fromEntries(servers.flatMap(([name, { tree }]) => (tree === null ? [] : [[name, tree.hash]]))),
    build: parts.build(),
    schema: SCHEMA_VERSION,
  };
}

/** The generation that the pointer names, with everything that had not followed it yet. */
function settled(parts: Parts): Side {
  const { home, store, generations, clock } = parts;
  const accepted = store.settings.get(ACCEPTED);
  const pointer = generations.pointer() ?? pointedAgain(parts, accepted);
  // A state without a policy is a new one, whatever lies beside it: what it never accepted does not hold.
  if (pointer === null || accepted === null) return firstGeneration(parts, accepted);
  const generation = generations.get(pointer.generation);
  const to: Side = { generation, files: acceptedFiles(home, generation.policy, generation.files) };
  const known = Number(store.settings.get(GENERATION) ?? 0);
  const before = known === generation.number ? to : sideOf(parts, known, accepted);
  if (known !== generation.number) {
    const reason = pointer.failed?.reason ?? `rolled back from generation ${known}`;
    recordSwitch(store, { from: before, to, how: pointer.how, reason, atMs: clock.nowMs() });
  }
  putFilesBackIfReadable({ home, store, generations, known: before?.files ?? {}, target: to });
  return to;
}

/** A pointer that was lost, or not yet written when the first start was cut, is what the state says. */
function pointedAgain(parts: Parts, accepted: Digest | null): Pointer | null {
  const { store, generations } = parts;
  const known = Number(store.settings.get(GENERATION) ?? 0);
  if (accepted === null || known === 0 || generations.get(known).policy !== accepted) return null;
  generations.point(known, "first");
  return generations.pointer();
}

/** What the state still knows; null where it is damaged or gone, which must not keep the right one from holding. */
function sideOf({ home, generations }: Parts, number: number, accepted: Digest): Side | null {
  const generation = generations.list().find((item) => item.number === number);
  if (generation === undefined || generation.policy !== accepted) return null;
  try {
    return { generation, files: acceptedFiles(home, accepted) };
  } catch (error) {
    if (error instanceof Fault) return null;
    throw error;
  }
}

function firstGeneration(parts: Parts, accepted: Digest | null): Side {
  const { home, store, generations } = parts;
  const files = accepted === null ? starter(parts) : acceptedFiles(home, accepted);
  const policy = loadPolicy(files);
  if (accepted === null) keepAccepted(home, files, generations);
  const why = { parent: null, why: "the first", commit: homeHead(home.dir), read: [] };
  const generation = generations.add(described(parts, policy, files, why));
  store.transaction(() => {
    store.settings.set(ACCEPTED, policy.digest);
    store.settings.set(GENERATION, String(generation.number));
  });
  generations.point(generation.number, "first");
  return { generation, files };
}

/** A new permission by itself reads as what it is. */
function commitMessage(changes: readonly Change[]): string {
  const [only, second] = changes;
  if (only === undefined || second !== undefined) return `Apply: ${changes.length} changes`;
  const allowed = /^rule \S+ is new: (.+?) may call (.+)$/.exec(only.what);
  return (allowed === null ? `Apply: ${only.what}` : `Allow ${allowed[1]} to call ${allowed[2]}`).slice(0, 72);
}

/** A home that came from elsewhere (a clone) grants nothing before its owner has applied it here. */
function starter({ home }: Parts): PolicyFiles {
  const files = readPolicyFiles(home.dir);
  const { stack, rules } = loadPolicy(files);
  if (Object.keys(stack.servers).length + Object.keys(stack.clients).length + rules.length === 0) return files;
  const nothing: PolicyFiles = { "stack.yaml": "version: 1\nowner: { name: Owner, timezone: UTC }\n" };
  assert(loadPolicy(nothing).rules.length === 0, "an empty policy with rules");
  return nothing;
}
