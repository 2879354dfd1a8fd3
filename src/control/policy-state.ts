// The accepted policy and the proposal beside it. Files in the home are inert until the owner applies their diff.

import { assert, Fault, isObject, parseStrict, type Clock, type Digest, type OwnerPresence } from "../kernel/index.ts";
import { commitHome, readPolicyFiles, writeAtomic, type HomePaths } from "../home/index.ts";
import {
  diffPolicy,
  loadPolicy,
  policyDigest,
  textDiff,
  type Change,
  type Policy,
  type PolicyFiles,
} from "../manifest/index.ts";
import type { Store } from "../store/index.ts";
import { findingsBetween, requireRead, type ServerFinding } from "./findings.ts";
import { join } from "node:path";
import { mkdirSync, readFileSync } from "node:fs";

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

export interface PolicyStateParts {
  readonly home: HomePaths;
  readonly store: Store;
  readonly clock: Clock;
}

const ACCEPTED = "policy.accepted";

/** The first policy of a new home is the starter that Freehold wrote itself; it declares no server and no rule. */
export function openPolicyState(parts: PolicyStateParts): PolicyState {
  const { home, store, clock } = parts;
  const listeners: ((policy: Policy) => void)[] = [];
  let files = acceptedFiles(parts) ?? acceptStarter(parts);
  let current = loadPolicy(files);

  function proposal(): Proposal | null {
    const now = readPolicyFiles(home.dir);
    const digest = policyDigest(now);
    if (digest === current.digest) return null;
    const after = loadPolicy(now);
    const findings = (): readonly ServerFinding[] => findingsBetween(current, after);
    return { digest, changes: diffPolicy(files, now), diff: textDiff(files, now), files: now, findings };
  }

  async function apply(digest: Digest, owner: OwnerPresence, read: readonly string[] = []): Promise<Policy> {
    if (!owner.isLive(clock.nowMs())) throw new Fault("owner.needed", { message: "only the owner can apply changes." });
    const proposed = proposal();
    if (proposed === null) return current;
    if (proposed.digest !== digest) {
      throw new Fault("policy.moved", {
        message: "the files changed after their diff was shown, so nothing was applied.",
        next: "freehold plan",
      });
    }
    const findings = proposed.findings();
    requireRead(findings, read);
    const facts = findings.flatMap(({ kind, rule, server }) => (kind === "fact" ? [`${server} ${rule}`] : []));
    const next = loadPolicy(proposed.files);
    keep(parts, proposed.files, next.digest);
    store.transaction(() => {
      store.settings.set(ACCEPTED, next.digest);
      store.ledger.append({
        kind: "change",
        session: null,
        principal: "owner",
        subject: "policy",
        request: null,
        facts: {
          from: current.digest,
          to: next.digest,
          files: proposed.changes.map((change) => change.file),
          ...(facts.length === 0 ? {} : { read: [...new Set(facts)] }),
        },
        text: proposed.diff.slice(0, 100_000),
      });
    });
    await store.durable();
    const touched = [...new Set([...Object.keys(files), ...Object.keys(proposed.files)])];
    [files, current] = [proposed.files, next];
    commitHome(home.dir, { message: commitMessage(proposed.changes), paths: touched });
    for (const listener of listeners) listener(next);
    return next;
  }

  return { current: () => current, proposal, apply, onApplied: (listener) => void listeners.push(listener) };
}

/** A new permission by itself reads as what it is. */
function commitMessage(changes: readonly Change[]): string {
  const [only, second] = changes;
  if (only === undefined || second !== undefined) return `Apply: ${changes.length} changes`;
  const allowed = /^rule \S+ is new: (.+?) may call (.+)$/.exec(only.what);
  return (allowed === null ? `Apply: ${only.what}` : `Allow ${allowed[1]} to call ${allowed[2]}`).slice(0, 72);
}

function acceptedPath(home: HomePaths, digest: Digest): string {
  return join(home.stateDir, "accepted", `${digest}.json`);
}

function keep(parts: PolicyStateParts, files: PolicyFiles, digest: Digest): void {
  mkdirSync(join(parts.home.stateDir, "accepted"), { recursive: true, mode: 0o700 });
  writeAtomic(acceptedPath(parts.home, digest), JSON.stringify(files), 0o600);
}

function acceptedFiles(parts: PolicyStateParts): PolicyFiles | null {
  const digest = parts.store.settings.get(ACCEPTED);
  if (digest === null) return null;
  const file = acceptedPath(parts.home, digest);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Fault("policy.lost", {
      at: file,
      message: "the accepted policy cannot be read, so nothing may run.",
      cause: error,
      next: "restore .state/accepted from a backup",
    });
  }
  const parsed = parseStrict(text);
  const files = parsed.kind === "value" && isObject(parsed.value) ? stringsOf(parsed.value) : null;
  if (files === null || policyDigest(files) !== digest) {
    throw new Fault("policy.changed", {
      at: file,
      message: "the accepted policy was changed behind Freehold's back, so nothing may run.",
      next: "restore .state/accepted from a backup",
    });
  }
  return files;
}

function stringsOf(object: Readonly<Record<string, unknown>>): PolicyFiles {
  const files: Record<string, string> = {};
  for (const [name, text] of Object.entries(object)) if (typeof text === "string") files[name] = text;
  return files;
}

function acceptStarter(parts: PolicyStateParts): PolicyFiles {
  const files = readPolicyFiles(parts.home.dir);
  const policy = loadPolicy(files);
  const grants =
    Object.keys(policy.stack.servers).length + Object.keys(policy.stack.clients).length + policy.rules.length;
  if (grants > 0) return acceptNothing(parts);
  keep(parts, files, policy.digest);
  parts.store.settings.set(ACCEPTED, policy.digest);
  return files;
}

/** A home that came from elsewhere (a clone) grants nothing before its owner has applied it here. */
function acceptNothing(parts: PolicyStateParts): PolicyFiles {
  const files: PolicyFiles = { "stack.yaml": "version: 1\nowner: { name: Owner, timezone: UTC }\n" };
  const policy = loadPolicy(files);
  assert(policy.rules.length === 0, "an empty policy with rules");
  keep(parts, files, policy.digest);
  parts.store.settings.set(ACCEPTED, policy.digest);
  return files;
}
