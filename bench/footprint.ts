// What Freehold costs before it does anything: CPU until ready, memory and CPU at rest, and what is installed.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, lstatSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { homePaths } from "../src/home/index.ts";
import { cpuSecondsOf, endedChildrenCpuSeconds, median, processTree, residentMbOf, round, type Bench } from "./lib.ts";
import { DIST, freePort, isReady, makeHome, ROOT, type BenchHome } from "./parts/product.ts";

const SETTLE_MS = 5_000;
const IDLE_SECONDS = 30;

export const run: Bench = async ({ quick, note }) => {
  const home = makeHome();
  try {
    const starts: Started[] = [];
    const rounds = quick ? 1 : 5;
    for (let turn = 0; turn < rounds; turn += 1) {
      starts.push(await startAndRest(home, { idleSeconds: turn === 0 ? (quick ? 3 : IDLE_SECONDS) : 0 }));
      note(`ready after ${round(starts.at(-1)?.readyCpuSeconds ?? 0, 2)} CPU-s`);
    }
    note("installing the production packages from the lock");
    const sizes = installedSizes(join(home.base, "installed"));
    const [first] = starts;
    const of = (key: "readyCpuSeconds" | "readySeconds" | "idleRssMb"): number =>
      median(starts.map((each) => each[key]));
    return {
      readyCpuSeconds: round(of("readyCpuSeconds"), 2),
      readyCpuSecondsMax: round(Math.max(...starts.map((each) => each.readyCpuSeconds)), 2),
      readySeconds: round(of("readySeconds"), 2),
      idleRssMb: round(of("idleRssMb"), 1),
      idleProcesses: first?.processes,
      ...sizes,
      nodeMb: round(lstatSync(process.execPath).size / 1e6, 1),
      idleCpuPercent: round(first?.idleCpuPercent ?? Number.NaN, 3),
      idleSeconds: quick ? 3 : IDLE_SECONDS,
    };
  } finally {
    home.remove();
  }
};

interface Started {
  readonly readyCpuSeconds: number;
  readonly readySeconds: number;
  readonly idleRssMb: number;
  readonly idleCpuPercent: number;
  readonly processes: number;
}

/** `freehold start` as a user types it; the daemon outlives it, so its tree is counted by the id it wrote down. */
async function startAndRest(home: BenchHome, { idleSeconds }: { readonly idleSeconds: number }): Promise<Started> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const from = performance.now();
  const endedBefore = endedChildrenCpuSeconds();
  const child = spawn(process.execPath, [join(DIST, "cli", "main.js"), "start", "--home", home.dir, "--json"], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, FREEHOLD_PORT: String(port), FREEHOLD_SERVICE: "" },
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const ended = once(child, "exit");
  if (!(await isReady(url, () => child.exitCode === null || child.exitCode === 0))) throw new Error(`start: ${said}`);
  const readySeconds = (performance.now() - from) / 1_000;
  // The command goes on after ready for a moment, to print the way in: it is counted to its end, on the cautious side.
  await ended;
  if (child.exitCode !== 0) throw new Error(`freehold start failed: ${said}`);
  const pid = daemonPid(home.dir);
  try {
    const readyCpuSeconds = endedChildrenCpuSeconds() - endedBefore + cpuSecondsOf(pid);
    await wait(SETTLE_MS);
    const idleRssMb = residentMbOf(pid);
    const processes = processTree(pid).length;
    const [cpuBefore, restFrom] = [cpuSecondsOf(pid), performance.now()];
    await wait(idleSeconds * 1_000);
    const idleCpuPercent = ((cpuSecondsOf(pid) - cpuBefore) * 100_000) / (performance.now() - restFrom);
    return { readyCpuSeconds, readySeconds, idleRssMb, idleCpuPercent, processes };
  } finally {
    process.kill(pid, "SIGTERM");
    while (processTree(pid).length > 0) await wait(20);
  }
}

function daemonPid(home: string): number {
  const told: unknown = JSON.parse(readFileSync(homePaths(home).daemon, "utf8"));
  if (typeof told !== "object" || told === null || !("pid" in told) || typeof told.pid !== "number") {
    throw new Error("the daemon did not write down its process id");
  }
  return told.pid;
}

/** dist and the packages that production needs, as a clean install from the lock lays them out; Node is apart. */
function installedSizes(dir: string): { readonly installedMb: number; readonly distMb: number } {
  mkdirSync(dir);
  for (const file of ["package.json", "package-lock.json"]) cpSync(join(ROOT, file), join(dir, file));
  const flags = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"];
  const npm = spawnSync("npm", flags, { cwd: dir, encoding: "utf8" });
  if (npm.status !== 0) throw new Error(`npm ci failed: ${npm.stderr.slice(-500)}`);
  const distBytes = bytesUnder(DIST);
  return {
    installedMb: round((distBytes + bytesUnder(join(dir, "node_modules"))) / 1e6, 1),
    distMb: round(distBytes / 1e6, 1),
  };
}

/** Blocks on the disk, not lengths: what `du` shows. */
function bytesUnder(path: string): number {
  const facts = lstatSync(path);
  const own = facts.blocks * 512;
  return facts.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + bytesUnder(join(path, name)), own) : own;
}
