// Where things lie in the stack home. Pure: names only, nothing is read or made.

import { createHash } from "node:crypto";
import { homedir, tmpdir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { Fault } from "../kernel/index.ts";

/** sun_path holds 104 bytes on macOS and 108 on Linux, the closing zero included. */
const SOCKET_BYTES_MAX = 100;

export interface HomePaths {
  readonly dir: string;
  readonly stack: string;
  readonly lock: string;
  readonly rules: string;
  readonly stackSchema: string;
  readonly cardsDir: string;
  readonly skillsDir: string;
  readonly automationsDir: string;
  readonly verdictsDir: string;
  readonly memoryDir: string;
  /** Ignored by git, 0700. */
  readonly stateDir: string;
  readonly database: string;
  readonly trees: string;
  readonly store: string;
  readonly generations: string;
  readonly secrets: string;
  readonly accepted: string;
  readonly logs: string;
  readonly backups: string;
  /** What other programs of the owner's need to reach the daemon: socket, address, pid. */
  readonly daemon: string;
  /** Journal of changes made to other programs' configurations. */
  readonly clientsJournal: string;
  readonly controlSocket: string;
  readonly gatewaySocket: string;
}

/** Where the service's sockets stand, in a folder that the owner's group may enter. */
const SERVICE_RUNTIME = "/run/freehold";
const SERVICE_HOME = "/var/lib/freehold";

type Env = Readonly<Record<string, string | undefined>>;

/** `env` decides only where the sockets go when the home's own path is too long for one. */
export function homePaths(dir: string, env: Env = process.env): HomePaths {
  const state = join(dir, ".state");
  const sockets = dir === SERVICE_HOME ? SERVICE_RUNTIME : socketDir(state, env);
  return {
    dir,
    stack: join(dir, "stack.yaml"),
    lock: join(dir, "stack.lock"),
    rules: join(dir, "rules.yaml"),
    stackSchema: join(dir, "stack.schema.json"),
    cardsDir: join(dir, "cards"),
    skillsDir: join(dir, "skills"),
    automationsDir: join(dir, "automations"),
    verdictsDir: join(dir, "verdicts"),
    memoryDir: join(dir, "memory"),
    stateDir: state,
    database: join(state, "freehold.db"),
    trees: join(state, "trees"),
    store: join(state, "store"),
    generations: join(state, "generations"),
    secrets: join(state, "secrets.age"),
    accepted: join(state, "accepted"),
    logs: join(state, "logs"),
    backups: join(state, "backups"),
    daemon: join(state, "daemon.json"),
    clientsJournal: join(state, "clients.json"),
    controlSocket: join(sockets, "control.sock"),
    gatewaySocket: join(sockets, "gateway.sock"),
  };
}

function socketDir(state: string, env: Env): string {
  if (Buffer.byteLength(join(state, "control.sock")) + 1 < SOCKET_BYTES_MAX) return state;
  const hash = createHash("sha256").update(state).digest("hex").slice(0, 16);
  const runtime = env["XDG_RUNTIME_DIR"];
  if (runtime !== undefined && isAbsolute(runtime) && Buffer.byteLength(runtime) < 50)
    return join(runtime, `freehold-${hash}`);
  const base = Buffer.byteLength(tmpdir()) < 50 ? tmpdir() : "/tmp";
  return join(base, `freehold-${process.getuid?.() ?? 0}-${hash}`);
}

/** Argument, then FREEHOLD_HOME, then ~/freehold-home; absolute. */
export function resolveHome({ argument, env }: { readonly argument: string | null; readonly env: Env }): string {
  const given = argument ?? env["FREEHOLD_HOME"] ?? null;
  const owner = env["HOME"] ?? homedir();
  if (given === null || given === "") return join(owner, "freehold-home");
  if (given.includes("\0")) throw new Fault("home.bad-path", { message: "the path of the stack home holds a NUL." });
  if (given === "~" || given.startsWith("~/")) return resolve(owner, given.slice(2));
  return resolve(given);
}
