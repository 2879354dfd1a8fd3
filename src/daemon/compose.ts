// The composition root: constructs every room, passes the ports, and takes them down again. No logic of its own.

import { rmSync } from "node:fs";
import { homedir } from "node:os";
import { decide, Fault, reasonOf, type JsonObject } from "../kernel/index.ts";
import { writeAtomic } from "../home/index.ts";
import { verifyLedger } from "../store/index.ts";
import { serveHttp, type HttpEndpoint } from "../mcp/index.ts";
import {
  allOperations,
  LOGIN_PATH,
  loginCallback,
  ownerAuth,
  startControl,
  type LoginParts,
  type Operation,
  type ServerState,
} from "../control/index.ts";
import { openConsole } from "../console/index.ts";
import {
  authenticate,
  endedClients,
  memoryCompartment,
  openEndpoint,
  previewOf,
  receiverClearance,
  SERVER_CAPABILITIES,
  watchHolds,
  type ActivePolicy,
  type ClientIdentity,
  type PreviewCall,
  type Remote,
} from "../gateway/index.ts";
import { anchor, anchorsOf } from "./anchors.ts";
import { chatsOf } from "./chats.ts";
import { openEffects, type Effects } from "./effects.ts";
import { freeholdOf, pointAtNext, type Ending } from "./freehold.ts";
import { openListeners, type Place } from "./listen.ts";
import { modelEndpointOf } from "./model-endpoint.ts";
import { modelUseOf } from "./models.ts";
import { metadataOf, remoteOf } from "./remote.ts";
import { collectAll, restAfterWork } from "./rest.ts";
import { openState, type DaemonState } from "./state.ts";
import { watchUpdates, type UpdateWatch } from "./watch-updates.ts";
import { confirmBuild } from "../supply/index.ts";

export interface DaemonOptions {
  readonly homeDir: string;
  readonly version: string;
  /** Preferred; the next free one is taken when it is busy, and 0 takes any. */
  readonly port: number;
  /** Under an operating system user of its own. */
  readonly isOwnUser: boolean;
  readonly waitMs: number;
  /** Further names that the console and the gateway answer to. */
  readonly hosts?: readonly string[];
  /** For ${home}; the home folder of this process's user where it is left out. */
  readonly ownerHome?: string;
}

export interface Daemon {
  readonly url: string;
  readonly port: number;
  /** Resolves when a shutdown was asked for. */
  readonly shutdownAsked: Promise<void>;
  stop(): Promise<void>;
  /** The end was for another build to take over. */
  isToStartAgain(): boolean;
}

const BODY_BYTES_MAX = 8 * 1024 * 1024;
const WIRE_SESSIONS_MAX = 1_000;
const IDLE_SESSION_MS = 30 * 60_000;
const ANCHOR_EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;
const LISTS = ["tools", "prompts", "resources"];

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const state = openState(options.homeDir);
  try {
    const place: Place = { url: "", port: 0, hosts: [] };
    const redirectUri = (): string => new URL(LOGIN_PATH, place.url).href;
    const { waitMs, ownerHome = homedir() } = options;
    const effects = openEffects(state, { decide, waitMs, ownerHome, redirectUri });
    await openTheSecrets(state);
    await effects.door.recover();
    const daemon = await listenForAll(options, { state, effects, place });
    effects.door.carryOutAnswered().catch((error: unknown) => process.stderr.write(`answers: ${reasonOf(error)}\n`));
    return daemon;
  } catch (error) {
    state.close();
    throw error;
  }
}

async function listenForAll(options: DaemonOptions, { state, effects, place }: Wiring): Promise<Daemon> {
  const { home, store, clock, random } = state;
  const { upstreams } = effects;
  const auth = ownerAuth({ settings: store.settings, nowMs: clock.nowMs, randomBytes: random.bytes });
  const { promise: shutdownAsked, resolve: shutdown } = Promise.withResolvers<void>();
  const ending: Ending = { next: null };
  const operations = operationsOf(options, { state, effects, auth, place, shutdown, ending });
  const remote = remoteOf(state, effects.door, () => place.hosts);
  const endpoint = endpointOf(options, { state, effects, place, remote });
  tellOfResources(state, effects, endpoint);
  const owners = openConsole({
    operations: new Map(operations.map((operation) => [operation.name, operation])),
    auth,
    origin: () => place.url.replace(/\/$/, ""),
    allowedHosts: () => place.hosts,
    onLedger: (listener) => store.ledger.onAppend(listener),
    nowMs: clock.nowMs,
    randomBytes: random.bytes,
  });
  const watch = watchUpdates(state, effects, options);
  onApplied({ state, effects, endpoint, watch });
  const parts = {
    port: options.port,
    hosts: options.hosts ?? [],
    socket: home.gatewaySocket,
    mcp: endpoint,
    models: modelEndpointOf(state, effects, { place, remote }),
    console: owners,
    metadata: metadataOf(remote, () => place.hosts),
    login: loginCallback(loginPartsOf({ state, effects }), () => place.hosts),
  };
  const listeners = await openListeners(parts, place);
  const mode = options.isOwnUser ? 0o660 : 0o600;
  const control = await startControl({ socketPath: home.controlSocket, mode, operations, auth });
  writeAtomic(home.daemon, JSON.stringify({ pid: process.pid, url: place.url, port: place.port }), 0o600);
  const onFault = (error: unknown): void => void process.stderr.write(`holds: ${reasonOf(error)}\n`);
  const holds = watchHolds({ store, clock, door: effects.door, policy: state.active, onFault });
  confirmBuild(state.policyState.generations);
  const anchoring = setInterval(() => anchor(home, store), ANCHOR_EVERY_MS).unref();
  const endRest = restAfterWork({ work: () => store.ledger.head().size, collect: collectAll });
  return {
    url: place.url,
    port: place.port,
    shutdownAsked,
    isToStartAgain: () => ending.next !== null,
    async stop() {
      clearInterval(anchoring);
      endRest();
      holds.close();
      watch.close();
      endpoint.close();
      owners.close();
      await Promise.all([control.close(), listeners.close(), upstreams.stopAll(), effects.models.close()]);
      anchor(home, store);
      rmSync(home.daemon, { force: true });
      pointAtNext(state, ending);
      state.close();
    },
  };
}

/** Servers that run otherwise start anew, clients that may no longer come are cut off, and programs hear of it. */
function onApplied({ state, effects, endpoint, watch }: Applied): void {
  let before = state.active();
  state.policyState.onApplied(() => {
    for (const server of changedServers(before, state.active())) {
      effects.upstreams
        .retry(server)
        .then(() => watch.look(server))
        .catch((error: unknown) => process.stderr.write(`${server}: ${reasonOf(error)}\n`));
    }
    const ended = endedClients(before, state.active());
    endpoint.endSessions(({ principal }) => ended.includes(principal.name));
    before = state.active();
    for (const list of LISTS) endpoint.notify(() => true, `notifications/${list}/list_changed`, {});
  });
}

interface Applied extends Pick<Wiring, "state" | "effects"> {
  readonly endpoint: HttpEndpoint<ClientIdentity>;
  readonly watch: UpdateWatch;
}

/** Before a server is started, so that its words can be masked. Without them the rest works on, and says so. */
async function openTheSecrets({ secrets }: DaemonState): Promise<void> {
  try {
    await secrets.open();
    if (secrets.isLocked()) process.stderr.write("the secrets are locked: freehold secret unlock\n");
  } catch (error) {
    process.stderr.write(`secrets: ${error instanceof Fault ? error.line() : reasonOf(error)}\n`);
  }
}

interface Wiring {
  readonly state: DaemonState;
  readonly effects: Effects;
  readonly place: Place;
}

function operationsOf(
  options: DaemonOptions,
  wiring: Wiring & {
    readonly auth: ReturnType<typeof ownerAuth>;
    readonly shutdown: () => void;
    readonly ending: Ending;
  },
): readonly Operation[] {
  const { state, effects, place, auth, shutdown, ending } = wiring;
  const { home, store, clock, random, secrets, signer, policyState, canaries } = state;
  return allOperations({
    canaries,
    ...loginPartsOf({ state, effects }),
    ...freeholdOf(state, { effects, ending, shutdown }),
    store,
    clock,
    random,
    auth,
    home,
    secrets,
    shutdown,
    door: effects.door,
    policy: policyState,
    version: options.version,
    homeDir: home.dir,
    startedAtMs: clock.nowMs(),
    isOwnUser: options.isOwnUser,
    url: () => place.url,
    servers: () => serverStates(effects, state),
    areSecretsLocked: () => secrets.isLocked(),
    restart: (name) => effects.upstreams.retry(name),
    sandbox: async () => ({ ...(await effects.probe()) }),
    preview: (principal, tool, args) => previewOf(state.active(), { principal, tool }, previewCall(state, args)),
    updates: effects.updates,
    ...effects.fetching,
    ...modelUseOf(state, effects),
    chats: chatsOf(state, effects.door),
    prepare: (name, server, progress) => effects.prepare(name, server, progress),
    verify: () => verifyLedger({ file: home.database, publicKeyPem: signer.publicKeyPem, anchors: anchorsOf(home) }),
  });
}

function loginPartsOf({ state, effects }: Pick<Wiring, "state" | "effects">): LoginParts {
  return {
    store: state.store,
    policy: state.policyState,
    logins: effects.logins,
    loginChanged: (server) => effects.upstreams.retry(server),
  };
}

function previewCall({ clock, store }: DaemonState, args: JsonObject | undefined): PreviewCall {
  const nowMs = clock.nowMs();
  return { args, nowMs, usesToday: (rule) => store.ledger.usesOf(rule, nowMs - DAY_MS) };
}

function endpointOf(
  options: DaemonOptions,
  { state, effects, place, remote }: Wiring & { readonly remote: Remote },
): HttpEndpoint<ClientIdentity> {
  return serveHttp({
    authenticate: (request) => (remote.isRemote(request) ? null : authenticate(state.store, request)),
    admit: (request) => remote.admit(request),
    keyOf: (identity) => identity.key,
    reportFailure: (error) => process.stderr.write(`gateway: ${reasonOf(error)}\n`),
    respond: openEndpoint({ door: effects.door, store: state.store, clock: state.clock, policy: state.active }),
    serverInfo: { name: "freehold", title: "Freehold", version: options.version },
    capabilities: SERVER_CAPABILITIES,
    bodyBytesMax: BODY_BYTES_MAX,
    sessionsMax: WIRE_SESSIONS_MAX,
    idleMs: IDLE_SESSION_MS,
    allowedHosts: () => [...place.hosts, ...remote.hosts()],
    // Its own pages alone, where a browser says where it comes from.
    allowedOrigins: () => place.hosts.filter((host) => host.includes(":")).map((host) => `http://${host}`),
  });
}

/** A changed resource is told to those that watch its address and may see the server it is of. */
function tellOfResources(state: DaemonState, effects: Effects, endpoint: HttpEndpoint<ClientIdentity>): void {
  effects.onUpdated((server, uri) => {
    const { stack } = state.active();
    const compartment = stack.servers[server]?.compartment ?? "";
    const sees = ({ principal: { kind, name } }: ClientIdentity): boolean =>
      receiverClearance(stack, kind, name).includes(compartment);
    endpoint.notify(sees, "notifications/resources/updated", { uri });
  });
}

/** Those that no longer run as the owner wrote and locked them; the others go on. */
function changedServers(before: ActivePolicy, now: ActivePolicy): readonly string[] {
  const written = ({ stack, lock }: ActivePolicy, name: string): string =>
    JSON.stringify([stack.servers[name], lock.servers[name]?.surfaceRoot, lock.servers[name]?.tree?.hash]);
  return Object.keys(before.stack.servers).filter((name) => written(before, name) !== written(now, name));
}

function serverStates(
  { upstreams, logins }: Effects,
  { active, hearing, secrets }: DaemonState,
): readonly ServerState[] {
  const isLocked = secrets.isLocked();
  const names = Object.keys(active().stack.servers).filter((name) => memoryCompartment(name) === null);
  return names.map((name) => {
    const running = upstreams.running(name);
    const said = saidText(hearing.saidBy(name));
    if (logins.needsLogin(name) !== null) {
      return { name, state: "needs-login", why: `freehold server login ${name}`, pid: running?.pid ?? null };
    }
    if (running === null) {
      const held = upstreams.heldBack(name);
      const isWaiting = isLocked && Object.keys(active().stack.servers[name]?.secrets ?? {}).length > 0;
      const why = isWaiting ? "waits for its secrets: freehold secret unlock" : said;
      if (held === null) return { name, state: "idle", why, pid: null };
      return { name, state: "held-back", why: `${held}: freehold server restart ${name}`, pid: null };
    }
    const { quarantine, pid } = running;
    return { name, state: quarantine === null ? "running" : "held-back", why: quarantine ?? said, pid };
  });
}

function saidText(secrets: readonly string[]): string | null {
  if (secrets.length === 0) return null;
  return `it answered with the value of ${secrets.map((name) => `secret '${name}'`).join(", ")}, which was taken out`;
}
