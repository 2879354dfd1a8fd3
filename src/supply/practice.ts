// Starts one version of a server for a rehearsal, reads what it offers, and calls its tools.
// Invariants: only a server started here is called; it sits in the sandbox whatever the stack says of its walls; it has
// no folder and no secret of the owner's, and its only way out ends in the recorder.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  canonical,
  Fault,
  isObject,
  oneLine,
  reasonOf,
  type JsonObject,
  type JsonValue,
  type PermitConnection,
  type Surface,
} from "../kernel/index.ts";
import type { LockedServer, StackServer } from "../manifest/index.ts";
import { askableFor, handshake, MODERN_VERSIONS, openStdioPeer, readSurface, type Peer } from "../mcp/index.ts";
import { startSandboxed, type SandboxedProcess, type SandboxProbe } from "../sandbox/index.ts";
import { openAuthority } from "./authority.ts";
import { launchSpecOf } from "./launch.ts";
import type { PracticeCall } from "./practice-args.ts";
import type { SupplyHome } from "./places.ts";
import { openRecorder, type RecordedRequest, type Recorder } from "./recorder.ts";
import { makeScratch, type Scratch } from "./scratch.ts";
import { steady, type Names } from "./volatile.ts";

export interface PracticeRequest {
  readonly name: string;
  readonly locked: LockedServer;
  readonly stackServer: StackServer;
  readonly calls: readonly PracticeCall[];
  readonly home: SupplyHome;
  readonly ownerHome: string;
  readonly probe: SandboxProbe;
  readonly permitConnection: PermitConnection;
  readonly nowMs: number;
  /** For the start and each list. */
  readonly timeoutMs?: number;
}

export interface Practice {
  readonly surface: Surface;
  readonly answers: readonly PracticeAnswer[];
  readonly requests: readonly RecordedRequest[];
  readonly names: Names;
}

export interface PracticeAnswer {
  readonly call: PracticeCall;
  /** `silent`: no answer in time, or the server was gone. */
  readonly kind: "result" | "error" | "silent";
  /** Canonical, without what differs from run to run. */
  readonly text: string;
  /** A second call of what only reads gave the same. */
  readonly isSteady: boolean;
}

const START_TIMEOUT_MS = 15_000;
const CALL_TIMEOUT_MS = 2_500;
/** For all calls of one run: what is left then is not rehearsed, and said so. */
const CALLS_TIMEOUT_MS = 12_000;
/** For what a server sends after it has answered. */
const AFTER_CALL_MS = 20;
const AT_END_MS = 200;
const MESSAGE_BYTES_MAX = 16_777_216;
const STDERR_MAX = 2_000;
const PAGES_MAX = 50;
const ITEMS_MAX = 2_000;
const FALSE_SECRET = "freehold-rehearsal-without-a-secret";

/** Throws Fault `supply.practice` when the server does not start or offers no list, or one of the sandbox's. */
export async function practise(request: PracticeRequest): Promise<Practice> {
  const authority = openAuthority(request.nowMs);
  const scratch = makeScratch(request);
  const recorder = await openRecorder(authority);
  const heard = { stderr: "" };
  let child: SandboxedProcess | null = null;
  try {
    const certificate = join(scratch.dir, "authority.pem");
    writeFileSync(certificate, authority.certificate);
    child = await start(request, { scratch, recorder, certificate });
    child.stderr.on("data", (chunk: Buffer) => (heard.stderr = (heard.stderr + chunk.toString()).slice(-STDERR_MAX)));
    const peer = openStdioPeer({
      stdin: child.stdin,
      stdout: child.stdout,
      messageBytesMax: MESSAGE_BYTES_MAX,
      onNoise: () => undefined,
    });
    try {
      const surface = await open(peer, request);
      const names = namesOf(request.locked, scratch);
      const answers = await callAll(peer, request.calls, { scratch, recorder, names });
      await wait(recorder.requests.length > 0 ? AT_END_MS : 0);
      return { surface, answers, requests: recorder.requests, names };
    } finally {
      peer.close();
    }
  } catch (error) {
    if (error instanceof Fault && !error.code.startsWith("mcp.")) throw error;
    const said = heard.stderr.trim() === "" ? "" : ` It said: "${oneLine(heard.stderr.trim(), 600)}".`;
    throw new Fault("supply.practice", { message: `${reasonOf(error)}${said}`, cause: error });
  } finally {
    await child?.kill();
    recorder.close();
    scratch.remove();
  }
}

function namesOf({ version }: LockedServer, scratch: Scratch): Names {
  // A short version could be a number of another meaning.
  return [...scratch.names, ...(version !== null && version.length > 4 ? [[version, "<version>"] as const] : [])];
}

interface Stage {
  readonly scratch: Scratch;
  readonly recorder: Recorder;
  readonly certificate: string;
}

async function start(request: PracticeRequest, { scratch, recorder, certificate }: Stage): Promise<SandboxedProcess> {
  const { name, locked, home, ownerHome } = request;
  const launch = launchSpecOf({ name, stackServer: scratch.server, locked, homePaths: home, ownerHome });
  if (launch.kind === "remote") {
    throw new Fault("supply.practice", { message: `${name} runs elsewhere: nothing of it can be rehearsed here.` });
  }
  const outlet = fileURLToPath(
    new URL(import.meta.url.endsWith(".ts") ? "./outlet.ts" : "./outlet.js", import.meta.url),
  );
  const secrets = Object.fromEntries(Object.keys(launch.secrets).map((variable) => [variable, FALSE_SECRET]));
  const way = `127.0.0.1:${recorder.port}`;
  const trusting = Object.fromEntries(
    ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"].map((variable) => [variable, certificate]),
  );
  return startSandboxed({
    name,
    spec: { ...launch.sandbox, read: [...launch.sandbox.read, outlet, certificate], network: [way], off: false },
    command: [process.execPath, outlet, way, "--", ...launch.command],
    cwd: launch.cwd,
    // Another clock than the first look's: what depends on it is found out.
    env: { ...launch.env, ...secrets, ...trusting, TZ: "Asia/Kolkata" },
    probe: request.probe,
    permitConnection: request.permitConnection,
    protect: [home.stateDir, join(home.dir, ".git")],
    installed: [home.trees],
  });
}

async function open(
  peer: Peer,
  { locked, stackServer, timeoutMs = START_TIMEOUT_MS }: PracticeRequest,
): Promise<Surface> {
  const isModern = MODERN_VERSIONS.includes(locked.surface.protocol);
  const capabilities = askableFor(stackServer.asks);
  const hello = await handshake(peer, { timeoutMs, open: isModern ? "modern" : "legacy", capabilities });
  return readSurface(peer, hello, { timeoutMs, pagesMax: PAGES_MAX, itemsMax: ITEMS_MAX });
}

interface Calling {
  readonly scratch: Scratch;
  readonly recorder: Recorder;
  readonly names: Names;
}

async function callAll(
  peer: Peer,
  calls: readonly PracticeCall[],
  { scratch, recorder, names }: Calling,
): Promise<readonly PracticeAnswer[]> {
  const answers: PracticeAnswer[] = [];
  const endAtMs = performance.now() + CALLS_TIMEOUT_MS;
  for (const call of calls) {
    const leftMs = Math.min(CALL_TIMEOUT_MS, endAtMs - performance.now());
    if (leftMs <= 0) {
      answers.push({ call, kind: "silent", text: "", isSteady: true });
      continue;
    }
    recorder.during(call.label);
    const params = { name: call.tool, arguments: filled(call.args, scratch) };
    const ask = async (): Promise<Pick<PracticeAnswer, "kind" | "text">> => {
      const reply = await peer.request({
        method: "tools/call",
        paramsText: JSON.stringify(params),
        timeoutMs: Math.ceil(leftMs),
      });
      if (reply.kind === "broken") return { kind: "silent", text: "" };
      if (reply.kind === "error") return { kind: "error", text: steady(reply.message, names) };
      const { _meta, ...result } = reply.result;
      return { kind: "result", text: steady(canonical(result), names) };
    };
    const first = await ask();
    const again = call.isRead && first.kind !== "silent" ? await ask() : first;
    if (!call.isRead) await wait(AFTER_CALL_MS);
    answers.push({ call, ...first, isSteady: again.text === first.text && again.kind === first.kind });
  }
  recorder.during("the time after the calls");
  return answers;
}

function filled(args: JsonObject, scratch: Scratch): JsonObject {
  const fill = (value: JsonValue): JsonValue => {
    if (typeof value === "string") return scratch.fill(value);
    if (Array.isArray(value)) return value.map((item: JsonValue) => fill(item));
    return isObject(value) ? filled(value, scratch) : value;
  };
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [name, fill(value)]));
}
