// The door with what lies behind it: sandboxed servers, their trees, their connections.

import { join } from "node:path";
import type { Decide, JsonObject, OwnersDoor, PermitConnection } from "../kernel/index.ts";
import type { StackServer } from "../manifest/index.ts";
import { explainSandbox } from "../doctor/sandbox-fix.ts";
import { probeSandbox, type SandboxProbe } from "../sandbox/index.ts";
import { bringTree, launchSpecOf, prepareServer, type InstallOptions, type PreparedServer } from "../supply/index.ts";
import { openDoor, openSessions, openUpstreams, type Logins, type Upstreams } from "../gateway/index.ts";
import { inProcessOf } from "./chats.ts";
import { fetchingOf, type Fetching } from "./fetching.ts";
import { LOGIN_PURPOSE, loginsOf, withLogin } from "./logins.ts";
import { modelsOf, type DaemonModels } from "./models.ts";
import type { UpdateParts } from "../control/index.ts";
import { updatesOf } from "./updates.ts";
import type { DaemonState } from "./state.ts";

const IDLE_STOP_MS = 10 * 60_000;

type ResourceUpdated = (server: string, uri: string) => void;
type ServerChanged = (server: string, text: string) => void;

export interface Effects {
  readonly door: OwnersDoor;
  readonly upstreams: Upstreams;
  readonly logins: Logins;
  readonly probe: () => Promise<SandboxProbe>;
  /** One listener, for what servers say of resources that are watched. */
  onUpdated(listener: ResourceUpdated): void;
  /** One listener, for servers that end, or serve something else than before. */
  onServerChange(listener: ServerChanged): void;
  readonly updates: UpdateParts["updates"];
  readonly fetching: Fetching;
  readonly models: DaemonModels;
  prepare(name: string, server: StackServer, progress: (text: string) => void): Promise<PreparedServer>;
}

export interface EffectOptions {
  readonly waitMs: number;
  /** The kernel's; a drill test passes one that has a clause taken out. */
  readonly decide: Decide;
  /** For ${home} in a server's paths. */
  readonly ownerHome: string;
  /** Where a browser brings back what an issuer gave it. */
  readonly redirectUri: () => string;
}

export function openEffects(state: DaemonState, { waitMs, ownerHome, decide, redirectUri }: EffectOptions): Effects {
  const { home, clock, random, store, secrets, hearing, active } = state;
  let probed: Promise<SandboxProbe> | null = null;
  const probe = (): Promise<SandboxProbe> => (probed ??= probeSandbox(explainSandbox));
  const permit =
    (principal: string, purpose: string): PermitConnection =>
    ({ host, port }) =>
      Promise.resolve(door.connect({ principal, purpose, host: hearing.text(host), port }));
  const supply = async (): Promise<Omit<InstallOptions, "name" | "locked">> => ({
    homePaths: home,
    probe: await probe(),
    permitConnection: permit("freehold", "supply"),
    progress: () => undefined,
  });
  const logins = loginsOf(state, permit("freehold", LOGIN_PURPOSE), redirectUri);
  let updated: ResourceUpdated = () => undefined;
  let changed: ServerChanged = sayChange;
  const upstreams = openUpstreams({
    onUpdated: (server, uri) => updated(server, uri),
    clock,
    probe,
    protect: [home.stateDir, join(home.dir, ".git")],
    installed: [home.trees],
    inProcess: inProcessOf(state),
    async launch(name) {
      const stackServer = active().stack.servers[name];
      const locked = active().lock.servers[name];
      if (stackServer === undefined || locked === undefined) return null;
      await bringTree({ ...(await supply()), name, locked });
      return launchSpecOf({ name, stackServer, locked, homePaths: home, ownerHome });
    },
    lockedRoot(server) {
      const locked = active().lock.servers[server];
      return locked === undefined ? null : { root: locked.surfaceRoot, surface: locked.surface };
    },
    secret: (name) => secrets.get(name),
    hearing: (server) => hearing.from(server),
    idleStopMs: (server) => active().stack.servers[server]?.idleStopMs ?? IDLE_STOP_MS,
    isNeeded: (server) => isAwaited(state, server),
    authorization: (server, url) => logins.authorization(server, url),
    needsLogin: (server) => logins.needsLogin(server),
    permitConnection: (server) => permit(`server:${server}`, "server"),
    onChange: (server, text) => changed(server, text),
  });
  const sessions = openSessions({ store, clock });
  const secretFault = (args: JsonObject): string | null => hearing.faultIn(args);
  const parts = { store, clock, random, sessions, upstreams, models: modelsOf(state, { permit, probe }) };
  const door = openDoor({ ...parts, policy: active, secretFault, decide, waitMs });
  hearing.onSaid((server, names) => door.noteMasked(server, names));
  const updates = updatesOf(state, { ownerHome, probe, permit });
  const prepare: Effects["prepare"] = async (name, stackServer, progress) =>
    withLogin({ logins, secret: (one) => secrets.get(one) }, { name, server: stackServer }, async (more) =>
      prepareServer({ ...(await supply()), name, stackServer, ownerHome, progress, ...more }),
    );
  const onUpdated: Effects["onUpdated"] = (listener) => void (updated = listener);
  const onServerChange: Effects["onServerChange"] = (listener) => void (changed = listener);
  const fetching = fetchingOf(state, { supply, permit: permit("freehold", "model") });
  const { models } = parts;
  return { fetching, models, onUpdated, onServerChange, door, upstreams, logins, probe, updates, prepare };
}

/** For the daemon's log. */
export function sayChange(server: string, text: string): void {
  process.stderr.write(`${server}: ${text}\n`);
}

/** The owner may still answer, or has answered, a question about it. */
function isAwaited({ store, clock }: DaemonState, server: string): boolean {
  return store.questions
    .list(["open", "yes"])
    .some(({ binding }) => binding.tool.startsWith(`${server}.`) && binding.expiresAtMs > clock.nowMs());
}
