// The composition root: constructs every room, passes the ports, and takes them down again. No logic of its own.

import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { canonical, decide, isObject, parseStrict, type JsonObject, type PermitConnection } from "../kernel/index.ts";
import { appendHead, homePaths, lockHome, readHeads, writeAtomic, type HomePaths } from "../home/index.ts";
import { openSecrets, openSigner } from "../secrets/index.ts";
import { openStore, verifyLedger, type SignedHead, type Store } from "../store/index.ts";
import { probeSandbox, type SandboxProbe } from "../sandbox/index.ts";
import { serveHttp } from "../mcp/index.ts";
import { bringTree, launchSpecOf, prepareServer, type InstallOptions } from "../supply/index.ts";
import { allOperations, openPolicyState, ownerAuth, startControl, type ServerState } from "../control/index.ts";
import { openConsole } from "../console/index.ts";
import {
  activate,
  authenticate,
  openDoor,
  openEndpoint,
  openSessions,
  openUpstreams,
  previewOf,
  SERVER_CAPABILITIES,
  type Upstreams,
} from "../gateway/index.ts";
import { openListeners } from "./listen.ts";

export interface DaemonOptions {
  readonly homeDir: string;
  readonly version: string;
  /** Preferred; the next free one is taken when it is busy. */
  readonly port: number;
  /** Under an operating system user of its own. */
  readonly isOwnUser: boolean;
  readonly waitMs: number;
}

export interface Daemon {
  readonly url: string;
  readonly port: number;
  /** Resolves when a shutdown was asked for. */
  readonly shutdownAsked: Promise<void>;
  stop(): Promise<void>;
}

const BODY_BYTES_MAX = 8 * 1024 * 1024;
const IDLE_SESSION_MS = 30 * 60_000;
const ANCHOR_EVERY_MS = 3_600_000;

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const home = homePaths(options.homeDir);
  const held = lockHome(home.dir);
  const clock = { nowMs: () => Date.now() };
  const random = { bytes: (count: number): Uint8Array => randomBytes(count) };
  const signer = openSigner({ dir: home.stateDir });
  const secrets = openSecrets({ dir: home.stateDir });
  const store = openStore({ file: home.database, nowMs: clock.nowMs, randomBytes: random.bytes, sign: signer.sign });
  const policyState = openPolicyState({ home, store, clock });
  let active = activate(policyState.current());
  let sandbox: Promise<SandboxProbe> | null = null;
  const probe = (): Promise<SandboxProbe> => (sandbox ??= probeSandbox());

  const upstreams: Upstreams = openUpstreams({
    clock,
    protect: [home.stateDir, join(home.dir, ".git")],
    installed: [home.trees],
    probe,
    launch: async (name) => {
      const stackServer = active.stack.servers[name];
      const locked = active.lock.servers[name];
      if (stackServer === undefined || locked === undefined) return null;
      await bringTree({ ...supplyContext(await probe()), name, locked });
      return launchSpecOf({ name, stackServer, locked, homePaths: home, ownerHome: homedir() });
    },
    lockedRoot: (server) => {
      const locked = active.lock.servers[server];
      return locked === undefined ? null : { root: locked.surfaceRoot, surface: locked.surface };
    },
    secret: (name) => secrets.get(name),
    permitConnection: (server) => permit(`server:${server}`, "server"),
    onChange: (server, text) => process.stderr.write(`${server}: ${text}\n`),
  });
  const sessions = openSessions({ store, clock });
  const door = openDoor({
    store,
    clock,
    random,
    sessions,
    upstreams,
    policy: () => active,
    decide,
    waitMs: options.waitMs,
  });
  await door.recover();

  function permit(principal: string, purpose: string): PermitConnection {
    return ({ host, port }) => Promise.resolve(door.connect({ principal, purpose, host, port }));
  }

  function supplyContext(ready: SandboxProbe): Omit<InstallOptions, "name" | "locked"> {
    return { homePaths: home, probe: ready, permitConnection: permit("freehold", "supply"), progress: () => undefined };
  }

  const auth = ownerAuth({ settings: store.settings, nowMs: clock.nowMs, randomBytes: random.bytes });
  let askShutdown: () => void = () => undefined;
  const shutdownAsked = new Promise<void>((resolve) => (askShutdown = resolve));
  const operations = allOperations({
    store,
    clock,
    random,
    door,
    auth,
    home,
    secrets,
    policy: policyState,
    version: options.version,
    homeDir: home.dir,
    startedAtMs: clock.nowMs(),
    isOwnUser: options.isOwnUser,
    url: () => listeners.url,
    servers: () => serverStates(upstreams, Object.keys(active.stack.servers)),
    sandbox: async () => ({ ...(await probe()) }),
    preview: (principal, tool) => previewOf(active, principal, tool),
    shutdown: () => askShutdown(),
    prepare: async (name, stackServer, progress) =>
      prepareServer({ ...supplyContext(await probe()), name, stackServer, progress, ownerHome: homedir() }),
    verify: () => verifyLedger({ file: home.database, publicKeyPem: signer.publicKeyPem, anchors: anchorsOf(home) }),
  });

  const endpoint = serveHttp({
    authenticate: (request) => authenticate(store, request),
    keyOf: (identity) => identity.key,
    respond: openEndpoint({ door, policy: () => active }),
    serverInfo: { name: "freehold", title: "Freehold", version: options.version },
    capabilities: SERVER_CAPABILITIES,
    bodyBytesMax: BODY_BYTES_MAX,
    sessionsMax: 1_000,
    idleMs: IDLE_SESSION_MS,
    allowedHosts: () => listeners.hosts,
    allowedOrigins: () => [],
  });
  const owners = openConsole({
    operations: new Map(operations.map((operation) => [operation.name, operation])),
    auth,
    origin: () => listeners.url.replace(/\/$/, ""),
    allowedHosts: () => listeners.hosts,
    onLedger: (listener) => store.ledger.onAppend(listener),
    nowMs: clock.nowMs,
    randomBytes: random.bytes,
  });
  policyState.onApplied((policy) => {
    const before = active;
    active = activate(policy);
    for (const server of Object.keys(before.stack.servers)) void upstreams.stop(server);
    for (const list of ["tools", "prompts", "resources"])
      endpoint.notify(() => true, `notifications/${list}/list_changed`, {});
  });

  const listeners = await openListeners({
    port: options.port,
    socket: home.gatewaySocket,
    mcp: endpoint,
    console: owners,
  });
  const control = await startControl({
    socketPath: home.controlSocket,
    mode: options.isOwnUser ? 0o660 : 0o600,
    operations,
    auth,
  });
  writeAtomic(home.daemon, JSON.stringify({ pid: process.pid, url: listeners.url, port: listeners.port }), 0o600);
  const anchoring = setInterval(() => anchor(home, store), ANCHOR_EVERY_MS).unref();

  return {
    url: listeners.url,
    port: listeners.port,
    shutdownAsked,
    async stop() {
      clearInterval(anchoring);
      endpoint.close();
      owners.close();
      await Promise.all([control.close(), listeners.close(), upstreams.stopAll()]);
      anchor(home, store);
      store.close();
      rmSync(home.daemon, { force: true });
      held.release();
    },
  };
}

function serverStates(upstreams: Upstreams, names: readonly string[]): readonly ServerState[] {
  return names.map((name) => {
    const running = upstreams.running(name);
    if (running === null) return { name, state: "idle", why: null, pid: null };
    const { quarantine, pid } = running;
    return { name, state: quarantine === null ? "running" : "held-back", why: quarantine, pid };
  });
}

/** Commits a signed head beside the home's history, where a rewritten ledger shows. */
function anchor(home: HomePaths, store: Store): void {
  const signed = store.ledger.signHead();
  if (signed !== null) appendHead(home.dir, canonical({ head: { ...signed.head }, signature: signed.signature }));
}

function anchorsOf(home: HomePaths): readonly SignedHead[] {
  return readHeads(home.dir).flatMap((text) => {
    const parsed = parseStrict(text);
    return parsed.kind === "value" && isObject(parsed.value) ? headsIn(parsed.value) : [];
  });
}

function headsIn(value: JsonObject): readonly SignedHead[] {
  const { head, signature } = value;
  if (!isObject(head) || typeof signature !== "string") return [];
  const { size, chain, root, atMs } = head;
  if (typeof size !== "number" || typeof atMs !== "number" || typeof chain !== "string" || typeof root !== "string")
    return [];
  return [{ head: { size, chain, root, atMs }, signature }];
}
