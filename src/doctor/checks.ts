// The checks, all at once and each with a deadline.

import { execFile } from "node:child_process";
import { existsSync, lstatSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { codeOf, homePaths, isHome } from "../home/index.ts";
import type { JsonObject, JsonValue } from "../kernel/index.ts";
import { probeSandbox, type SandboxProbe } from "../sandbox/index.ts";
import { KEPT, lookAtKept, type Kept } from "../supply/index.ts";
import { checked, fail, ok, unknown, warn, type Check, type Finding } from "./check.ts";
import { explainSandbox } from "./sandbox-fix.ts";

export interface CheckOptions {
  readonly home: string;
  readonly port: number;
  /** The daemon's status, or null when it does not run. */
  readonly status: () => Promise<JsonObject | null>;
  /** Tests pass their own. */
  readonly probe?: () => Promise<SandboxProbe>;
  readonly nodeVersion?: string;
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 5_000;
/** Everything that is kept is read; a large model takes seconds. */
const KEPT_DEADLINE_MS = 60_000;
const NODE_MIN = [24, 12] as const;
const GIT_MIN = [2, 28] as const;
const FREE_FAIL_BYTES = 200 * 1024 * 1024;
const FREE_WARN_BYTES = 1024 * 1024 * 1024;

export function runChecks(options: CheckOptions): Promise<readonly Check[]> {
  const { home, deadlineMs = DEADLINE_MS } = options;
  const looks: readonly (readonly [string, () => Finding | Promise<Finding>])[] = [
    ["node", () => node(options.nodeVersion ?? process.versions.node)],
    ["git", git],
    ["sandbox", () => sandbox(options.probe ?? (() => probeSandbox(explainSandbox)))],
    ["home", () => homeFolder(home)],
    ["disk", () => disk(home)],
    ["daemon", () => daemon(options.status)],
    ["port", () => port(options)],
  ];
  const kept = KEPT.map((each) => checked(each, () => keptWhole(each, home), KEPT_DEADLINE_MS));
  return Promise.all([...looks.map(([name, look]) => checked(name, look, deadlineMs)), ...kept]);
}

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

function node(version: string): Finding {
  if (isAtLeast(version, NODE_MIN)) return ok(`Node ${version}`);
  return fail(
    `Node ${version} is older than ${NODE_MIN.join(".")}`,
    "npm start brings the right one into the checkout",
  );
}

async function git(): Promise<Finding> {
  let said: string;
  try {
    said = (await promisify(execFile)("git", ["--version"])).stdout;
  } catch {
    return fail("git is not on PATH, and the stack home is a git repository", "install git");
  }
  const version = /(\d+\.\d+(?:\.\d+)?)/.exec(said)?.[1];
  if (version === undefined) return unknown(`git does not say its version: ${said.trim().slice(0, 80)}`);
  if (isAtLeast(version, GIT_MIN)) return ok(`git ${version}`);
  return warn(`git ${version} is older than ${GIT_MIN.join(".")}`, "update git");
}

async function sandbox(probe: () => Promise<SandboxProbe>): Promise<Finding> {
  const found = await probe();
  if (found.kind === "absent") return fail(`${found.reason}, so no server of others starts`, found.fix);
  if (found.backend === "sandbox-exec") return warn("sandbox-exec works; it is not tested on every change", "");
  if (found.limits === "cgroup") return ok("bwrap works, limits by cgroup");
  return ok("bwrap works, limits by a look every second (as a service they are exact)");
}

/** Others must not read the state, and nobody else may own the home. */
function homeFolder(home: string): Finding {
  if (!existsSync(home)) return warn(`${home} is not there yet`, "freehold init");
  if (!isHome(home))
    return fail(`${home} is no stack home: stack.yaml or its git repository is missing`, "freehold init");
  const own = process.getuid?.();
  const folder = lstatSync(home);
  const state = lstatSync(homePaths(home).stateDir, { throwIfNoEntry: false });
  if (own !== undefined && folder.uid !== own) return warn(`${home} belongs to another user`, "run this as that user");
  if (state === undefined) return ok(`${home}, not used yet`);
  if (state.isSymbolicLink())
    return warn(".state is a link; what it leads to is not checked", "make it a folder of the home");
  if ((state.mode & 0o077) !== 0) {
    return fail("other users can look into .state", `chmod 700 ${homePaths(home).stateDir}`);
  }
  if ((folder.mode & 0o022) !== 0) return fail("other users can write into the stack home", `chmod go-w ${home}`);
  return ok(home);
}

/** Each byte against the hash that it is kept under. */
async function keptWhole(kept: Kept, home: string): Promise<Finding> {
  let looked;
  try {
    looked = await lookAtKept(kept, homePaths(home));
  } catch (error) {
    if (codeOf(error) === "EACCES") return unknown("it belongs to the service's user, so it was not read");
    throw error;
  }
  const [first, ...rest] = looked.damaged;
  if (first === undefined) return ok(looked.count === 0 ? "none yet" : `${looked.count}, each byte as it was kept`);
  return fail(`${first}${rest.length === 0 ? "" : `, and ${rest.length} more`}`, KEPT_FIXES[kept]);
}

const KEPT_FIXES: Readonly<Record<Kept, string>> = {
  generations: "freehold rollback to a sound one, or restore .state from a backup",
  trees: "move that folder away; the locked files are put back when the server starts",
  packages: "remove that file; it is fetched again when it is needed",
  skills: "freehold skill add fetches it again",
  models: "remove that file and fetch the model again",
};

function disk(home: string): Finding {
  let folder = home;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const text = `${(free / 1024 ** 3).toFixed(1)} GB free`;
  if (free < FREE_FAIL_BYTES)
    return fail(`${text}: the ledger could not be written, and then nothing passes`, "make room");
  return free < FREE_WARN_BYTES ? warn(text, "make room") : ok(text);
}

async function daemon(status: CheckOptions["status"]): Promise<Finding> {
  const state = await status();
  if (state === null) return warn("the daemon does not run", "freehold start");
  if (state["stopped"] === true) return warn("the daemon runs and everything is stopped", "freehold resume");
  if (state["ownerSet"] === false)
    return warn("no PIN is set, so any program of yours could set one", "freehold pin set");
  const { weaker } = state;
  if (typeof weaker === "string") return warn(weaker, "freehold service install gives it a user of its own");
  return ok(`version ${plain(state["version"])}, process ${plain(state["pid"])}`);
}

async function port({ port: wanted, status }: CheckOptions): Promise<Finding> {
  const state = await status();
  if (state !== null) return ok(`console at ${plain(state["url"])}`);
  const isFree = await new Promise<boolean>((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(wanted, "127.0.0.1", () => server.close(() => resolve(true)));
  });
  if (isFree) return ok(`${wanted} is free`);
  return warn(
    `${wanted} is taken by another program; the next free one will be used`,
    "FREEHOLD_PORT=9000 freehold start",
  );
}

function plain(value: JsonValue | undefined): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "unknown";
}
