// One update of a server: which version, its rehearsal, and the proposal that takes it over.
// A verdict is written into the home and committed before anything can be accepted; nothing runs before apply.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { commitHome, ensureDir, homeModes, readPolicyFiles, writeAtomic, type HomePaths } from "../home/index.ts";
import { assert, Fault, oneLine, type Clock, type JsonObject } from "../kernel/index.ts";
import {
  cardsFile,
  COOLDOWN_DEFAULT_MS,
  editStack,
  EMPTY_LOCK,
  formatCardFile,
  formatLock,
  gitSource,
  LOCK_FILE,
  packageSource,
  parseLock,
  splitGit,
  splitNpm,
  STACK_FILE,
  type CardFile,
  type LockedServer,
  type StackServer,
} from "../manifest/index.ts";
import {
  parseContracts,
  verdictPath,
  verdictText,
  type Choice,
  type contractsFrom,
  type ContractFile,
  type Decided,
  type Rehearsal,
} from "../supply/index.ts";
import type { Store } from "../store/index.ts";
import { barredList, refuseBarred } from "./barred.ts";
import { carryCards } from "./carry-cards.ts";
import { othersOf } from "./findings.ts";
import type { PolicyState, Proposal } from "./policy-state.ts";
import { usesOf } from "./uses.ts";

export interface UpdateServer {
  readonly name: string;
  readonly stackServer: StackServer;
  readonly locked: LockedServer;
  readonly cards: CardFile["cards"];
  readonly contracts: ContractFile | null;
}

export interface RehearseOrder extends UpdateServer {
  readonly source: string;
  readonly ageMs: number | null;
  readonly cooldownMs: number;
  readonly others: ReadonlyMap<string, string>;
  readonly uses: (tools: readonly string[]) => Promise<readonly string[]>;
  readonly progress: (text: string) => void;
}

export interface UpdateParts {
  readonly home: HomePaths;
  readonly store: Store;
  readonly clock: Clock;
  readonly policy: PolicyState;
  readonly isOwnUser: boolean;
  readonly updates: {
    choose(server: UpdateServer): Promise<Choice>;
    rehearse(order: RehearseOrder): Promise<Rehearsal>;
    /** Calls the version in use, on samples. */
    record(server: UpdateServer, more: readonly ExtraCall[]): Promise<Parameters<typeof contractsFrom>[0]>;
  };
}

export interface ExtraCall {
  readonly label: string;
  readonly tool: string;
  readonly args: JsonObject;
  readonly isRead: true;
}

export function serverOf({ policy, home }: UpdateParts, name: string): UpdateServer {
  const { stack, lock, cards } = policy.current();
  const stackServer = Object.hasOwn(stack.servers, name) ? stack.servers[name] : undefined;
  const locked = Object.hasOwn(lock.servers, name) ? lock.servers[name] : undefined;
  if (stackServer === undefined || locked === undefined) {
    throw new Fault("update.no-server", {
      message: `there is no server '${oneLine(name, 60)}' in the accepted stack.`,
      next: "freehold status names the servers",
    });
  }
  const own = [...cards.values()].filter(({ tool }) => tool.startsWith(`${name}.`));
  return {
    name,
    stackServer,
    locked,
    cards: Object.fromEntries(own.map((card) => [card.tool, card])),
    contracts: contractsIn(home, name),
  };
}

export function contractsPath(name: string): string {
  return `contracts/${name}.json`;
}

function contractsIn(home: HomePaths, name: string): ContractFile | null {
  const file = join(home.dir, contractsPath(name));
  return existsSync(file) ? parseContracts(readFileSync(file, "utf8"), contractsPath(name)) : null;
}

/** Versions that the owner rolled back from. */
export function barredOf({ store }: UpdateParts, { locked }: UpdateServer): ReadonlySet<string> {
  const own = splitNpm(locked.source).name;
  const sources = barredList(store.settings).map(({ source }) => splitNpm(source));
  return new Set(sources.flatMap(({ name, version }) => (name === own && version !== null ? [version] : [])));
}

/** What was rolled back from is not offered again. */
export function pickOf(choice: Choice & { readonly kind: "known" }, barred: ReadonlySet<string>): string | null {
  const { newer, pick } = choice.candidates;
  if (pick === null || !barred.has(pick)) return pick;
  return newer.find(({ version, isYoung }) => !isYoung && !barred.has(version))?.version ?? null;
}

/** What was found, and where it is written down. */
export interface Rehearsed {
  readonly rehearsal: Rehearsal;
  readonly at: string;
  readonly file: string;
}

export interface Wanted {
  readonly name: string;
  /** Null: what is newest and old enough. */
  readonly version: string | null;
  readonly progress: (text: string) => void;
  /** The owner where it is left out. */
  readonly by?: "owner" | "freehold";
}

/** Written and committed before anybody can accept it. Faults: `update.never`, `.unknown`, `.remote`, `barred`. */
export async function rehearseServer(
  parts: UpdateParts,
  { name, version, progress, by = "owner" }: Wanted,
): Promise<Rehearsed> {
  const server = serverOf(parts, name);
  const { update = "ask", cooldownMs = COOLDOWN_DEFAULT_MS } = server.stackServer;
  if (update === "never") {
    throw new Fault("update.never", { message: `stack.yaml says that ${name} is never updated.`, at: STACK_FILE });
  }
  if (version !== null) requireVersion(server.locked, version);
  const { settings } = parts.store;
  // Before anything is asked for: the answer would be the same.
  if (version !== null) refuseBarred(settings, { source: namedSource(server.locked, version), tree: null });
  progress(server.locked.kind === "npm" ? "asking the registry" : "looking at its source");
  const { source, ageMs } = await targetOf(parts, server, version);
  if (source !== server.locked.source) refuseBarred(settings, { source, tree: null });
  const others = othersOf(parts.policy.current(), name);
  const uses = (tools: readonly string[]): Promise<readonly string[]> => usesOf(parts, name, tools);
  const rehearsal = await parts.updates.rehearse({ ...server, source, ageMs, cooldownMs, others, uses, progress });
  const at = nowText(parts);
  const file = verdictPath(rehearsal);
  writeInHome(parts, file, verdictText(rehearsal, { at, decided: null }));
  commitHome(parts.home.dir, { message: `Rehearse ${file.slice(9, -5)}`.slice(0, 72), paths: [file] });
  note(parts, { subject: `${name}: ${rehearsal.judged.verdict}`, facts: { verdict: file }, by });
  return { rehearsal, at, file };
}

/** npm would take a path or an address for the place of a package. */
function requireVersion({ kind, source }: LockedServer, version: string): void {
  const wrong = kind === "npm" ? packageSource(`npm:${splitNpm(source).name}@${version}`) : null;
  if (wrong === null) return;
  throw new Fault("update.version", { message: wrong, next: "freehold update lists the versions there are" });
}

function namedSource(locked: LockedServer, version: string): string {
  return locked.kind === "npm" ? `npm:${splitNpm(locked.source).name}@${version}` : "";
}

/** Faults: `update.not-rehearsed`, `update.other-changes`, `barred`. */
export function requireTakeable(parts: UpdateParts, server: UpdateServer, rehearsal: Rehearsal | undefined): Rehearsal {
  const { name, locked } = server;
  if (rehearsal === undefined || rehearsal.before.tree?.hash !== locked.tree?.hash) {
    throw new Fault("update.not-rehearsed", {
      message: `there is no rehearsal of ${name} against what is in use now.`,
      next: `freehold update ${name}`,
    });
  }
  if (parts.policy.proposal() !== null) {
    throw new Fault("update.other-changes", {
      message: "other changes of yours wait to be applied; an update is applied alone.",
      next: "freehold plan, then freehold apply",
    });
  }
  const { source, tree } = rehearsal.after;
  refuseBarred(parts.store.settings, { source, tree: tree?.hash ?? null });
  return rehearsal;
}

/** Writes the decision, and proposes the lock, the source and the cards. Nothing holds by it. */
export function propose(
  parts: UpdateParts,
  { rehearsal, at }: Pick<Rehearsed, "rehearsal" | "at">,
  { decided, by }: { readonly decided: Decided; readonly by: "owner" | "freehold" },
): Proposal | null {
  const { name, before, after } = rehearsal;
  const server = serverOf(parts, name);
  const files = readPolicyFiles(parts.home.dir);
  const lock = files[LOCK_FILE] === undefined ? EMPTY_LOCK : parseLock(files[LOCK_FILE], LOCK_FILE);
  const stackServer = { ...server.stackServer, source: after.source };
  const cards = carryCards({ name, stackServer, cards: server.cards, before: before.surface, after: after.surface });
  const file = verdictPath(rehearsal);
  writeInHome(parts, file, verdictText(rehearsal, { at, decided }));
  commitHome(parts.home.dir, { message: `Decide on ${name}`.slice(0, 72), paths: [file] });
  note(parts, { subject: `${name}: ${decided.kind}`, facts: { verdict: file, reason: decided.reason }, by });
  writeInHome(parts, cardsFile(name), formatCardFile(cards));
  writeInHome(parts, LOCK_FILE, formatLock({ ...lock, servers: { ...lock.servers, [name]: after } }));
  if (after.source !== before.source) {
    const edited = editStack(files[STACK_FILE] ?? "", [{ kind: "change-source", name, source: after.source }]);
    writeInHome(parts, STACK_FILE, edited);
  }
  return parts.policy.proposal();
}

interface Target {
  readonly source: string;
  readonly ageMs: number | null;
}

/** The version that was asked for; else the newest that is old enough; else the same one with what it needs today. */
async function targetOf(parts: UpdateParts, server: UpdateServer, version: string | null): Promise<Target> {
  const { locked } = server;
  const choice = await parts.updates.choose(server);
  if (choice.kind === "folder") return { source: locked.source, ageMs: null };
  if (choice.kind === "git") return { source: gitTarget(locked.source, version), ageMs: null };
  if (choice.kind === "remote") {
    throw new Fault("update.remote", {
      message: `${server.name} runs elsewhere: whoever runs it updates it, and its tools are held to their pins.`,
    });
  }
  const { name } = splitNpm(locked.source);
  if (choice.kind === "unknown") {
    if (version === null) throw new Fault("update.unknown", { message: `${choice.why}.`, next: "check the network" });
    return { source: `npm:${name}@${version}`, ageMs: 0 };
  }
  const picked = version ?? pickOf(choice, barredOf(parts, server)) ?? locked.version ?? "latest";
  const seenAtMs = choice.firstSeen.get(picked);
  const ageMs = seenAtMs === undefined ? 0 : parts.clock.nowMs() - seenAtMs;
  return { source: `npm:${name}@${picked}`, ageMs };
}

/** A branch, tag or commit that was asked for; else what its repository has as its present state. */
function gitTarget(source: string, ref: string | null): string {
  const place = splitGit(source);
  assert(place !== null, "a locked git server without an address");
  const wanted = ref === null ? `git+${place.url}` : `git+${place.url}#${ref}`;
  const wrong = gitSource(wanted);
  if (wrong === null) return wanted;
  throw new Fault("update.reference", { message: wrong, next: "name a branch, a tag or a commit" });
}

export function nowText({ clock }: UpdateParts): string {
  return new Date(clock.nowMs()).toISOString();
}

export function writeInHome({ home, isOwnUser }: UpdateParts, path: string, content: string): void {
  const modes = homeModes(isOwnUser);
  ensureDir(dirname(join(home.dir, path)), modes.folder);
  writeAtomic(join(home.dir, path), content, modes.file);
}

interface Noted {
  readonly subject: string;
  readonly facts: JsonObject;
  readonly by?: "owner" | "freehold";
}

function note({ store }: UpdateParts, { subject, facts, by = "owner" }: Noted): void {
  store.ledger.append({ kind: "change", session: null, principal: by, subject, request: null, facts });
}
