// Starts an untrusted program in the sandbox and ends it, whole process tree included.
// Invariants: without a working sandbox nothing starts, unless the owner wrote `sandbox: none`;
// no process of the tree outlives stop(), the program's own end, or (on Linux) the death of this process.

import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable, type Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { assert, Fault, type PermitConnection, type SandboxSpec } from "../kernel/index.ts";
import { bwrapLaunch } from "./bwrap.ts";
import { openEgress } from "./egress.ts";
import { egressSocket, plainLaunch, type Launch, type Plan } from "./launch.ts";
import { closeCgroup, makeCgroup, processTree, watchTree } from "./limits.ts";
import { mountsOf } from "./paths.ts";
import { seatbeltLaunch } from "./seatbelt.ts";

const CLOSE_GRACE_MS = 500;
const TERM_GRACE_MS = 2_000;

export type SandboxProbe = ReadySandbox | AbsentSandbox;

export interface ReadySandbox {
  readonly kind: "ready";
  readonly backend: "bwrap" | "sandbox-exec";
  readonly limits: "cgroup" | "watchdog";
  readonly program: string;
  readonly flags: readonly string[];
  /** The folder in which a cgroup per sandbox is made. */
  readonly cgroup: string | null;
}

export interface AbsentSandbox {
  readonly kind: "absent";
  readonly reason: string;
  readonly fix: string;
}

export interface StartOptions {
  readonly name: string;
  readonly spec: SandboxSpec;
  /** Absolute program and arguments. */
  readonly command: readonly string[];
  /** A folder that exists inside the sandbox. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly probe: SandboxProbe;
  readonly permitConnection: PermitConnection;
  /** Folders that no server may be given, nor anything above or inside them: the home's `.state` and `.git`. */
  readonly protect: readonly string[];
  /** Folders inside protected ones whose content may be read all the same: the installed trees. */
  readonly installed?: readonly string[];
  readonly onNote?: (text: string) => void;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The limit that ended it; null when it ended by itself or was stopped. */
  readonly reason: string | null;
}

export interface SandboxedProcess {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<Ended>;
  /** Closes stdin, waits, SIGTERM, waits, SIGKILL. */
  stop(): Promise<void>;
  /** SIGKILL at once: for the kill switch, where nothing may finish what it began. */
  kill(): Promise<void>;
}

/** Faults: `sandbox.absent`, `.path-missing`, `.path-protected`, `.network-entry`, `.start`. */
export async function startSandboxed(options: StartOptions): Promise<SandboxedProcess> {
  const { name, spec, probe } = options;
  const texts = Object.entries(options.env).flat().concat(options.command);
  assert(!texts.some((text) => text.includes("\0")), "a NUL in a command or its environment");
  if (spec.off) return follow(await spawnLaunch(name, plainLaunch(options)), spec, async () => null);
  if (probe.kind === "absent") {
    const message = `${name} was not started: there is no working sandbox, ${probe.reason}.`;
    throw new Fault("sandbox.absent", { message, next: probe.fix });
  }
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "freehold-")));
  const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  let reason: string | null = null;
  const cleanUp = async (): Promise<string | null> => {
    for (const step of undo.toReversed()) await step();
    return reason;
  };
  try {
    const plan = planOf(options, folder, probe);
    let launch = probe.backend === "bwrap" ? bwrapLaunch(probe.program, plan) : seatbeltLaunch(probe.program, plan);
    if (spec.network !== "none") {
      const egress = await openEgress({ ...options, allow: spec.network, socketPath: egressSocket(folder) });
      undo.push(() => egress.close());
    }
    if (probe.cgroup !== null) {
      const group = makeCgroup(join(probe.cgroup, `server-${randomUUID()}`), spec);
      undo.push(() => (reason = closeCgroup(group, spec)));
      // The shell enters the group before it becomes the program, so that no child is born outside.
      const enter = ["/bin/sh", "-c", 'echo 0 > "$0" && exec "$@"', join(group, "cgroup.procs")];
      launch = { ...launch, args: [...enter, ...launch.args] };
    }
    return follow(await spawnLaunch(name, launch), probe.cgroup === null ? spec : null, cleanUp);
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

function planOf(options: StartOptions, folder: string, { flags }: ReadySandbox): Plan {
  const { spec, installed = [] } = options;
  const read = mountsOf({ ...options, paths: spec.read, except: installed });
  const write = mountsOf({ ...options, paths: spec.write, except: [] });
  return { ...options, ...spec, read, write, folder, flags };
}

async function spawnLaunch(name: string, { args, cwd, env, feed }: Launch): Promise<ChildProcess> {
  const stdio = ["pipe", "pipe", "pipe", ...feed.map(() => "pipe" as const)] as const;
  // Its own group, so that a Ctrl-C in the owner's terminal does not reach it past stop().
  const child = spawn(args[0] ?? "", args.slice(1), { cwd, env, stdio: [...stdio], detached: true });
  await new Promise<void>((done, fail) => {
    child.once("spawn", done).once("error", (cause) => {
      const message = `${name} could not be started: ${cause.message}.`;
      fail(new Fault("sandbox.start", { message, cause, next: `check the program of ${name}.` }));
    });
  });
  for (const [index, stream] of child.stdio.entries()) {
    // A program that closes its input, or ends before it has read, is reported by its end.
    if (stream instanceof Writable) stream.on("error", () => undefined);
    if (stream instanceof Writable && index > 2) stream.end(feed[index - 3]);
  }
  return child;
}

/** `watched` is null where the kernel keeps the limits. */
function follow(
  child: ChildProcess,
  watched: SandboxSpec | null,
  cleanUp: () => Promise<string | null>,
): SandboxedProcess {
  const { pid, stdin, stdout, stderr } = child;
  assert(pid !== undefined && stdin !== null && stdout !== null && stderr !== null, "a spawned child without pipes");
  let limit: string | null = null;
  const exceeded = (reason: string): void => {
    limit = reason;
    signalTree(pid, "SIGKILL");
  };
  const endWatch = watched === null ? (): void => undefined : watchTree(pid, watched, exceeded);
  const exited = new Promise<Ended>((done, fail) => {
    child.once("exit", (code, signal) => {
      endWatch();
      send(-pid, "SIGKILL");
      cleanUp().then((reason) => done({ code, signal, reason: limit ?? reason }), fail);
    });
  });
  const isOverIn = (ms: number): Promise<boolean> => Promise.race([exited.then(() => true), wait(ms, false)]);
  const stop = async (): Promise<void> => {
    stdin.end();
    if (await isOverIn(CLOSE_GRACE_MS)) return;
    signalTree(pid, "SIGTERM");
    if (!(await isOverIn(TERM_GRACE_MS))) signalTree(pid, "SIGKILL");
    await exited;
  };
  const kill = async (): Promise<void> => {
    signalTree(pid, "SIGKILL");
    await exited;
  };
  return { pid, stdin, stdout, stderr, exited, stop, kill };
}

/** bwrap itself gets no SIGTERM: it would die first and take the program's chance to end in order with it. */
function signalTree(root: number, signal: "SIGTERM" | "SIGKILL"): void {
  const tree = processTree(root);
  for (const pid of signal === "SIGTERM" && tree.length > 1 ? tree.slice(1) : tree) send(pid, signal);
  if (process.platform !== "linux") send(-root, signal);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}
