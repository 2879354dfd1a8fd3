// Generations: what there is, the way back with what it loses, what was rolled back from, and what nobody needs.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { Fault, type Clock, type JsonObject } from "../kernel/index.ts";
import { readPolicyFiles, type HomePaths } from "../home/index.ts";
import { LOCK_FILE, parseLock, policyDigest } from "../manifest/index.ts";
import { previewCarryBack, SCHEMA_VERSION, type CarriedBack, type Store } from "../store/index.ts";
import {
  collect,
  installedLlama,
  planGc,
  type Build,
  type GcPlan,
  type Generation,
  type Materials,
} from "../supply/index.ts";
import { acceptedFiles } from "./accepted.ts";
import { barredRows, rejected, unbar } from "./barred.ts";
import { maybeNumber, text } from "./input.ts";
import { requireOwner, type Operation, type OperationContext } from "./operation.ts";
import type { NextStart } from "./ops-freehold.ts";
import { requireHeld, type PolicyHistory, type WayBack } from "./policy-state.ts";

export interface GenerationParts {
  readonly home: HomePaths;
  readonly store: Store;
  readonly clock: Clock;
  readonly policy: PolicyHistory;
  endFor(next: NextStart): void;
}

const KEEP_DEFAULT = 10;
const KEEP_MAX = 1_000;

export function generationOperations(parts: GenerationParts): readonly Operation[] {
  const { store, policy } = parts;
  return [
    { name: "generations", needsOwner: false, run: async () => listed(parts) },
    {
      name: "rollback.plan",
      needsOwner: false,
      run: async (input) => planned(parts, policy.wayBack(maybeNumber(input, "to") ?? undefined)),
    },
    { name: "rollback", needsOwner: true, run: (input, context) => rollBack(parts, input, context) },
    {
      name: "unbar",
      needsOwner: true,
      async run(input) {
        const freed = unbar(store.settings, text(input, "what")).map(({ source }) => source);
        const entry = { session: null, principal: "owner", request: null, facts: { freed } };
        store.ledger.append({ ...entry, kind: "change", subject: "unbar" });
        return { freed };
      },
    },
    { name: "gc", needsOwner: true, run: async (input) => garbage(parts, input) },
  ];
}

function listed({ policy, store }: GenerationParts): JsonObject {
  const current = policy.generation().number;
  const generations = policy.generations.list().map((generation) => ({
    number: generation.number,
    parent: generation.parent,
    madeAtMs: generation.madeAtMs,
    why: generation.why,
    policy: generation.policy,
    commit: generation.commit,
    servers: Object.keys(generation.trees).length,
    freehold: generation.build.version,
    isKept: generation.build.tree !== null,
    holds: generation.number === current,
  }));
  const damaged = policy.generations.broken().map((fault) => fault.message);
  return { current, generations, damaged, barred: barredRows(store) };
}

/** How the code of the generation that is gone back to comes to run. */
type CodeBack =
  | { readonly kind: "same" }
  | { readonly kind: "restart"; readonly build: Build }
  /** It ran as it was installed, and what is installed is something else by now. */
  | { readonly kind: "not-kept"; readonly version: string };

function codeBack({ home, policy }: GenerationParts, to: Generation): CodeBack {
  const [build, now] = [to.build, policy.build()];
  if (build.code === now.code) return { kind: "same" };
  if (build.tree !== null) {
    if (existsSync(join(home.trees, build.tree))) return { kind: "restart", build };
  } else if (now.tree !== null && existsSync(build.root)) return { kind: "restart", build };
  return { kind: "not-kept", version: build.version };
}

function planned(parts: GenerationParts, way: WayBack): JsonObject {
  const { from, to, changes, diff } = way;
  const code = codeBack(parts, to);
  const state = stateBack(parts, code, to);
  const why = { sourceOf: (server: string) => server, reason: "", atMs: 0 };
  return {
    from: from.number,
    to: to.number,
    madeAtMs: to.madeAtMs,
    why: to.why,
    policy: to.policy,
    changes: changes.map((change) => ({ ...change })),
    diff,
    code: code.kind,
    freehold: to.build.version,
    edits: editsOf(parts),
    schema: state === null ? null : to.schema,
    lost: (state?.lost ?? []).map((one) => ({ ...one })),
    stale: [...(state?.stale ?? [])],
    willBar: rejected(from, to, why).map(({ name }) => name),
  };
}

/** Files with edits that were never applied: they leave the folder and stay in its history. */
function editsOf({ home, policy }: GenerationParts): readonly string[] {
  const present = readPolicyFiles(home.dir);
  if (policyDigest(present) === policy.current().digest) return [];
  return (policy.proposal()?.changes ?? []).map(({ file }) => file);
}

function stateBack({ home }: GenerationParts, code: CodeBack, to: Generation): CarriedBack | null {
  if (code.kind !== "restart" || to.schema >= SCHEMA_VERSION) return null;
  return previewCarryBack(home.database, to.schema);
}

async function rollBack(parts: GenerationParts, input: JsonObject, context: OperationContext): Promise<JsonObject> {
  const { policy } = parts;
  const owner = requireOwner(context.owner);
  const [from, to] = [maybeNumber(input, "from") ?? 0, maybeNumber(input, "to") ?? 0];
  const target = policy.generations.get(to);
  const code = codeBack(parts, target);
  if (code.kind !== "restart") {
    await policy.rollback({ from, to }, owner);
    return { generation: to, restarts: false, barred: barredRows(parts.store) };
  }
  requireHeld(policy.generation(), from);
  // Now, while whoever asked can still hear it: the texts are there and can be read by this Freehold too.
  policy.wayBack(to);
  parts.endFor({ to, how: "rollback", trial: null });
  return { generation: to, restarts: true, pid: process.pid };
}

function garbage(parts: GenerationParts, input: JsonObject): JsonObject {
  const { home, policy, clock, store } = parts;
  const keep = maybeNumber(input, "keep") ?? KEEP_DEFAULT;
  if (!Number.isInteger(keep) || keep < 1 || keep > KEEP_MAX) {
    throw new Fault("control.input", { message: `'keep' must be a number from 1 to ${KEEP_MAX}.` });
  }
  const plan = planGc({
    home,
    keep,
    generations: policy.generations,
    nowMs: clock.nowMs(),
    alsoTrees: [...proposedTrees(parts), policy.build().tree ?? "", installedLlama(home)?.tree ?? ""],
    packagesOf: (generation) => packagesOf(home, generation),
    materialsOf: (generation) => materialsIn(acceptedFiles(home, generation.policy, generation.files)[LOCK_FILE]),
    alsoModels: materialsIn(readPolicyFiles(home.dir)[LOCK_FILE]).models,
  });
  const isDry = input["dry"] === true;
  if (!isDry && isAnything(plan)) {
    collect({ home, generations: policy.generations }, plan);
    const facts = { generations: plan.generations, trees: plan.trees, bytes: plan.bytes };
    store.ledger.append({ kind: "change", session: null, principal: "owner", subject: "gc", request: null, facts });
  }
  return { ...plan, generations: [...plan.generations], dry: isDry };
}

function isAnything(plan: GcPlan): boolean {
  const { generations, trees, policies, packages, models, states } = plan;
  return [generations, trees, policies, packages, models, states].some((list) => list.length > 0);
}

/** What lies in the home and is not applied yet. One that cannot be read names nothing for sure: the fault says so. */
function proposedTrees({ home }: GenerationParts): readonly string[] {
  const lock = readPolicyFiles(home.dir)[LOCK_FILE];
  if (lock === undefined) return [];
  const servers = Object.values(parseLock(lock, LOCK_FILE).servers);
  return [...servers.flatMap(({ tree }) => (tree === null ? [] : [tree.hash])), ...materialsIn(lock).skills];
}

function materialsIn(lock: string | undefined): Materials {
  if (lock === undefined) return { skills: [], models: [] };
  const { skills = {}, models = {} } = parseLock(lock, LOCK_FILE);
  return {
    skills: Object.values(skills).map(({ tree }) => tree),
    models: Object.values(models).map((one) => one.sha256),
  };
}

function packagesOf(home: HomePaths, { policy, files }: Generation): readonly string[] {
  const lock = acceptedFiles(home, policy, files)[LOCK_FILE];
  if (lock === undefined) return [];
  const { servers, skills = {} } = parseLock(lock, LOCK_FILE);
  const ofServers = Object.values(servers).flatMap(({ tree }) => tree?.packages ?? []);
  return [...ofServers, ...Object.values(skills)].flatMap(({ integrity }) => integrity ?? []);
}
