// The built product on a fresh home: a real daemon process, its owner, and one client with a token.

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { DAEMON_FLAGS } from "../../src/daemon/node-flags.ts";
import { connectControl, type ControlClient } from "../../src/control/index.ts";
import { homePaths, initHome } from "../../src/home/index.ts";
import type { JsonObject } from "../../src/kernel/index.ts";
import { starterRules, starterStack } from "../../src/manifest/index.ts";

export const ROOT = join(import.meta.dirname, "..", "..");
export const DIST = join(ROOT, "dist");
const READY_TIMEOUT_MS = 30_000;
const END_TIMEOUT_MS = 20_000;
const OWNER_SECRET = "482913";

export interface BenchHome {
  /** The temporary folder around the home; programs that are compared go beside it. */
  readonly base: string;
  readonly dir: string;
  remove(): void;
}

export function makeHome(): BenchHome {
  const base = mkdtempSync(join(tmpdir(), "freehold-bench-"));
  const dir = join(base, "home");
  const owner = { name: "Ada", timezone: "Europe/Berlin", currency: { code: "EUR", usd: 1.08 } };
  initHome(dir, { files: { "stack.yaml": starterStack(owner), "rules.yaml": starterRules() } });
  return { base, dir, remove: () => rmSync(base, { recursive: true, force: true, maxRetries: 3 }) };
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

export interface DaemonProcess {
  readonly pid: number;
  readonly url: string;
  stop(): Promise<void>;
}

/** `nodeFlags` stand before the entry, for profiles. */
export async function startDaemonProcess(home: string, nodeFlags: readonly string[] = []): Promise<DaemonProcess> {
  const entry = join(DIST, "daemon", "main.js");
  if (!existsSync(entry)) throw new Error("dist/ is not built: npm run build");
  const port = await freePort();
  const env = { ...process.env, FREEHOLD_PORT: String(port), FREEHOLD_SERVICE: "" };
  const child = spawn(process.execPath, [...DAEMON_FLAGS, ...nodeFlags, entry, "--home", home], {
    cwd: home,
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-4_000)));
  const url = `http://127.0.0.1:${port}/`;
  if (!(await isReady(url, () => child.exitCode === null))) throw new Error(`the daemon did not start: ${said}`);
  return { pid: child.pid ?? 0, url, stop: () => endProcess(child) };
}

/** True once `/readyz` (or another path) answers; false when `isAlive` says no, or after 30 s. */
export async function isReady(url: string, isAlive: () => boolean, path = "readyz"): Promise<boolean> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (isAlive() && Date.now() < deadline) {
    const response = await fetch(`${url}${path}`).catch(() => null); // nobody listens yet
    if (response?.ok === true) return true;
    await wait(10);
  }
  return false;
}

/** SIGTERM, then SIGKILL after 20 s. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), END_TIMEOUT_MS);
  await ended;
  clearTimeout(force);
}

/** The control connection with an owner who has just proven it. */
export async function asOwner(home: string): Promise<ControlClient> {
  const control = await connectControl(homePaths(home).controlSocket);
  const { set } = await control.call("owner.state", {});
  if (set !== true) await control.call("owner.enrol", { secret: OWNER_SECRET });
  await control.call("owner.prove", { secret: OWNER_SECRET });
  return control;
}

/** Applies what is proposed in the home now. */
export async function applyAll(control: ControlClient): Promise<void> {
  const { digest } = await control.call("plan", {});
  await control.call("apply", { digest: digest ?? "" });
}

export interface AddedServer {
  readonly name: string;
  readonly source: string;
  readonly more?: JsonObject;
  /** From the drafted cards to what the owner accepts. */
  readonly cards: (drafted: string) => string;
  /** The text of rules.yaml. */
  readonly rules: string;
}

/** Locks and installs the server, accepts its cards and rules, adds one client; answers the client's token. */
export async function addServer(home: string, control: ControlClient, server: AddedServer): Promise<string> {
  const { name, source } = server;
  await control.call("server.add", { name, source, ...server.more });
  const cards = join(home, "cards", `${name}.yaml`);
  writeFileSync(cards, server.cards(readFileSync(cards, "utf8")));
  // The rules may name the client, so it is added before they are.
  const { token } = await control.call("client.add", { name: "bench" });
  writeFileSync(join(home, "rules.yaml"), server.rules);
  await applyAll(control);
  if (typeof token !== "string") throw new Error("no token was made");
  return token;
}
