// The rehearsal of an update: the version in use and the one to come, side by side in the sandbox, and what differs.
// Nothing of the stack changes; what was staged lies beside the installed trees until somebody applies it.

import { performance } from "node:perf_hooks";
import { Fault, reasonOf, surfaceRoot, type Effect } from "../kernel/index.ts";
import { splitNpm, type CardFile, type LockedServer, type StackServer } from "../manifest/index.ts";
import { compareAnswers, type ContractFile, type Replay } from "./contracts.ts";
import { gatherEvidence, type Evidence } from "./evidence.ts";
import { openNpm, type Npm, type NpmContext } from "./npm.ts";
import { diffOutgoing } from "./outgoing-diff.ts";
import { practiceCalls, type PracticeCall } from "./practice-args.ts";
import { practise, type Practice } from "./practice.ts";
import { bringTree } from "./bring.ts";
import { stageServer, type StagedServer } from "./prepare.ts";
import { isFact } from "./scan-rules.ts";
import { scanSurface, type OtherTools } from "./scan-surface.ts";
import { diffSurfaces, type SurfaceDiff } from "./surface-diff.ts";
import { diffTrees, type TreeDiff } from "./tree-diff.ts";
import { judgeUpdate, stakesOf, type Judged, type OutgoingFact, type VerdictFacts } from "./verdict.ts";

export interface RehearseRequest extends NpmContext {
  readonly name: string;
  /** As accepted; its source is the version in use. */
  readonly stackServer: StackServer;
  readonly locked: LockedServer;
  /** The source to come, exact. */
  readonly source: string;
  readonly cards: CardFile["cards"];
  readonly contracts: ContractFile | null;
  readonly ownerHome: string;
  readonly others: OtherTools;
  /** Of tools that are gone, those that are in use, each with by what. */
  readonly uses?: (tools: readonly string[]) => Promise<readonly string[]>;
  /** Since the version to come was first seen here; null where nothing has an age. */
  readonly ageMs: number | null;
  readonly cooldownMs: number;
  readonly nowMs: number;
  /** Of the registry's dates, for what the server needs. */
  readonly beforeMs?: number;
}

export interface Rehearsal {
  readonly name: string;
  readonly before: LockedServer;
  readonly after: LockedServer;
  readonly judged: Judged;
  readonly surface: SurfaceDiff;
  readonly tree: TreeDiff;
  readonly replay: Replay;
  readonly outgoing: {
    readonly before: number;
    readonly after: number;
    readonly facts: readonly OutgoingFact[];
    /** Calls that change something, made in both versions so that what they send can be compared. */
    readonly calls: number;
  };
  readonly evidence: Evidence;
  readonly ageMs: number | null;
  readonly notes: readonly string[];
  readonly seconds: { readonly staged: number; readonly whole: number };
}

/** Throws a fault of resolving or installing. A version that does not run in the rehearsal is a finding, no fault. */
export async function rehearse(request: RehearseRequest): Promise<Rehearsal> {
  const startedMs = performance.now();
  const { name, stackServer, locked, source, progress } = request;
  await bringTree({ ...request, locked });
  const calls = callsFor(request);
  const npm = source.startsWith("npm:") ? await openNpm(request) : null;
  // The present version can be asked while the other is brought.
  const underway = attempt(practiceOf(request, locked, calls));
  const staging = stageServer({ ...request, npm, stackServer: { ...stackServer, source } });
  const asked = evidenceOf(request, npm, staging);
  // Where the staging fails, what was begun all the same is waited for.
  const [staged] = await Promise.all([staging, underway]).catch(async (error: unknown) => {
    await Promise.allSettled([underway, asked]);
    throw error;
  });
  const stagedMs = performance.now();
  const { locked: after } = staged;
  progress(`rehearsing ${name} ${locked.version ?? ""} beside ${after.version ?? "the new one"}`);
  const [was, is, tree, evidence] = await Promise.all([
    underway,
    attempt(practiceOf(request, after, calls)),
    diffTrees({ home: request.homePaths, before: locked, after }),
    asked,
  ]);
  const surface = diffSurfaces(locked.surface, after.surface);
  const compared = compare({ request, was, is }, surface.removedTools);
  const unrehearsed = [was, is].flatMap((one) => ("failed" in one ? [one.failed] : []))[0] ?? null;
  const missed = surface.removedTools.length === 0 ? [] : ((await request.uses?.(surface.removedTools)) ?? []);
  const facts = factsOf({ request, after, surface, tree, evidence, compared, was, is, unrehearsed, missed });
  const doneMs = performance.now();
  return {
    name,
    before: locked,
    after,
    judged: judgeUpdate(facts),
    surface,
    tree,
    replay: compared.replay,
    outgoing: { ...compared.outgoing, calls: calls.filter((call) => !call.isRead).length },
    evidence,
    ageMs: request.ageMs,
    notes: [...staged.notes, ...notesOn(compared.replay)],
    seconds: { staged: seconds(stagedMs - startedMs), whole: seconds(doneMs - startedMs) },
  };
}

function seconds(ms: number): number {
  return Number((ms / 1_000).toFixed(2));
}

/** The version in use as it answers now, twice: what freehold record keeps. */
export function practiceOf(
  request: Omit<RehearseRequest, "source">,
  locked: LockedServer,
  calls: readonly PracticeCall[],
): Promise<Practice> {
  const { name, stackServer, ownerHome, probe, permitConnection, nowMs, homePaths: home } = request;
  const server = { ...stackServer, source: locked.source };
  return practise({ name, locked, stackServer: server, calls, home, ownerHome, probe, permitConnection, nowMs });
}

/** Recorded calls first, then what the accepted definitions allow. */
export function callsFor(
  request: Pick<RehearseRequest, "contracts" | "locked" | "cards" | "name">,
): readonly PracticeCall[] {
  const { contracts, locked, cards, name } = request;
  const isRead = (tool: string): boolean => {
    const card = Object.hasOwn(cards, `${name}.${tool}`) ? cards[`${name}.${tool}`] : undefined;
    return card?.effect === "read" && !Object.values(card.roles).includes("egress");
  };
  const made = practiceCalls(locked.surface, isRead);
  const recorded: readonly PracticeCall[] = contracts?.calls ?? [];
  const labels = new Set(recorded.map(({ label }) => label));
  return [...recorded, ...made.filter(({ label }) => !labels.has(label))];
}

type Attempt = { readonly practice: Practice } | { readonly failed: string };

async function attempt(work: Promise<Practice>): Promise<Attempt> {
  try {
    return { practice: await work };
  } catch (error) {
    if (error instanceof Fault) return { failed: reasonOf(error) };
    throw error;
  }
}

interface Compared {
  readonly replay: Replay;
  readonly outgoing: Omit<Rehearsal["outgoing"], "calls">;
}

interface Sides {
  readonly request: RehearseRequest;
  readonly was: Attempt;
  readonly is: Attempt;
}

function compare({ request, was, is }: Sides, removedTools: readonly string[]): Compared {
  if ("failed" in was || "failed" in is) {
    const replay = { total: 0, same: 0, differing: [], picked: [], unanswered: [], stale: [] };
    return { replay, outgoing: { before: 0, after: 0, facts: [] } };
  }
  const [before, after] = [was.practice, is.practice];
  const facts = diffOutgoing({
    before: before.requests,
    after: after.requests,
    beforeNames: before.names,
    afterNames: after.names,
  });
  return {
    replay: compareAnswers({
      before: before.answers,
      after: after.answers,
      contracts: request.contracts?.calls ?? [],
      removedTools,
    }),
    outgoing: { before: before.requests.length, after: after.requests.length, facts },
  };
}

/** Asked while the new version is brought: only the advisories need to know what it needs. */
function evidenceOf(
  { source, locked }: RehearseRequest,
  npm: Npm | null,
  staging: Promise<StagedServer>,
): Promise<Evidence> {
  const { name, version } = splitNpm(source);
  const npmLock = staging.then((staged) => staged.npmLock);
  return gatherEvidence({ npm, name, before: locked.version, after: npm === null ? null : version, npmLock });
}

interface Found extends Sides {
  readonly after: LockedServer;
  readonly surface: SurfaceDiff;
  readonly tree: TreeDiff;
  readonly evidence: Evidence;
  readonly compared: Compared;
  readonly unrehearsed: string | null;
  readonly missed: readonly string[];
}

function factsOf(found: Found): VerdictFacts {
  const { request, after, surface, tree, evidence, compared, was, is, unrehearsed, missed } = found;
  const { packages } = tree;
  const effects: readonly Effect[] = Object.values(request.cards).map((card) => card.effect);
  const { sandbox, secrets } = request.stackServer;
  const isAs = (one: Attempt, locked: LockedServer): boolean =>
    "failed" in one || surfaceRoot(one.practice.surface) === locked.surfaceRoot;
  const top = splitNpm(after.source).name;
  return {
    stakes: stakesOf({
      effects,
      hasSecrets: Object.keys(secrets).length > 0,
      hasNetwork: sandbox === "none" || sandbox.network !== "none",
    }),
    surface: { ...surface, isStable: isAs(was, request.locked) && isAs(is, after), missed },
    code: {
      ownLines: tree.own.added + tree.own.removed,
      added: packages.added,
      removed: packages.removed,
      changed: packages.changed
        .filter(({ name }) => name !== top)
        .map(({ name, from, to }) => `${name} ${from} -> ${to}`),
      rewritten: packages.rewritten,
      scripts: tree.scripts,
      capabilities: tree.capabilities.map((reach) => `${reach.package}: ${reach.names.join(", ")}`),
      hosts: tree.hosts,
    },
    contracts: {
      total: compared.replay.total,
      differing: compared.replay.differing,
      picked: compared.replay.picked,
    },
    outgoing: compared.outgoing.facts,
    evidence,
    ageMs: request.ageMs,
    cooldownMs: request.cooldownMs,
    poison: poisonIn(request, after),
    unrehearsed,
  };
}

/** Facts of the scanner in texts that the accepted version did not have. */
function poisonIn({ locked, others }: RehearseRequest, after: LockedServer): readonly string[] {
  const key = ({ rule, where, quote }: { rule: string; where: string; quote: string }): string =>
    JSON.stringify([rule, where, quote]);
  const known = new Set(scanSurface(locked.surface, others).map(key));
  return scanSurface(after.surface, others)
    .filter((finding) => isFact(finding.rule) && !known.has(key(finding)))
    .map(({ where, says }) => `${where}: ${says}`);
}

function notesOn({ unanswered, stale }: Replay): readonly string[] {
  const list = (labels: readonly string[]): string => labels.slice(0, 5).join(", ");
  return [
    ...(unanswered.length === 0 ? [] : [`not replayed, for want of an answer: ${list(unanswered)}.`]),
    ...(stale.length === 0 ? [] : [`recorded calls that the present version answers otherwise: ${list(stale)}.`]),
  ];
}
