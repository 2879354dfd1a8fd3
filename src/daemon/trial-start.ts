// A trial start of another Freehold: on a copy of the state, in the sandbox without network, secrets or servers, with
// everything stopped. What it made of the state is judged by the Freehold that runs.

import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Fault, oneLine, reasonOf, type JsonObject } from "../kernel/index.ts";
import { homePaths, initHome, type HomePaths } from "../home/index.ts";
import { connectControl, type ControlClient } from "../control/index.ts";
import { startSandboxed, type SandboxedProcess, type SandboxProbe } from "../sandbox/index.ts";
import { copyForTrial, schemaOf, verifyLedger, type SignedHead } from "../store/index.ts";
import type { Build } from "../supply/index.ts";
import { DAEMON_FLAGS } from "./node-flags.ts";

export interface TrialOptions {
  readonly home: HomePaths;
  readonly build: Build;
  /** Texts of the policy in force. */
  readonly files: Readonly<Record<string, string>>;
  readonly policy: string;
  readonly servers: number;
  readonly anchors: readonly SignedHead[];
  readonly probe: SandboxProbe;
}

export interface TrialDone {
  readonly readyMs: number;
  /** Of the ledger, verified after it. */
  readonly entries: number;
  /** Of the state it has written. */
  readonly schema: number;
  readonly isSandboxed: boolean;
}

const READY_MS = 30_000;
const END_MS = 10_000;
const LOOK_EVERY_MS = 40;
const SAID_MAX = 4_096;
const MEMORY_MB = 1_024;
const PIDS_MAX = 64;

/** Throws Fault `freehold.trial` with what it said and did. Nothing of it stays. */
export async function trialStart(options: TrialOptions): Promise<TrialDone> {
  // Short: a socket's path has a limit.
  mkdirSync(join(options.home.stateDir, "t"), { recursive: true, mode: 0o700 });
  const dir = mkdtempSync(join(options.home.stateDir, "t", "t"));
  let said = "";
  let child: SandboxedProcess | null = null;
  try {
    const home = prepareHome(dir, options);
    const startedAtMs = performance.now();
    child = await startChild(home, options);
    child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-SAID_MAX)));
    child.stdout.resume();
    const control = await reached(child, home);
    const readyMs = Math.round(performance.now() - startedAtMs);
    await look(control, options);
    await readyz(home);
    await ended(child, control);
    return { readyMs, isSandboxed: options.probe.kind === "ready", ...(await judged(home, options)) };
  } catch (error) {
    const words = said.trim() === "" ? "" : ` It said: "${oneLine(said.trim().slice(-600), 600)}".`;
    throw trialFault(
      `${options.build.version} does not start on a copy of your state: ${reasonOf(error)}.${words}`,
      error,
    );
  } finally {
    await child?.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

function trialFault(message: string, cause?: unknown): Fault {
  return new Fault("freehold.trial", {
    message,
    cause,
    next: "nothing was changed; stay with what runs, and report this",
  });
}

function prepareHome(dir: string, { home, files, policy }: TrialOptions): HomePaths {
  const { paths } = initHome(dir, { files });
  mkdirSync(paths.accepted, { recursive: true, mode: 0o700 });
  const accepted = `${policy}.json`;
  copyFileSync(join(home.accepted, accepted), join(paths.accepted, accepted));
  copyForTrial(home.database, paths.database);
  return homePaths(dir);
}

function startChild(home: HomePaths, { build, probe }: TrialOptions): Promise<SandboxedProcess> {
  const sockets = dirname(home.controlSocket);
  mkdirSync(sockets, { recursive: true, mode: 0o700 });
  const write = [...new Set([home.dir, sockets])];
  const main = join(build.root, "dist", "daemon", "main.js");
  const runtime = process.env["XDG_RUNTIME_DIR"];
  return startSandboxed({
    name: "freehold",
    spec: {
      read: [build.root],
      write,
      network: "none",
      memoryMb: MEMORY_MB,
      pidsMax: PIDS_MAX,
      off: probe.kind === "absent",
    },
    command: [process.execPath, ...DAEMON_FLAGS, main, "--home", home.dir],
    cwd: home.dir,
    env: {
      HOME: home.dir,
      FREEHOLD_PORT: "0",
      FREEHOLD_BUILD: "installed",
      NODE_NO_WARNINGS: "1",
      ...(runtime === undefined ? {} : { XDG_RUNTIME_DIR: runtime }),
    },
    probe,
    permitConnection: async () => false,
    protect: [],
  });
}

async function reached(child: SandboxedProcess, home: HomePaths): Promise<ControlClient> {
  let end: string | null = null;
  child.exited.then(
    ({ code, signal, reason }) => (end = reason ?? `it ended with ${signal ?? `code ${code}`}`),
    (error: unknown) => (end = reasonOf(error)),
  );
  for (const deadline = Date.now() + READY_MS; ;) {
    if (existsSync(home.daemon)) {
      const control = await connectControl(home.controlSocket).catch(() => null);
      if (control !== null) return control;
    }
    if (end !== null) throw new Error(end);
    if (Date.now() > deadline) throw new Error("it is not ready after 30 s");
    await wait(LOOK_EVERY_MS);
  }
}

/** It knows its own version, holds the same policy, and lets nothing pass. */
async function look(control: ControlClient, { build, servers }: TrialOptions): Promise<void> {
  const status: JsonObject = await control.call("status", {});
  const listed = Array.isArray(status["servers"]) ? status["servers"].length : -1;
  if (status["version"] !== build.version)
    throw new Error(`its status says version ${JSON.stringify(status["version"])}`);
  if (listed !== servers) throw new Error(`its status names ${listed} servers, and ${servers} are in your stack`);
  if (status["stopped"] !== true) throw new Error("it did not keep the kill switch");
}

function readyz(home: HomePaths): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { socketPath: home.gatewaySocket, path: "/readyz", timeout: END_MS };
    const asked = request(options, (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`/readyz answers ${response.statusCode}`));
    });
    asked.once("error", reject);
    asked.once("timeout", () => asked.destroy(new Error("/readyz does not answer")));
    asked.end();
  });
}

async function ended(child: SandboxedProcess, control: ControlClient): Promise<void> {
  // It may be gone before its answer has arrived.
  await control.call("daemon.shutdown", {}).catch(() => null);
  control.close();
  const late = new AbortController();
  const inTime = await Promise.race([child.exited.then(() => true), wait(END_MS, false, { signal: late.signal })]);
  late.abort();
  if (!inTime) throw new Error("it does not end when it is told to");
}

/** By its own key it may sign what it likes: the chain, and the heads that were anchored before, are what counts. */
async function judged(home: HomePaths, { anchors }: TrialOptions): Promise<Pick<TrialDone, "entries" | "schema">> {
  const report = await verifyLedger({ file: home.database, publicKeyPem: null, anchors });
  if (report.kind === "bad") throw new Error(`it left the ledger broken at entry ${report.seq}: ${report.reason}`);
  return { entries: report.entries, schema: schemaOf(home.database) };
}
