// The official suite's server scenarios through the gateway: the suite, a pass-through that adds a token, the real
// daemon, and behind it the fixture server over stdio or over HTTP. The fixture's cards are accepted as reads.

import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { isObject, textAt, type JsonObject } from "../../src/kernel/index.ts";
import { makeHome, type TestDaemon, type TestHome } from "../../tests/fixtures/daemon.ts";
import { openPassThrough } from "../../tests/fixtures/pass-through.ts";

export type Revision = "2025-11-25" | "2026-07-28";
/** How the gateway reaches the fixture. `stdio-2025`: a server that speaks the old era alone. */
export type Upstream = "stdio" | "stdio-2025" | "http";

export interface ServerScenarios {
  readonly passed: number;
  readonly required: number;
  /** With the suite's own words, for a person. */
  readonly failed: readonly string[];
  /** What the suite would rather see otherwise in scenarios that passed. */
  readonly warned: readonly string[];
}

export interface GatewayUnderTest {
  /** Of a pass-through that brings a token; tools and prompts have their own names there. */
  readonly url: string;
  run(revision: Revision): Promise<ServerScenarios>;
}

interface Ending {
  after(fn: () => unknown): void;
}

const ROOT = join(import.meta.dirname, "..", "..");
const FIXTURES = join(ROOT, "tests", "fixtures");
const FIXTURE = join(FIXTURES, "conformance-server.ts");
const NAME = "fixture";
const ASKS = "asks: [elicitation, sampling, roots]";

/** Everything ends and is removed by `ending`. */
export async function openGateway(ending: Ending, upstream: Upstream): Promise<GatewayUnderTest> {
  const pass = await openPassThrough();
  ending.after(() => pass.close());
  const home = makeHome(ending);
  const daemon = await home.start({ env: { TEST_HOSTS: pass.host } });
  const token = await declare({ home, daemon }, await inputOf(ending, upstream));
  pass.target(daemon.url, token);
  let runs = 0;
  const url = `http://${pass.host}/mcp`;
  return {
    url,
    run(revision) {
      runs += 1;
      return runSuite({ url, revision, scratch: home.folder(`suite-${runs}`) });
    },
  };
}

async function inputOf(ending: Ending, upstream: Upstream): Promise<JsonObject> {
  if (upstream !== "http") {
    const source = `path:${join(FIXTURES, "conformance")}`;
    return { name: NAME, source, args: [FIXTURE, upstream], read: [ROOT], compartment: "personal" };
  }
  const child = spawn(process.execPath, [FIXTURE, "http"], { stdio: ["ignore", "pipe", "inherit"] });
  ending.after(() => end(child));
  const said = Promise.withResolvers<string>();
  child.stdout.once("data", (chunk: Buffer) => said.resolve(chunk.toString().trim()));
  return { name: NAME, source: await said.promise, compartment: "personal" };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, "exit");
}

/** Adds the server and the client as their owner would, and writes what the suite needs into the files; the token. */
async function declare(given: { home: TestHome; daemon: TestDaemon }, input: JsonObject): Promise<string> {
  const { home, daemon } = given;
  await daemon.owner.call("server.add", input);
  const { token } = await daemon.owner.call("client.add", { name: "suite", compartments: ["personal"] });
  const cards = join(home.paths.cardsDir, `${NAME}.yaml`);
  writeFileSync(cards, readFileSync(cards, "utf8").replace(/^( {4}effect:) \S+/gm, "$1 read"));
  const stack = join(home.paths.dir, "stack.yaml");
  const text = readFileSync(stack, "utf8");
  const declared = text
    .replace(new RegExp(`^( *)${NAME}:\\n( +)`, "m"), `$1${NAME}:\n$2${ASKS}\n$2`)
    .replace(/^( *)suite:\n( +)/m, "$1suite:\n$2names: short\n$2")
    .replace(/suite: \{/, "suite: { names: short,");
  writeFileSync(stack, declared);
  const { digest } = await daemon.owner.call("plan", {});
  await daemon.owner.call("apply", { digest: digest ?? null });
  return typeof token === "string" ? token : "";
}

interface Check {
  readonly id: string;
  readonly status: string;
  readonly words: string;
}

const WORDS_MAX = 500;
const OUTPUT_MAX = 64 * 1024 * 1024;

async function runSuite(asked: { url: string; revision: Revision; scratch: string }): Promise<ServerScenarios> {
  const { url, revision, scratch } = asked;
  const suite = dirname(createRequire(import.meta.url).resolve("@modelcontextprotocol/conformance/package.json"));
  const out = join(scratch, "out");
  mkdirSync(out);
  const args = ["server", "--url", url, "--requirements", revision, "--output-dir", out];
  await new Promise<void>((resolve) => {
    // Its exit code says no more than its files.
    const program = [join(suite, "dist", "index.js"), ...args];
    execFile(process.execPath, program, { cwd: scratch, maxBuffer: OUTPUT_MAX }, () => resolve());
  });
  const required = requiredIn(readFileSync(join(suite, "requirements", `${revision}.yaml`), "utf8"));
  const failed: string[] = [];
  const warned: string[] = [];
  for (const scenario of required) {
    const checks = checksOf(out, scenario);
    const bad = checks.filter(({ status }) => status === "FAILURE");
    if (bad.length > 0) failed.push(...bad.map(({ id, words }) => `${scenario}: ${id}: ${words}`));
    else if (!checks.some(({ status }) => status === "SUCCESS")) failed.push(`${scenario}: nothing was checked`);
    const weak = checks.filter(({ status }) => status === "WARNING");
    warned.push(...weak.map(({ id, words }) => `${scenario}: ${id}: ${words}`));
  }
  const lost = new Set(failed.map((line) => line.slice(0, line.indexOf(":"))));
  return { passed: required.length - lost.size, required: required.length, failed, warned };
}

function requiredIn(text: string): readonly string[] {
  const parsed: unknown = parse(text);
  const server = isObject(parsed) ? parsed["server"] : undefined;
  return Array.isArray(server) ? server.filter((name) => typeof name === "string") : [];
}

/** The suite writes a folder for each scenario, named after it and the time. */
function checksOf(out: string, scenario: string): readonly Check[] {
  const folder = readdirSync(out).find((name) => new RegExp(`^server-${scenario}-\\d{4}-`).test(name));
  if (folder === undefined) return [];
  const parsed: unknown = JSON.parse(readFileSync(join(out, folder, "checks.json"), "utf8"));
  const checks = Array.isArray(parsed) ? parsed.filter((check) => isObject(check)) : [];
  return checks.map((check) => ({
    id: textAt(check, "id") ?? "",
    status: textAt(check, "status") ?? "",
    words: (textAt(check, "errorMessage") ?? "").slice(0, WORDS_MAX),
  }));
}
