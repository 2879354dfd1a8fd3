// Changes of the stack. Each writes a proposal into the home and answers its diff; only apply makes it true.

import { dirname, join } from "node:path";
import { Fault, isObject, oneLine, type Clock, type JsonObject, type Random } from "../kernel/index.ts";
import { ensureDir, homeModes, writeAtomic, type HomePaths } from "../home/index.ts";
import {
  cardsFile,
  didYouMean,
  editStack,
  formatCardFile,
  formatLock,
  LOCK_FILE,
  parseLock,
  parseStack,
  STACK_FILE,
  EMPTY_LOCK,
  VIEWS,
  type CardFile,
  type ClientView,
  type LockedServer,
  type ServerDraft,
  type StackEdit,
  type StackServer,
} from "../manifest/index.ts";
import { readPolicyFiles } from "../home/index.ts";
import { newToken, type Store } from "../store/index.ts";
import { rmSync } from "node:fs";
import { plainFinding } from "./findings.ts";
import { maybeText, text, textMap, texts } from "./input.ts";
import { requireOwner, type Operation } from "./operation.ts";
import type { PolicyState, Proposal } from "./policy-state.ts";
import { trialSource } from "./trial-source.ts";

export interface Prepared {
  readonly locked: LockedServer;
  readonly draft: CardFile;
  readonly notes: readonly string[];
}

export interface StackParts {
  readonly home: HomePaths;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly policy: PolicyState;
  /** The owner edits the files as another user then. */
  readonly isOwnUser: boolean;
  prepare(name: string, server: StackServer, progress: (text: string) => void): Promise<Prepared>;
}

export function stackOperations(parts: StackParts): readonly Operation[] {
  return [
    { name: "plan", needsOwner: false, run: async () => planned(parts.policy.proposal()) },
    {
      name: "apply",
      needsOwner: true,
      async run(input, context) {
        const proposal = parts.policy.proposal();
        const applied = await parts.policy.apply(
          text(input, "digest"),
          requireOwner(context.owner),
          texts(input, "read"),
        );
        return { digest: applied.digest, changes: changesOf(proposal) };
      },
    },
    { name: "server.add", needsOwner: true, run: (input, context) => addServer(parts, input, context.emit) },
    { name: "server.remove", needsOwner: true, run: async (input) => removeServer(parts, text(input, "name")) },
    { name: "client.add", needsOwner: true, run: async (input) => addClient(parts, input) },
    { name: "client.remove", needsOwner: true, run: async (input) => removeClient(parts, text(input, "name")) },
  ];
}

async function addServer(parts: StackParts, input: JsonObject, emit: (event: JsonObject) => void): Promise<JsonObject> {
  const name = text(input, "name");
  const files = readPolicyFiles(parts.home.dir);
  const stack = parseStack(files[STACK_FILE] ?? "", STACK_FILE);
  const compartment = maybeText(input, "compartment") ?? onlyCompartment(Object.keys(stack.compartments));
  const edits: StackEdit[] = [];
  if (!Object.hasOwn(stack.compartments, compartment)) edits.push({ kind: "add-compartment", name: compartment });
  const source = text(input, "source");
  const draft = serverDraft(input, trialSource(source), compartment);
  const trial = editStack(files[STACK_FILE] ?? "", [...edits, { kind: "add-server", name, server: draft }]);
  const declared = parseStack(trial, STACK_FILE).servers[name];
  if (declared === undefined) throw new Fault("stack.name", { message: `'${name}' cannot name a server.` });
  const progress = (step: string): void => emit({ progress: step });
  const { locked, draft: cards, notes } = await parts.prepare(name, { ...declared, source }, progress);
  const stackText = editStack(files[STACK_FILE] ?? "", [
    ...edits,
    { kind: "add-server", name, server: { ...draft, source: locked.source } },
  ]);
  const lock = files[LOCK_FILE] === undefined ? EMPTY_LOCK : parseLock(files[LOCK_FILE], LOCK_FILE);
  writeHomeFile(parts, cardsFile(name), formatCardFile(cards));
  writeHomeFile(parts, LOCK_FILE, formatLock({ ...lock, servers: { ...lock.servers, [name]: locked } }));
  writeHomeFile(parts, STACK_FILE, stackText);
  return {
    name,
    version: locked.version,
    packages: locked.tree?.packages.length ?? 0,
    tools: locked.surface.tools.length,
    notes,
    card: Object.values(cards.cards).map((card) => ({
      tool: card.tool,
      effect: card.effect,
      trust: card.result.trust,
      critical: argumentsOf(locked, card.tool).filter(
        (argument) => (card.roles[argument] ?? "critical") === "critical",
      ),
      content: Object.keys(card.roles).filter((argument) => card.roles[argument] === "content"),
      egress: Object.keys(card.roles).filter((argument) => card.roles[argument] === "egress"),
    })),
    ...planned(parts.policy.proposal()),
  };
}

function argumentsOf(locked: LockedServer, tool: string): readonly string[] {
  const name = tool.slice(tool.indexOf(".") + 1);
  const schema = locked.surface.tools.find((definition) => definition["name"] === name)?.["inputSchema"];
  const properties = isObject(schema) ? schema["properties"] : undefined;
  return isObject(properties) ? Object.keys(properties) : [];
}

function serverDraft(input: JsonObject, source: string, compartment: string): ServerDraft {
  const read = texts(input, "read");
  const write = texts(input, "write");
  const network = texts(input, "network");
  const args = texts(input, "args");
  const env = textMap(input, "env");
  const secrets = textMap(input, "secrets");
  const hasSandbox = read.length + write.length + network.length > 0;
  return {
    source,
    compartment,
    ...(args.length === 0 ? {} : { args }),
    ...(Object.keys(env).length === 0 ? {} : { env }),
    ...(Object.keys(secrets).length === 0 ? {} : { secrets }),
    ...(hasSandbox ? { sandbox: { read, write, network: network.length === 0 ? ("none" as const) : network } } : {}),
  };
}

function onlyCompartment(names: readonly string[]): string {
  const [first, second] = names;
  if (first === undefined) return "personal";
  if (second === undefined) return first;
  throw new Fault("stack.compartment", {
    message: `there are several compartments (${names.join(", ")}).`,
    next: `add --compartment ${first}`,
  });
}

function removeServer(parts: StackParts, name: string): JsonObject {
  const files = readPolicyFiles(parts.home.dir);
  const stackText = editStack(files[STACK_FILE] ?? "", [{ kind: "remove-server", name }]);
  const lock = files[LOCK_FILE] === undefined ? EMPTY_LOCK : parseLock(files[LOCK_FILE], LOCK_FILE);
  const servers = Object.fromEntries(Object.entries(lock.servers).filter(([server]) => server !== name));
  rmSync(join(parts.home.dir, cardsFile(name)), { force: true });
  writeHomeFile(parts, LOCK_FILE, formatLock({ ...lock, servers }));
  writeHomeFile(parts, STACK_FILE, stackText);
  return planned(parts.policy.proposal());
}

/** The token is answered once and only its hash stays; it opens nothing before the proposal is applied. */
function addClient(parts: StackParts, input: JsonObject): JsonObject {
  const name = text(input, "name");
  const files = readPolicyFiles(parts.home.dir);
  const stack = parseStack(files[STACK_FILE] ?? "", STACK_FILE);
  const wanted = texts(input, "compartments");
  const compartments = wanted.length > 0 ? wanted : [onlyCompartment(Object.keys(stack.compartments))];
  const missing = compartments.filter((compartment) => !Object.hasOwn(stack.compartments, compartment));
  const edits: StackEdit[] = missing.map((compartment) => ({ kind: "add-compartment", name: compartment }));
  const view = viewInput(input);
  if (!Object.hasOwn(stack.clients, name)) edits.push({ kind: "add-client", name, compartments, view });
  else if (Object.keys(view).length > 0) edits.push({ kind: "change-view", name, view });
  if (edits.length > 0) writeHomeFile(parts, STACK_FILE, editStack(files[STACK_FILE] ?? "", edits));
  const { token, hash } = newToken((count) => parts.random.bytes(count));
  parts.store.transaction(() => {
    parts.store.clients.put({ name, tokenHash: hash, createdAtMs: parts.clock.nowMs() });
    record(parts, `token for client ${name} made`, "client");
  });
  return { token, ...planned(parts.policy.proposal()) };
}

/** As it is to stand in stack.yaml, whose parser judges it. Tools to list beside a search ask for a hybrid. */
function viewInput(input: JsonObject): Partial<ClientView> {
  const direct = texts(input, "direct");
  const view = maybeText(input, "view") ?? (direct.length > 0 ? "hybrid" : null);
  if (view === null) return {};
  const known = VIEWS.find((one) => one === view);
  if (known !== undefined) return { view: known, ...(direct.length > 0 ? { direct } : {}) };
  throw new Fault("stack.view", {
    message: `'${oneLine(view, 40)}' is no view of the tools.${didYouMean(view, VIEWS)}`,
    next: `one of ${VIEWS.join(", ")}`,
  });
}

/** Its access ends at once, and with it what it asked and what is held for it; the rest is a proposal. */
function removeClient(parts: StackParts, name: string): JsonObject {
  const { clients, questions } = parts.store;
  parts.store.transaction(() => {
    clients.remove(name);
    const its = questions.list(["open", "held"]).filter(({ binding }) => binding.principal === `client:${name}`);
    for (const { id } of its) questions.apply(id, { kind: "no", note: `the access of ${name} was taken away` });
    record(parts, `token of client ${name} voided`, "client");
  });
  const files = readPolicyFiles(parts.home.dir);
  const stack = parseStack(files[STACK_FILE] ?? "", STACK_FILE);
  if (Object.hasOwn(stack.clients, name)) {
    writeHomeFile(parts, STACK_FILE, editStack(files[STACK_FILE] ?? "", [{ kind: "remove-client", name }]));
  }
  return planned(parts.policy.proposal());
}

export function planned(proposal: Proposal | null): JsonObject {
  const findings = (proposal?.findings() ?? []).map(plainFinding);
  return { digest: proposal?.digest ?? null, changes: changesOf(proposal), diff: proposal?.diff ?? "", findings };
}

function changesOf(proposal: Proposal | null): readonly JsonObject[] {
  return (proposal?.changes ?? []).map((change) => ({ ...change }));
}

/** Of the policy, as the owner may edit it; inert until it is applied. */
export function writeHomeFile(parts: Pick<StackParts, "home" | "isOwnUser">, path: string, content: string): void {
  const file = join(parts.home.dir, path);
  const modes = homeModes(parts.isOwnUser);
  if (dirname(file) !== parts.home.dir) ensureDir(dirname(file), modes.folder);
  writeAtomic(file, content, modes.file);
}

function record(parts: StackParts, subject: string, kind: "change" | "client" = "change"): void {
  parts.store.ledger.append({ kind, session: null, principal: "owner", subject, request: null, facts: {} });
}
