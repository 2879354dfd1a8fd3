// What a busy day leaves behind in the daemon: processes, memory and open files after calls, clients and crashes.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { ControlClient } from "../src/control/index.ts";
import { median, processTree, residentMbOf, round, type Bench } from "./lib.ts";
import { httpClient, type RpcClient } from "./parts/clients.ts";
import { applyAll, asOwner, makeHome, ROOT, startDaemonProcess } from "./parts/product.ts";

const SERVERS = ["one", "two"];
const IN_FLIGHT = 16;
const SAMPLES = 9;
const SAMPLE_EVERY_MS = 500;
const ROGUE = join(ROOT, "tests", "fixtures", "rogue");
/** Held back after five; the owner lets it be tried again before that. */
const CRASHES_IN_A_ROW = 3;

interface Work {
  readonly calls: number;
  readonly connects: number;
  readonly reconnects: number;
  readonly crashes: number;
}

interface Stage {
  readonly pid: number;
  readonly url: string;
  readonly token: string;
  readonly control: ControlClient;
  readonly folder: (server: string) => string;
}

export const run: Bench = async ({ quick, note }) => {
  const home = makeHome();
  const daemon = await startDaemonProcess(home.dir);
  const control = await asOwner(home.dir);
  try {
    const folder = (server: string): string => join(home.base, server);
    const token = await addServers(home.dir, control, folder);
    const stage: Stage = { pid: daemon.pid, url: `${daemon.url}mcp`, token, control, folder };
    const work: Work = quick
      ? { calls: 500, connects: 10, reconnects: 5, crashes: 4 }
      : { calls: 10_000, connects: 200, reconnects: 50, crashes: 20 };
    note("warming up with the same work");
    await doWork(stage, work);
    const before = await measure(stage);
    note(`at rest: ${round(before.rssMb, 1)} MB, ${before.handles} handles`);
    await doWork(stage, work);
    const after = await measure(stage);
    note(`after it: ${round(after.rssMb, 1)} MB, ${after.handles} handles`);
    return {
      ...work,
      servers: SERVERS.length,
      children: Math.max(...after.children),
      childrenMin: Math.min(...after.children),
      rssGrowthMb: round(after.rssMb - before.rssMb, 1),
      handlesGrowth: after.handles - before.handles,
      rssMb: round(after.rssMb, 1),
      handles: after.handles,
    };
  } finally {
    control.close();
    await daemon.stop();
    home.remove();
  }
};

async function addServers(home: string, control: ControlClient, folder: (server: string) => string): Promise<string> {
  for (const name of SERVERS) {
    mkdirSync(folder(name));
    const input = { name, source: `path:${ROGUE}`, args: [folder(name)], write: [folder(name)] };
    await control.call("server.add", input);
    const cards = join(home, "cards", `${name}.yaml`);
    const drafted = readFileSync(cards, "utf8");
    writeFileSync(cards, drafted.replace(/(\n {2}look:\n(?: {4}.*\n)*? {4}effect: )\S+/, "$1read"));
  }
  const { token } = await control.call("client.add", { name: "bench" });
  await applyAll(control);
  if (typeof token !== "string") throw new Error("no token was made");
  return token;
}

async function doWork(stage: Stage, work: Work): Promise<void> {
  const client = await clientOf(stage, IN_FLIGHT);
  let left = work.calls;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await look(client, SERVERS[left % SERVERS.length] ?? "");
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  for (let times = 0; times < work.connects; times += 1) {
    const visitor = await clientOf(stage, 1);
    await look(visitor, SERVERS[times % SERVERS.length] ?? "");
    visitor.close();
  }
  for (let times = 0; times < work.crashes; times += 1) {
    const server = SERVERS[times % SERVERS.length] ?? "";
    if (times % CRASHES_IN_A_ROW === 0) await forgive(stage);
    writeFileSync(join(stage.folder(server), "mode"), "die");
    await look(client, server).catch(() => undefined); // It dies in this call.
    rmSync(join(stage.folder(server), "mode"));
    await look(client, server);
  }
  client.close();
  await reconnect(stage, work.reconnects);
  await forgive(stage);
  const last = await clientOf(stage, 1);
  for (const server of SERVERS) await look(last, server);
  last.close();
}

async function forgive({ control }: Stage): Promise<void> {
  for (const name of SERVERS) await control.call("server.restart", { name });
}

function clientOf({ url, token }: Stage, connections: number): Promise<RpcClient> {
  return httpClient({ url, token, connections });
}

function look(client: RpcClient, server: string): Promise<string> {
  return client.call("tools/call", { name: `${server}__look`, arguments: { path: "a", text: "hello" } });
}

/** One conversation whose stream is cut off in the middle and opened again. */
async function reconnect({ url, token }: Stage, times: number): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const accept = "application/json, text/event-stream";
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "bench", version: "1" } };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params });
  const hello = await fetch(url, { method: "POST", headers: { ...headers, accept }, body });
  await hello.text();
  const session = { "mcp-session-id": hello.headers.get("mcp-session-id") ?? "", "mcp-protocol-version": "2025-11-25" };
  for (let turn = 0; turn < times; turn += 1) {
    const cut = new AbortController();
    const stream = await fetch(url, {
      headers: { ...headers, ...session, accept: "text/event-stream" },
      signal: cut.signal,
    });
    if (stream.status !== 200) throw new Error(`the stream was refused: ${stream.status} ${await stream.text()}`);
    cut.abort();
    await stream.text().catch(() => ""); // Cut off, as was wanted.
  }
}

interface Measured {
  readonly rssMb: number;
  readonly handles: number;
  /** Of each server. */
  readonly children: readonly number[];
}

/** At rest: the median over a few seconds, of memory without any forced collection. */
async function measure({ pid, folder }: Stage): Promise<Measured> {
  const rss: number[] = [];
  const handles: number[] = [];
  for (let taken = 0; taken < SAMPLES; taken += 1) {
    await wait(SAMPLE_EVERY_MS);
    rss.push(residentMbOf(pid, "alone"));
    handles.push(readdirSync(`/proc/${pid}/fd`).length);
  }
  const own = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").match(/\d+/g) ?? [];
  const children = SERVERS.map((server) => own.filter((child) => runs(Number(child), folder(server))).length);
  return { rssMb: median(rss), handles: median(handles), children };
}

/** Whether that child, or what it started, has the folder on its command line. */
function runs(child: number, folder: string): boolean {
  return processTree(child).some((pid) => commandOf(pid).includes(folder));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // It has ended meanwhile.
  }
}
