// Memory and process limits of one sandbox: a cgroup where the system delegates one, else a look every second.
// Invariants: never RLIMIT_AS (V8 reserves far more than it uses) or RLIMIT_NPROC (it counts the owner's own programs).

import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SandboxSpec } from "../kernel/index.ts";

export type Limits = Pick<SandboxSpec, "memoryMb" | "pidsMax">;

const LOOK_EVERY_MS = 1_000;
const TREE_MAX = 4_096;

/** The cgroup that this process may divide, or null. Moves this process into a leaf of it, as cgroup v2 wants. */
export function delegatedCgroup(root = "/sys/fs/cgroup", self = "/proc/self/cgroup"): string | null {
  try {
    const folder = join(root, /^0::(.*)$/m.exec(readFileSync(self, "utf8"))?.[1] ?? "");
    const controllers = readFileSync(join(folder, "cgroup.controllers"), "utf8").trim().split(" ");
    const members = readFileSync(join(folder, "cgroup.procs"), "utf8").trim().split("\n");
    // A group with other programs in it is not ours to divide.
    if (!controllers.includes("memory") || !controllers.includes("pids") || members.length !== 1) return null;
    mkdirSync(join(folder, "daemon"), { recursive: true });
    writeFileSync(join(folder, "daemon", "cgroup.procs"), "0");
    writeFileSync(join(folder, "cgroup.subtree_control"), "+memory +pids");
    return folder;
  } catch {
    // No cgroup v2, or none delegated: the watchdog looks instead.
    return null;
  }
}

export function makeCgroup(folder: string, limits: Limits): string {
  mkdirSync(folder);
  writeFileSync(join(folder, "memory.max"), String(limits.memoryMb * 1_048_576));
  writeFileSync(join(folder, "pids.max"), String(limits.pidsMax));
  // Kernels without swap accounting lack the file.
  attempt(() => writeFileSync(join(folder, "memory.swap.max"), "0", { flag: "r+" }));
  return folder;
}

/** Says which limit was hit, ends what is left and removes the group. */
export function closeCgroup(folder: string, limits: Limits): string | null {
  const events = (file: string): string => attempt(() => readFileSync(join(folder, file), "utf8")) ?? "";
  const reason = reasonFor(limits, {
    memory: /^oom_kill [1-9]/m.test(events("memory.events")),
    pids: /^max [1-9]/m.test(events("pids.events")),
  });
  attempt(() => writeFileSync(join(folder, "cgroup.kill"), "1"));
  // Members may take a moment to die; an empty group that stays limits nobody.
  attempt(() => rmdirSync(folder));
  return reason;
}

/** Calls `exceeded` at most once; the returned function ends the watch. */
export function watchTree(root: number, limits: Limits, exceeded: (reason: string) => void): () => void {
  const timer = setInterval(() => {
    const tree = processTree(root);
    const bytes = tree.reduce((sum, pid) => sum + privateBytes(pid), 0);
    const over = { memory: bytes > limits.memoryMb * 1_048_576, pids: tree.length > limits.pidsMax };
    const reason = reasonFor(limits, over);
    if (reason === null) return;
    clearInterval(timer);
    exceeded(reason);
  }, LOOK_EVERY_MS);
  return () => clearInterval(timer);
}

/** The process and all below it, parents first; whoever ends meanwhile is left out. */
export function processTree(root: number): readonly number[] {
  const found = new Set([root]);
  for (const pid of found) {
    if (found.size > TREE_MAX) break;
    for (const thread of attempt(() => readdirSync(`/proc/${pid}/task`)) ?? []) {
      const children = attempt(() => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8")) ?? "";
      for (const child of children.match(/\d+/g) ?? []) found.add(Number(child));
    }
  }
  return [...found];
}

/** Without the pages of program files, which all processes share. */
function privateBytes(pid: number): number {
  const status = attempt(() => readFileSync(`/proc/${pid}/status`, "utf8")) ?? "";
  const parts = status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm);
  return [...parts].reduce((sum, [, kb]) => sum + Number(kb) * 1_024, 0);
}

function reasonFor(limits: Limits, over: { readonly memory: boolean; readonly pids: boolean }): string | null {
  if (over.memory) return `it used more than its ${limits.memoryMb} MB of memory`;
  return over.pids ? `it started more than its ${limits.pidsMax} processes` : null;
}

/** For files of the kernel that come and go with a process. */
function attempt<T>(action: () => T): T | null {
  try {
    return action();
  } catch {
    // The process or group has ended between two looks.
    return null;
  }
}
