// Starts a client jailed and joined to the owner's terminal: its project folder, its own configuration, the gateway's
// socket and the hosts it declared; nothing else. Inside, `script` gives it a terminal of its own, so that it cannot
// type into the owner's (TIOCSTI) and the sandbox needs no other way of starting programs.

import { existsSync, realpathSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { Fault, oneLine, type JsonObject } from "../kernel/index.ts";
import { explainSandbox } from "../doctor/sandbox-fix.ts";
import { probeSandbox, startSandboxed } from "../sandbox/index.ts";

export interface JailOptions {
  /** The client's program, absolute, and its arguments. */
  readonly command: readonly string[];
  readonly project: string;
  /** Folders and files of the client's own configuration; those that are not there are left out. */
  readonly config: readonly string[];
  /** Folders that it must be able to read: Freehold's own checkout for the shim. */
  readonly read: readonly string[];
  readonly network: readonly string[];
  readonly gatewaySocket: string;
  readonly stateDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly onConnection: (target: { readonly host: string; readonly port: number }) => Promise<boolean>;
}

const MEMORY_MB = 4_096;
const PIDS_MAX = 512;
const SCRIPT = "/usr/bin/script";

/** Answers the exit code. Faults: those of the sandbox, `jail.no-script`, `jail.not-running`. */
export async function runJailed(options: JailOptions): Promise<number> {
  if (!existsSync(SCRIPT)) {
    throw new Fault("jail.no-script", {
      message: `${SCRIPT} is not installed.`,
      next: "install the package bsdutils or util-linux",
    });
  }
  if (!existsSync(options.gatewaySocket)) {
    throw new Fault("jail.not-running", { message: "Freehold is not running.", next: "freehold start" });
  }
  const { stdin, stdout, stderr } = process;
  const isTerminal = stdin.isTTY && stdout.isTTY;
  const child = await startSandboxed({
    name: oneLine(options.command[0] ?? "", 200),
    spec: {
      read: [...options.read, ...folderOfProgram(options.command[0] ?? ""), options.gatewaySocket],
      write: [options.project, ...options.config.filter((path) => existsSync(path))],
      network: options.network.length === 0 ? "none" : options.network,
      memoryMb: MEMORY_MB,
      pidsMax: PIDS_MAX,
      off: false,
    },
    command: isTerminal ? onTerminal(options.command, stdout) : options.command,
    cwd: options.project,
    env: { ...options.env, FREEHOLD_SOCKET: options.gatewaySocket },
    probe: await probeSandbox(explainSandbox),
    permitConnection: options.onConnection,
    // Of the state only the one socket that is named above.
    protect: [options.stateDir],
    installed: [options.stateDir],
  });
  child.stdout.pipe(stdout, { end: false });
  child.stderr.pipe(stderr, { end: false });
  if (isTerminal) stdin.setRawMode(true);
  stdin.pipe(child.stdin);
  const stop = (): void => void child.stop();
  process.once("SIGTERM", stop).once("SIGHUP", stop);
  const ended = await child.exited;
  process.off("SIGTERM", stop).off("SIGHUP", stop);
  stdin.unpipe(child.stdin).pause();
  if (isTerminal) stdin.setRawMode(false);
  if (ended.reason !== null) stderr.write(`freehold: the program was ended: ${ended.reason}.\n`);
  return ended.code ?? 1;
}

/** The size is set once; a window that is resized later is not followed. */
function onTerminal(
  command: readonly string[],
  { columns, rows }: { readonly columns: number; readonly rows: number },
): readonly string[] {
  const line = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  return [SCRIPT, "--quiet", "--return", "--command", `stty cols ${columns} rows ${rows}; exec ${line}`, "/dev/null"];
}

/** Programs outside the system's folders come with what lies around them. */
function folderOfProgram(program: string): readonly string[] {
  const real = realpathSync(program);
  return [...new Set([dirname(program), folderOf(real)])].filter(
    (folder) => !/^\/(?:usr|bin|sbin|lib)(?:\/|$)/.test(folder),
  );
}

function folderOf(real: string): string {
  const modules = `${sep}node_modules${sep}`;
  const at = real.indexOf(modules);
  return at === -1 ? dirname(real) : join(real.slice(0, at), "node_modules");
}

/** What the owner is told before the start. */
export function jailSummary({
  project,
  config,
  network,
}: Pick<JailOptions, "project" | "config" | "network">): JsonObject {
  return { project, config: config.filter((path) => existsSync(path)), network };
}
