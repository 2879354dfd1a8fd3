// What the gateway adds to a call: the same server over its own pipes, through Freehold, and through mcp-proxy.

import { spawn, spawnSync, type ChildProcess, type ChildProcessWithoutNullStreams } from "node:child_process";
import { closeSync, fdatasyncSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { mkdirSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import type { ControlClient } from "../src/control/index.ts";
import { cpuSecondsOf, interleave, median, quantile, round, type Bench, type BenchOptions } from "./lib.ts";
import { concurrently, httpClient, sequentialMs, stdioClient, type RpcClient } from "./parts/clients.ts";
import { addRecorded, readRecorded } from "./parts/replay.ts";
import { addServer, asOwner, endProcess, freePort, isReady, makeHome, startDaemonProcess } from "./parts/product.ts";

const PROXY = "mcp-proxy@6.7.19";
const SERVER_NAME = "@modelcontextprotocol/server-everything";
const SERVER = `${SERVER_NAME}@2026.8.31`;
const IN_FLIGHT = 16;
const WARM_UP_CALLS = 400;

/** `echo` becomes a read, as it is one; `get-sum` an effect that a rule allows. */
const RULES = `rules:
  - id: sums
    answer: allow
    principals: [client:bench]
    tool: everything.get-sum
    args: { a: any, b: any }
    reason: "the bench"
    expires: 2099-01-01
`;

interface Contender {
  readonly read: () => Promise<unknown>;
  readonly effect: () => Promise<unknown>;
  /** CPU seconds so far of what stands between client and server. */
  readonly cpuSeconds: () => number;
}

export const run: Bench = async (options) => {
  const home = makeHome();
  const ends: (() => Promise<void> | void)[] = [() => home.remove()];
  try {
    const entry = installOthers(join(home.base, "others"), options);
    const direct = await startDirect(entry, ends);
    const freehold = await startFreehold(home.dir, options, ends);
    const proxy = await startProxy(join(home.base, "others"), entry, ends);
    const measured = await measure({ direct, freehold, proxy }, { dir: home.base, ...options });
    return { ...measured, serversDeclared: options.servers };
  } finally {
    for (const end of ends.toReversed()) await end();
  }
};

function installOthers(dir: string, { note }: BenchOptions): string {
  note(`installing ${PROXY} and ${SERVER}`);
  mkdirSync(dir);
  writeFileSync(join(dir, "package.json"), '{"private":true}');
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--save-exact"];
  const npm = spawnSync("npm", ["install", ...flags, PROXY, SERVER], { cwd: dir, encoding: "utf8" });
  if (npm.status !== 0) throw new Error(`npm install failed: ${npm.stderr.slice(-500)}`);
  return join(dir, "node_modules", SERVER_NAME, "dist", "index.js");
}

function over(client: RpcClient, prefix: string): Omit<Contender, "cpuSeconds"> {
  return {
    read: () => client.call("tools/call", { name: `${prefix}echo`, arguments: { message: "hello from the bench" } }),
    effect: () => client.call("tools/call", { name: `${prefix}get-sum`, arguments: { a: 2, b: 3 } }),
  };
}

async function startDirect(entry: string, ends: (() => Promise<void> | void)[]): Promise<Contender> {
  const child: ChildProcessWithoutNullStreams = spawn(process.execPath, [entry, "stdio"]);
  child.stderr.resume();
  ends.push(() => endProcess(child));
  const client = await stdioClient(child);
  return { ...over(client, ""), cpuSeconds: () => 0 };
}

async function startFreehold(
  home: string,
  { note, profileDir, servers }: BenchOptions,
  ends: (() => Promise<void> | void)[],
): Promise<Contender> {
  const flags = profileDir === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileDir}`];
  const daemon = await startDaemonProcess(home, flags);
  ends.push(() => daemon.stop());
  const control = await asOwner(home);
  ends.push(() => control.close());
  note(`adding ${servers} ${servers === 1 ? "server" : "servers"} to a fresh home`);
  await addOthers(home, control, servers - 1);
  const token = await addServer(home, control, {
    name: "everything",
    source: `npm:${SERVER}`,
    more: { args: ["stdio"] },
    cards: asRead,
    rules: RULES,
  });
  const client = await httpClient({ url: `${daemon.url}mcp`, token, connections: IN_FLIGHT });
  ends.push(() => client.close());
  return { ...over(client, "everything__"), cpuSeconds: () => cpuSecondsOf(daemon.pid, "alone") };
}

/** Further servers that the client may see and never calls. */
async function addOthers(home: string, control: ControlClient, count: number): Promise<void> {
  const recorded = readRecorded(join(import.meta.dirname, "cases", "tools", "definitions.jsonl"));
  for (let at = 0; at < count; at += 1) {
    const server = recorded[at % recorded.length];
    if (server === undefined) return;
    await addRecorded(home, control, { server: { ...server, name: `${server.name}-${at}` }, compartment: "personal" });
  }
}

/** The drafted card of `echo` as an owner would correct it. */
function asRead(drafted: string): string {
  const corrected = drafted.replace(/(^ {2}echo:[\s\S]*?effect: )\S+/m, "$1read");
  if (!/^ {2}echo:[\s\S]*?effect: read/m.test(corrected)) {
    throw new Error(`no card of 'echo' to correct in:\n${drafted.slice(0, 500)}`);
  }
  return corrected;
}

async function startProxy(dir: string, entry: string, ends: (() => Promise<void> | void)[]): Promise<Contender> {
  const port = await freePort();
  const bin = join(dir, "node_modules", ".bin", "mcp-proxy");
  const args = [
    "--host",
    "127.0.0.1",
    "--port",
    String(port),
    "--server",
    "stream",
    "--",
    process.execPath,
    entry,
    "stdio",
  ];
  const child: ChildProcess = spawn(bin, args, { stdio: "ignore" });
  ends.push(() => endProcess(child));
  const url = `http://127.0.0.1:${port}/`;
  if (!(await isReady(url, () => child.exitCode === null, "ping"))) throw new Error("mcp-proxy did not start");
  const client = await httpClient({ url: `${url}mcp`, token: null, connections: IN_FLIGHT });
  ends.push(() => client.close());
  return { ...over(client, ""), cpuSeconds: () => cpuSecondsOf(child.pid ?? 0, "alone") };
}

interface Measured {
  readonly p50: number[];
  readonly p99: number[];
  readonly perSecond: number[];
  readonly cpuMs: number[];
  readonly effectP50: number[];
}

async function measure(
  contenders: Readonly<Record<"direct" | "freehold" | "proxy", Contender>>,
  { quick, note, dir }: BenchOptions & { readonly dir: string },
): Promise<Readonly<Record<string, unknown>>> {
  const [rounds, calls, seconds] = quick ? [1, 100, 0.5] : [7, 500, 2];
  const all = new Map<string, Measured>();
  for (const [name, contender] of Object.entries(contenders)) {
    all.set(name, { p50: [], p99: [], perSecond: [], cpuMs: [], effectP50: [] });
    await sequentialMs(WARM_UP_CALLS, contender.read);
    await sequentialMs(WARM_UP_CALLS / 4, contender.effect);
    await concurrently({ inFlight: IN_FLIGHT, seconds: seconds / 2 }, contender.read);
  }
  const loadBefore = loadavg()[0] ?? 0;
  const one = (name: string, contender: Contender) => async (): Promise<number> => {
    const into = all.get(name);
    if (into === undefined) throw new Error(`no contender ${name}`);
    const reads = await sequentialMs(calls, contender.read);
    into.p50.push(quantile(reads, 0.5));
    into.p99.push(quantile(reads, 0.99));
    into.effectP50.push(quantile(await sequentialMs(Math.ceil(calls / 4), contender.effect), 0.5));
    const cpuBefore = contender.cpuSeconds();
    const load = await concurrently({ inFlight: IN_FLIGHT, seconds }, contender.read);
    into.cpuMs.push(((contender.cpuSeconds() - cpuBefore) * 1_000) / load.calls);
    into.perSecond.push(load.calls / load.seconds);
    note(`${name}: p50 ${round(into.p50.at(-1) ?? 0)} ms, ${round(into.perSecond.at(-1) ?? 0, 0)} calls/s`);
    return into.p50.at(-1) ?? Number.NaN;
  };
  const fsyncs: number[] = [];
  await interleave({
    rounds,
    contenders: {
      ...Object.fromEntries(Object.entries(contenders).map(([name, contender]) => [name, one(name, contender)])),
      fsync: async () => {
        fsyncs.push(quantile(syncMs(join(dir, "fsync"), calls / 4), 0.5));
        return fsyncs.at(-1) ?? Number.NaN;
      },
    },
  });
  return figures(all, { fsyncs, loadBefore, rounds });
}

/** An intent with its side rows is about this much of SQLite's write-ahead log. */
const SYNC_BYTES = 40 * 1024;

/** How long this disk takes to confirm a write of like size in a file of like size. */
function syncMs(file: string, count: number): readonly number[] {
  const descriptor = openSync(file, "w");
  try {
    ftruncateSync(descriptor, 0);
    const bytes = Buffer.alloc(SYNC_BYTES, 1);
    writeSync(descriptor, Buffer.alloc(SYNC_BYTES * 100, 1));
    fdatasyncSync(descriptor);
    return Array.from({ length: Math.ceil(count) }, (_unused, turn) => {
      const from = performance.now();
      writeSync(descriptor, bytes, 0, bytes.length, (turn % 100) * SYNC_BYTES);
      fdatasyncSync(descriptor);
      return performance.now() - from;
    });
  } finally {
    closeSync(descriptor);
  }
}

function figures(
  all: ReadonlyMap<string, Measured>,
  {
    fsyncs,
    loadBefore,
    rounds,
  }: { readonly fsyncs: readonly number[]; readonly loadBefore: number; readonly rounds: number },
): Readonly<Record<string, unknown>> {
  const of = (name: string, key: keyof Measured): number => median(all.get(name)?.[key] ?? []);
  const pairs = (key: "p50" | "effectP50"): readonly number[] =>
    (all.get("freehold")?.[key] ?? []).map((value, turn) => value - (all.get("direct")?.[key][turn] ?? Number.NaN));
  const ratios = (all.get("freehold")?.perSecond ?? []).map(
    (value, turn) => value / (all.get("proxy")?.perSecond[turn] ?? Number.NaN),
  );
  return {
    addedP50Ms: round(median(pairs("p50"))),
    effectAddedP50Ms: round(median(pairs("effectP50"))),
    fsyncP50Ms: round(median(fsyncs)),
    callsPerSecond: round(of("freehold", "perSecond"), 0),
    mcpProxyCallsPerSecond: round(of("proxy", "perSecond"), 0),
    ratioToMcpProxy: round(median(ratios), 2),
    cpuMsPerCall: round(of("freehold", "cpuMs")),
    mcpProxyCpuMsPerCall: round(of("proxy", "cpuMs")),
    directP50Ms: round(of("direct", "p50")),
    freeholdP50Ms: round(of("freehold", "p50")),
    mcpProxyP50Ms: round(of("proxy", "p50")),
    freeholdP99Ms: round(of("freehold", "p99")),
    directCallsPerSecond: round(of("direct", "perSecond"), 0),
    rounds,
    loadBefore: round(loadBefore, 2),
    loadAfter: round(loadavg()[0] ?? 0, 2),
  };
}
