// The daemon's process: started in the background and waited for, or put in this process's place.

import { spawn } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { homePaths } from "../control/reach.ts";
import { DAEMON_FLAGS } from "../daemon/node-flags.ts";
import { Fault } from "../kernel/index.ts";
import { safeLine } from "./reply.ts";
import { reach, type Control } from "./reach.ts";

const READY_TIMEOUT_MS = 30_000;
const END_TIMEOUT_MS = 20_000;
const LOOK_EVERY_MS = 40;
const LOG_BYTES_MAX = 1_048_576;
const TAIL_LINES = 6;

/** Faults: `daemon.failed` with the end of its log; with `endsLate`, what is not ready by then is ended. */
export async function startInBackground(home: string, options: { readonly endsLate?: boolean } = {}): Promise<Control> {
  const log = logFile(home);
  const fd = openLog(log);
  const logStart = fstatSync(fd).size;
  const child = spawn(process.execPath, daemonArgs(home), { cwd: home, detached: true, stdio: ["ignore", fd, fd] });
  closeSync(fd);
  let ended: string | null = null;
  child.once("error", (error) => (ended = error.message));
  child.once("exit", (code, signal) => (ended = `it ended with ${signal ?? code}`));
  child.unref();
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const control = await tryReach(home);
    if (control !== null) return control;
    if (ended !== null || Date.now() > deadline) {
      if (options.endsLate === true) child.kill("SIGKILL");
      throw failed({ log, logStart, why: ended ?? "it is not ready after 30 s" });
    }
    await wait(LOOK_EVERY_MS);
  }
}

/** Null while nobody listens. */
export async function tryReach(home: string): Promise<Control | null> {
  try {
    return await reach(home);
  } catch (error) {
    if (error instanceof Fault && error.code === "control.not-running") return null;
    throw error;
  }
}

/** Never returns: the process becomes the daemon, with its own id, terminal and signals. */
export function becomeDaemon(home: string): never {
  // Node warns that this call is new; the daemon's output is no place for it.
  process.removeAllListeners("warning");
  process.execve?.(process.execPath, [process.execPath, ...daemonArgs(home)], definedEnv());
  throw new Fault("daemon.foreground", { message: "this system cannot replace a process.", next: "freehold start" });
}

/** True once the process is gone; false when it is still there after 20 s. */
export async function waitForEnd(pid: number): Promise<boolean> {
  const deadline = Date.now() + END_TIMEOUT_MS;
  while (isAlive(pid)) {
    if (Date.now() > deadline) return false;
    await wait(LOOK_EVERY_MS);
  }
  return true;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function daemonArgs(home: string): readonly string[] {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const main = fileURLToPath(new URL(`../daemon/main.${extension}`, import.meta.url));
  return [...DAEMON_FLAGS, main, "--home", home];
}

function definedEnv(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

function logFile(home: string): string {
  return join(homePaths(home).stateDir, "daemon.log");
}

function openLog(log: string): number {
  mkdirSync(join(log, ".."), { recursive: true, mode: 0o700 });
  const fd = openSync(log, "a", 0o600);
  if (fstatSync(fd).size < LOG_BYTES_MAX) return fd;
  closeSync(fd);
  renameSync(log, `${log}.old`);
  return openSync(log, "a", 0o600);
}

function failed({
  log,
  logStart,
  why,
}: {
  readonly log: string;
  readonly logStart: number;
  readonly why: string;
}): Fault {
  const said = readFileSync(log).subarray(logStart).toString("utf8").trim().split("\n").slice(-TAIL_LINES);
  const last = said.map((line) => safeLine(line, 400)).filter((line) => line !== "");
  const message =
    last.length === 0 ? `the daemon did not start: ${why}.` : `the daemon did not start: ${last.join(" / ")}`;
  return new Fault("daemon.failed", { message, next: `read ${log}, then freehold doctor` });
}
