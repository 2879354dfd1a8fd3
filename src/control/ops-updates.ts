// Updates of servers: which there are, the rehearsal of one, and the proposal that takes it over.
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
  parseLock,
  splitGit,
  splitNpm,
  STACK_FILE,
  type CardFile,
  type LockedServer,
  type StackServer,
} from "../manifest/index.ts";
import {
  contractsFrom,
  formatContracts,
  parseContracts,
  rehearsalFacts,
  verdictPath,
  verdictText,
  type Choice,
  type ContractFile,
  type Decided,
  type Rehearsal,
} from "../supply/index.ts";
import type { Store } from "../store/index.ts";
import { barredList, refuseBarred } from "./barred.ts";
import { carryCards } from "./carry-cards.ts";
import { othersOf } from "./findings.ts";
import { maybeObject, maybeText, text, texts } from "./input.ts";
import type { Operation } from "./operation.ts";
import { planned } from "./ops-stack.ts";
import type { PolicyState } from "./policy-state.ts";

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

interface ExtraCall {
  readonly label: string;
  readonly tool: string;
  readonly args: JsonObject;
  readonly isRead: true;
}

type Rehearsed = Map<string, { readonly rehearsal: Rehearsal; readonly at: string }>;

/** What is told of a rehearsal's text on a screen is bounded. */
const HUNKS_SHOWN_MAX = 30_000;
const NEWER_MAX = 20;
const REASON_MIN = 8;
const REASON_MAX = 500;
const EXEMPT_MS = 90 * 86_400_000;

export function updateOperations(parts: UpdateParts): readonly Operation[] {
  // One for each server; a restart forgets them, and the rehearsal is made again.
  const rehearsed: Rehearsed = new Map();
  return [
    { name: "update.list", needsOwner: false, run: (input) => list(parts, texts(input, "names")) },
    {
      name: "update.rehearse",
      needsOwner: true,
      run: (input, { emit }) => rehearseOne(parts, rehearsed, { input, emit }),
    },
    { name: "update.accept", needsOwner: true, run: async (input) => accept(parts, rehearsed, input) },
    { name: "contracts.record", needsOwner: true, run: (input) => record(parts, input) },
  ];
}

function serverOf({ policy, home }: UpdateParts, name: string): UpdateServer {
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

function contractsPath(name: string): string {
  return `contracts/${name}.json`;
}

function contractsIn(home: HomePaths, name: string): ContractFile | null {
  const file = join(home.dir, contractsPath(name));
  return existsSync(file) ? parseContracts(readFileSync(file, "utf8"), contractsPath(name)) : null;
}

async function list(parts: UpdateParts, names: readonly string[]): Promise<JsonObject> {
  const { lock } = parts.policy.current();
  const wanted = names.length > 0 ? names : Object.keys(lock.servers);
  const servers = await Promise.all(
    wanted.map(async (name): Promise<JsonObject> => {
      const server = serverOf(parts, name);
      const choice = await parts.updates.choose(server);
      const { update = "ask" } = server.stackServer;
      const barred = barredOf(parts, server);
      return { name, current: server.locked.version, update, ...choiceOf(choice, barred) };
    }),
  );
  return { servers };
}

/** Versions that the owner rolled back from. */
function barredOf({ store }: UpdateParts, { locked }: UpdateServer): ReadonlySet<string> {
  const own = splitNpm(locked.source).name;
  const sources = barredList(store.settings).map(({ source }) => splitNpm(source));
  return new Set(sources.flatMap(({ name, version }) => (name === own && version !== null ? [version] : [])));
}

function choiceOf(choice: Choice, barred: ReadonlySet<string>): JsonObject {
  switch (choice.kind) {
    case "known": {
      const { newer, note } = choice.candidates;
      const shown = newer.slice(0, NEWER_MAX).map((one) => ({ ...one, isBarred: barred.has(one.version) }));
      return { kind: "known", newer: shown, pick: pickOf(choice, barred), note };
    }
    case "unknown":
      return { kind: "unknown", why: choice.why };
    case "folder":
    case "git":
    case "remote":
      return { kind: choice.kind };
  }
}

/** What was rolled back from is not offered again. */
function pickOf(choice: Choice & { readonly kind: "known" }, barred: ReadonlySet<string>): string | null {
  const { newer, pick } = choice.candidates;
  if (pick === null || !barred.has(pick)) return pick;
  return newer.find(({ version, isYoung }) => !isYoung && !barred.has(version))?.version ?? null;
}

interface Asked {
  readonly input: JsonObject;
  readonly emit: (event: JsonObject) => void;
}

async function rehearseOne(parts: UpdateParts, rehearsed: Rehearsed, { input, emit }: Asked): Promise<JsonObject> {
  const name = text(input, "name");
  const server = serverOf(parts, name);
  const { update = "ask", cooldownMs = COOLDOWN_DEFAULT_MS } = server.stackServer;
  if (update === "never") {
    throw new Fault("update.never", { message: `stack.yaml says that ${name} is never updated.`, at: STACK_FILE });
  }
  const progress = (step: string): void => emit({ progress: step });
  progress(server.locked.kind === "npm" ? "asking the registry" : "looking at its source");
  const { source, ageMs } = await targetOf(parts, server, maybeText(input, "version"));
  if (source !== server.locked.source) refuseBarred(parts.store.settings, { source, tree: null });
  const others = othersOf(parts.policy.current(), name);
  const rehearsal = await parts.updates.rehearse({ ...server, source, ageMs, cooldownMs, others, progress });
  const at = nowText(parts);
  rehearsed.set(name, { rehearsal, at });
  const path = verdictPath(rehearsal);
  write(parts, path, verdictText(rehearsal, { at, decided: null }));
  commitHome(parts.home.dir, { message: `Rehearse ${path.slice(9, -5)}`.slice(0, 72), paths: [path] });
  note(parts, `${name}: ${rehearsal.judged.verdict}`, { verdict: path });
  const isSame = rehearsal.before.tree?.hash === rehearsal.after.tree?.hash;
  return {
    ...rehearsalFacts(rehearsal),
    isSame,
    update,
    file: path,
    hunks: rehearsal.tree.hunks.slice(0, HUNKS_SHOWN_MAX),
  };
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

function accept(parts: UpdateParts, rehearsed: Rehearsed, input: JsonObject): JsonObject {
  const name = text(input, "name");
  const { rehearsal, at = "" } = rehearsed.get(name) ?? {};
  const server = serverOf(parts, name);
  if (rehearsal === undefined || rehearsal.before.tree?.hash !== server.locked.tree?.hash) {
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
  const { source } = rehearsal.after;
  refuseBarred(parts.store.settings, { source, tree: rehearsal.after.tree?.hash ?? null });
  const decided = decisionOn(rehearsal, { input, nowMs: parts.clock.nowMs() });
  const files = readPolicyFiles(parts.home.dir);
  const lock = files[LOCK_FILE] === undefined ? EMPTY_LOCK : parseLock(files[LOCK_FILE], LOCK_FILE);
  const { after, before } = rehearsal;
  const stackServer = { ...server.stackServer, source: after.source };
  const cards = carryCards({ name, stackServer, cards: server.cards, before: before.surface, after: after.surface });
  write(parts, verdictPath(rehearsal), verdictText(rehearsal, { at, decided }));
  commitHome(parts.home.dir, { message: `Decide on ${name}`.slice(0, 72), paths: [verdictPath(rehearsal)] });
  note(parts, `${name}: ${decided.kind}`, { verdict: verdictPath(rehearsal), reason: decided.reason });
  write(parts, cardsFile(name), formatCardFile(cards));
  write(parts, LOCK_FILE, formatLock({ ...lock, servers: { ...lock.servers, [name]: after } }));
  if (after.source !== before.source) {
    write(
      parts,
      STACK_FILE,
      editStack(files[STACK_FILE] ?? "", [{ kind: "change-source", name, source: after.source }]),
    );
  }
  return planned(parts.policy.proposal());
}

/** Throws Fault `update.blocked` or `update.reason`. */
function decisionOn(
  { name, judged }: Rehearsal,
  { input, nowMs }: { readonly input: JsonObject; readonly nowMs: number },
): Decided {
  const reason = maybeText(input, "reason")?.trim() ?? "";
  const isOverride = input["override"] === true;
  const at = new Date(nowMs).toISOString();
  const { verdict, reasons } = judged;
  if (verdict === "block" && !isOverride) {
    throw new Fault("update.blocked", {
      message: `this version of ${name} is blocked: ${oneLine(reasons[0]?.says ?? "", 300)}.`,
      next: `stay with the one in use; or freehold update ${name} --override, with a reason that is kept`,
    });
  }
  if ((verdict === "block" || verdict === "audit") && (reason.length < REASON_MIN || reason.length > REASON_MAX)) {
    throw new Fault("update.reason", {
      message: `taking over what is to be audited needs your reason, of ${REASON_MIN} to ${REASON_MAX} characters.`,
    });
  }
  const shown = reason === "" ? null : oneLine(reason, REASON_MAX);
  if (verdict !== "block") return { kind: "accepted", at, reason: shown, until: null };
  return { kind: "overridden", at, reason: shown, until: new Date(nowMs + EXEMPT_MS).toISOString().slice(0, 10) };
}

async function record(parts: UpdateParts, input: JsonObject): Promise<JsonObject> {
  const name = text(input, "name");
  const server = serverOf(parts, name);
  const tool = maybeText(input, "tool");
  const args = maybeObject(input, "args") ?? {};
  const picked = new Set(server.contracts?.calls.flatMap(({ label, isPicked }) => (isPicked ? [label] : [])));
  const more: ExtraCall[] = [];
  if (tool !== null) {
    const label = `${oneLine(tool, 120)} ${oneLine(JSON.stringify(args), 200)}`;
    more.push({ label, tool, args, isRead: true });
    picked.add(label);
  }
  const calls = contractsFrom(await parts.updates.record(server, more), picked);
  if (calls.length === 0) {
    throw new Fault("contracts.none", { message: `no tool of ${name} that only reads answered on samples.` });
  }
  const path = contractsPath(name);
  write(parts, path, formatContracts({ version: 1, server: name, source: server.locked.source, calls }));
  commitHome(parts.home.dir, { message: `Record ${calls.length} calls of ${name}`.slice(0, 72), paths: [path] });
  return {
    file: path,
    calls: calls.map(({ label, match, isPicked, answer }) => ({ label, match, isPicked, kind: answer.kind })),
  };
}

function nowText({ clock }: UpdateParts): string {
  return new Date(clock.nowMs()).toISOString();
}

function write({ home, isOwnUser }: UpdateParts, path: string, content: string): void {
  const modes = homeModes(isOwnUser);
  ensureDir(dirname(join(home.dir, path)), modes.folder);
  writeAtomic(join(home.dir, path), content, modes.file);
}

function note(parts: UpdateParts, subject: string, facts: JsonObject): void {
  parts.store.ledger.append({ kind: "change", session: null, principal: "owner", subject, request: null, facts });
}
