// At a start: the generation that the pointer names holds, and everything that had not followed it yet follows now.

import { assert, Fault, sha256, type Clock, type Digest } from "../kernel/index.ts";
import { homeHead, readPolicyFiles, type HomePaths } from "../home/index.ts";
import { loadPolicy, type Policy, type PolicyFiles } from "../manifest/index.ts";
import { SCHEMA_VERSION, type LeftState, type Store } from "../store/index.ts";
import type { Build, Generations, NewGeneration, Pointer } from "../supply/index.ts";
import { acceptedFiles, keepAccepted } from "./accepted.ts";
import { ACCEPTED, GENERATION, putFilesBackIfReadable, recordFailed, switchRecord, type Side } from "./switches.ts";

export interface SettleParts {
  readonly home: HomePaths;
  readonly store: Store;
  readonly clock: Clock;
  readonly generations: Generations;
  /** Freehold as it runs. */
  readonly build: () => Build;
  /** What of a newer Freehold's state stayed behind in this start. */
  readonly left: LeftState | null;
}

export const UNKNOWN_BUILD: Build = { version: "unknown", code: sha256(""), tree: null, root: "" };

export interface Texts {
  readonly policy: Policy;
  readonly files: PolicyFiles;
}

type Reasons = Pick<NewGeneration, "parent" | "why" | "commit" | "read">;

export function described(parts: SettleParts, { policy, files }: Texts, why: Reasons): NewGeneration {
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
export function settled(parts: SettleParts): Side {
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
    switchRecord(store, { from: before, to, how: pointer.how, reason, atMs: clock.nowMs(), left: parts.left })();
  }
  if (pointer.failed !== null) tellFailed(parts, pointer, pointer.failed);
  putFilesBackIfReadable({ home, store, generations, known: before?.files ?? {}, target: to });
  return to;
}

/** A pointer that was lost, or not yet written when the first start was cut, is what the state says. */
function pointedAgain(parts: SettleParts, accepted: Digest | null): Pointer | null {
  const { store, generations } = parts;
  const known = Number(store.settings.get(GENERATION) ?? 0);
  if (accepted === null || known === 0 || generations.get(known).policy !== accepted) return null;
  generations.point(known, "first");
  return generations.pointer();
}

/** A new Freehold was left again before it knew of the state: it is barred, and the ledger says so. */
function tellFailed(
  { store, generations, clock }: SettleParts,
  pointer: Pointer,
  failed: NonNullable<Pointer["failed"]>,
): void {
  const { build } = generations.get(failed.generation);
  recordFailed(store, { build, reason: failed.reason, generation: failed.generation, atMs: clock.nowMs() });
  generations.point(pointer.generation, pointer.how);
}

/** What the state still knows; null where it is damaged or gone, which must not keep the right one from holding. */
function sideOf({ home, generations }: SettleParts, number: number, accepted: Digest): Side | null {
  const generation = generations.list().find((item) => item.number === number);
  if (generation === undefined || generation.policy !== accepted) return null;
  try {
    return { generation, files: acceptedFiles(home, accepted) };
  } catch (error) {
    if (error instanceof Fault) return null;
    throw error;
  }
}

function firstGeneration(parts: SettleParts, accepted: Digest | null): Side {
  const { home, store, generations } = parts;
  const files = accepted === null ? starter(parts) : acceptedFiles(home, accepted);
  const policy = loadPolicy(files);
  if (accepted === null) keepAccepted(home, files, generations);
  const why = { parent: null, why: "the first", commit: homeHead(home.dir), read: [] };
  const generation = generations.add(described(parts, { policy, files }, why));
  store.transaction(() => {
    store.settings.set(ACCEPTED, policy.digest);
    store.settings.set(GENERATION, String(generation.number));
  });
  generations.point(generation.number, "first");
  return { generation, files };
}

/** A home that came from elsewhere (a clone) grants nothing before its owner has applied it here. */
function starter({ home }: SettleParts): PolicyFiles {
  const files = readPolicyFiles(home.dir);
  const { stack, rules } = loadPolicy(files);
  if (Object.keys(stack.servers).length + Object.keys(stack.clients).length + rules.length === 0) return files;
  const nothing: PolicyFiles = { "stack.yaml": "version: 1\nowner: { name: Owner, timezone: UTC }\n" };
  assert(loadPolicy(nothing).rules.length === 0, "an empty policy with rules");
  return nothing;
}
