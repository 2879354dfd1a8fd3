// What Freehold adds between a program and its model, with token, clearance, reservation, ledger and receipt: the same
// requests straight to a stand-in, through the daemon, and through Portkey's gateway, in turn.

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import {
  cpuSecondsOf,
  interleave,
  median,
  quantile,
  residentMbOf,
  round,
  type Bench,
  type BenchOptions,
} from "./lib.ts";
import { concurrently, sequentialMs } from "./parts/clients.ts";
import { applyAll, asOwner, endProcess, freePort, isReady, makeHome, startDaemonProcess } from "./parts/product.ts";

const PORTKEY = "@portkey-ai/gateway";
const PORTKEY_VERSION = "1.15.2";
const PORTKEY_INTEGRITY =
  "sha512-OuwwQEJ0rnKQuPgaCqyMpP+X5Uly2h9EBDm5Lx/NYu9MXTzB/nKrKgjd8J3vPGeNpYoyxTzKSzTV2tGv8Dd+fg==";
/** With the one that npm picks it answers every stream with HTTP 500. */
const PORTKEY_NODE_SERVER = "1.11.0";
const IN_FLIGHT = 16;
const WARM_UP_CALLS = 400;
/** Twice the daemon's own look at whether it rests. */
const REST_MS = 65_000;
const MESSAGES = [
  { role: "user", content: "Say what stands here, as plainly as you can, in about sixty words. ".repeat(6) },
];
const body = (model: string, stream: boolean): string =>
  JSON.stringify({ model, messages: MESSAGES, max_tokens: 100, stream });

type Ends = (() => Promise<void> | void)[];

interface Contender {
  /** Until the last byte. */
  readonly whole: () => Promise<void>;
  /** Milliseconds until the first token. */
  readonly firstToken: () => Promise<number>;
  readonly cpuSeconds: () => number;
  readonly residentMb: () => number;
}

export const run: Bench = async (options) => {
  const home = makeHome();
  const ends: Ends = [() => home.remove()];
  try {
    const standIn = await startStandIn(ends);
    const direct = { ...asked(`${standIn}/v1/chat/completions`, {}), cpuSeconds: () => 0, residentMb: () => 0 };
    const { freehold, paid } = await startFreehold(home.dir, { standIn, options, ends });
    const portkey = await startPortkey(join(home.base, "portkey"), { standIn, options, ends });
    return await measure({ direct, freehold, paid, portkey }, options);
  } finally {
    for (const end of ends.toReversed()) await end();
  }
};

interface Starting {
  readonly standIn: string;
  readonly options: BenchOptions;
  readonly ends: Ends;
}

async function startStandIn(ends: Ends): Promise<string> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "parts", "model-stand-in.ts")], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  ends.push(() => endProcess(child));
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  return `http://127.0.0.1:${said.toString().trim()}`;
}

/** One connection a lane, kept; all contenders are asked the same way. */
function asked(
  address: string,
  headers: Readonly<Record<string, string>>,
  model = "near",
): Pick<Contender, "whole" | "firstToken"> {
  const [wholeBody, streamBody] = [body(model, false), body(model, true)];
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  const url = new URL(address);
  const post = (text: string, isFirst: (text: string) => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const all = { ...headers, "content-type": "application/json", "content-length": Buffer.byteLength(text) };
      const sent = request(url, { method: "POST", agent, headers: all }, (response) => {
        let got = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          got += chunk;
          if (isFirst(got)) resolve();
        });
        response.once("end", () => {
          const isGood = response.statusCode === 200 && got.includes("token19");
          if (isGood) resolve();
          else reject(new Error(`${address}: ${response.statusCode}: ${got.slice(0, 300)}`));
        });
      });
      sent.once("error", reject).end(text);
    });
  return {
    whole: () => post(wholeBody, () => false),
    async firstToken() {
      const from = performance.now();
      let ms = 0;
      // The whole stream is read before the next is asked for.
      await post(streamBody, (text) => {
        if (ms === 0 && text.includes("token0")) ms = performance.now() - from;
        return text.includes("[DONE]");
      });
      return ms;
    },
  };
}

/** One daemon; what costs money waits until the disk has confirmed that it is held. */
async function startFreehold(
  home: string,
  { standIn, options, ends }: Starting,
): Promise<Readonly<Record<"freehold" | "paid", Contender>>> {
  const { profileDir } = options;
  const daemon = await startDaemonProcess(
    home,
    profileDir === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileDir}`],
  );
  ends.push(() => daemon.stop());
  const control = await asOwner(home);
  ends.push(() => control.close());
  const { token } = await control.call("client.add", { name: "bench" });
  if (typeof token !== "string") throw new Error("no token was made");
  const stack = join(home, "stack.yaml");
  writeFileSync(stack, withModel(readFileSync(stack, "utf8"), standIn));
  await applyAll(control);
  const headers = { authorization: `Bearer ${token}` };
  const address = `${daemon.url}v1/chat/completions`;
  const cost = costOf(daemon.pid);
  return { freehold: { ...asked(address, headers), ...cost }, paid: { ...asked(address, headers, "paid"), ...cost } };
}

/** The same model twice: free, as one of the owner's own is, and at a price. */
function withModel(stack: string, standIn: string): string {
  const reached = `speaks: openai-chat, url: "${standIn}/v1", model: stand-in, place: this-machine`;
  const written = stack
    .replace(/^ {2}bench:\n/m, "  bench:\n    models: [near, paid]\n")
    .replace(
      /^models: \{\}\n/m,
      `models:\n  near: { ${reached} }\n  paid: { ${reached}, price: { input: 3, output: 15 } }\n`,
    )
    .replace(/^budgets: .*\n/m, "budgets: { day: 1000, month: 10000 }\n");
  if (!/models: \[near, paid\]/.test(written)) throw new Error(`no client to give the models to in:\n${stack}`);
  return written;
}

function costOf(pid: number): Pick<Contender, "cpuSeconds" | "residentMb"> {
  return { cpuSeconds: () => cpuSecondsOf(pid, "alone"), residentMb: () => residentMbOf(pid, "alone") };
}

async function startPortkey(dir: string, { standIn, options, ends }: Starting): Promise<Contender> {
  options.note(`installing ${PORTKEY}@${PORTKEY_VERSION}`);
  mkdirSync(dir);
  const overrides = { "@hono/node-server": PORTKEY_NODE_SERVER };
  const wanted = { private: true, dependencies: { [PORTKEY]: PORTKEY_VERSION }, overrides };
  writeFileSync(join(dir, "package.json"), JSON.stringify(wanted));
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund"];
  const npm = spawnSync("npm", ["install", ...flags], { cwd: dir, encoding: "utf8" });
  if (npm.status !== 0) throw new Error(`npm install failed: ${npm.stderr.slice(-500)}`);
  if (!readFileSync(join(dir, "package-lock.json"), "utf8").includes(PORTKEY_INTEGRITY)) {
    throw new Error(`${PORTKEY}@${PORTKEY_VERSION} is not the one that is pinned`);
  }
  const port = await freePort();
  const entry = join(dir, "node_modules", PORTKEY, "build", "start-server.js");
  const args = [entry, `--port=${port}`, "--headless"];
  const child: ChildProcess = spawn(process.execPath, args, {
    stdio: "ignore",
    env: { ...process.env, NODE_ENV: "production" },
  });
  ends.push(() => endProcess(child));
  const url = `http://127.0.0.1:${port}/`;
  if (!(await isReady(url, () => child.exitCode === null, ""))) throw new Error("Portkey did not start");
  const headers = {
    "x-portkey-provider": "openai",
    "x-portkey-custom-host": `${standIn}/v1`,
    authorization: "Bearer x",
  };
  return { ...asked(`${url}v1/chat/completions`, headers), ...costOf(child.pid ?? 0) };
}

interface Measured {
  readonly p50: number[];
  readonly p99: number[];
  readonly firstToken: number[];
  readonly perSecond: number[];
  readonly cpuMs: number[];
}

type Contenders = Readonly<Record<"direct" | "freehold" | "paid" | "portkey", Contender>>;

async function measure(
  contenders: Contenders,
  { quick, note }: BenchOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const [rounds, calls, streams, seconds] = quick ? [1, 50, 20, 0.5] : [9, 300, 100, 1.5];
  const idleMb = contenders.freehold.residentMb();
  const all = new Map<string, Measured>();
  for (const [name, contender] of Object.entries(contenders)) {
    all.set(name, { p50: [], p99: [], firstToken: [], perSecond: [], cpuMs: [] });
    await sequentialMs(WARM_UP_CALLS, contender.whole);
    await sequentialMs(WARM_UP_CALLS / 8, contender.firstToken);
  }
  const loadBefore = loadavg()[0] ?? 0;
  const one = (name: string, contender: Contender) => async (): Promise<number> => {
    const into = all.get(name);
    if (into === undefined) throw new Error(`no contender ${name}`);
    const wholes = await sequentialMs(calls, contender.whole);
    into.p50.push(quantile(wholes, 0.5));
    into.p99.push(quantile(wholes, 0.99));
    const firsts: number[] = [];
    for (let turn = 0; turn < streams; turn += 1) firsts.push(await contender.firstToken());
    into.firstToken.push(quantile(firsts, 0.5));
    const cpuBefore = contender.cpuSeconds();
    const load = await concurrently({ inFlight: IN_FLIGHT, seconds }, contender.whole);
    into.cpuMs.push(((contender.cpuSeconds() - cpuBefore) * 1_000) / load.calls);
    into.perSecond.push(load.calls / load.seconds);
    note(`${name}: p50 ${round(into.p50.at(-1) ?? 0)} ms, first token ${round(into.firstToken.at(-1) ?? 0)} ms`);
    return into.p50.at(-1) ?? Number.NaN;
  };
  const turns = Object.entries(contenders).map(([name, contender]) => [name, one(name, contender)] as const);
  await interleave({ rounds, contenders: Object.fromEntries(turns) });
  const measured = figures(all, contenders);
  note("letting them rest");
  await wait(REST_MS);
  return {
    ...measured,
    restingRssMb: round(contenders.freehold.residentMb(), 1),
    portkeyRestingRssMb: round(contenders.portkey.residentMb(), 1),
    idleMb: round(idleMb, 1),
    rounds,
    loadBefore: round(loadBefore, 2),
    loadAfter: round(loadavg()[0] ?? 0, 2),
  };
}

/** What is added is the median of the differences within each round. */
function figures(all: ReadonlyMap<string, Measured>, contenders: Contenders): Readonly<Record<string, unknown>> {
  const of = (name: string, key: keyof Measured): readonly number[] => all.get(name)?.[key] ?? [];
  const added = (name: string, key: keyof Measured): number =>
    round(median(of(name, key).map((value, turn) => value - (of("direct", key)[turn] ?? Number.NaN))));
  /** Of the calmest round of each. */
  const best = (name: string, key: keyof Measured): number =>
    round(Math.min(...of(name, key)) - Math.min(...of("direct", key)));
  return {
    addedP50Ms: added("freehold", "p50"),
    firstTokenAddedMs: added("freehold", "firstToken"),
    rssMb: round(contenders.freehold.residentMb(), 1),
    paidAddedP50Ms: added("paid", "p50"),
    paidFirstTokenAddedMs: added("paid", "firstToken"),
    portkeyAddedP50Ms: added("portkey", "p50"),
    portkeyFirstTokenAddedMs: added("portkey", "firstToken"),
    portkeyRssMb: round(contenders.portkey.residentMb(), 1),
    addedP99Ms: added("freehold", "p99"),
    portkeyAddedP99Ms: added("portkey", "p99"),
    requestsPerSecond: round(median(of("freehold", "perSecond")), 0),
    portkeyRequestsPerSecond: round(median(of("portkey", "perSecond")), 0),
    cpuMsPerRequest: round(median(of("freehold", "cpuMs"))),
    portkeyCpuMsPerRequest: round(median(of("portkey", "cpuMs"))),
    bestAddedP50Ms: best("freehold", "p50"),
    bestFirstTokenAddedMs: best("freehold", "firstToken"),
    portkeyBestAddedP50Ms: best("portkey", "p50"),
    directP50Ms: round(median(of("direct", "p50"))),
    directFirstTokenMs: round(median(of("direct", "firstToken"))),
  };
}
