// The first look at a server: started in the sandbox without network and without real secrets, read, and stopped.

import { setTimeout as wait } from "node:timers/promises";
import {
  Fault,
  isObject,
  oneLine,
  reasonOf,
  type JsonObject,
  type PermitConnection,
  type Surface,
} from "../kernel/index.ts";
import type { LaunchSpec } from "../manifest/index.ts";
import {
  askableFor,
  handshake,
  openHttpPeer,
  openStdioPeer,
  readSurface,
  type HttpAuthorization,
  type Peer,
} from "../mcp/index.ts";
import { addressOf, startSandboxed, type Ended, type SandboxedProcess, type SandboxProbe } from "../sandbox/index.ts";

const MESSAGE_BYTES_MAX = 16_777_216;
const STDERR_MAX = 4_096;
const SHOWN_MAX = 800;
const NOISE_KEPT_MAX = 3;
const NOTES_MAX = 20;
/** A server that does not answer what it does not know is old. */
const PROBE_MS = 5_000;
const DYING_MS = 300;
const PAGES_MAX = 50;
const ITEMS_MAX = 2_000;
/** For each step: start with handshake, each page of a list. */
export const LOOK_TIMEOUT_MS = 30_000;

export interface LookRequest {
  readonly launch: LaunchSpec;
  readonly probe: SandboxProbe;
  readonly permitConnection: PermitConnection;
  readonly protect: readonly string[];
  readonly installed: readonly string[];
  /** By variable or header name; what is missing is filled with a value that opens nothing. */
  readonly secretValues: Readonly<Record<string, string>>;
  /** The owner's login at a remote server. */
  readonly authorization?: HttpAuthorization;
  readonly timeoutMs: number;
}

export interface Look {
  readonly surface: Surface;
  readonly notes: readonly string[];
}

interface Heard {
  stderr: string;
  readonly noise: string[];
  ended: Ended | null;
}

/**
 * Asks for the newest protocol first. A program that ends or falls silent at that is started again and asked the old
 * way. Throws Fault `supply.start`, `supply.surface` or one of the sandbox's.
 */
export async function lookAt(request: LookRequest): Promise<Look> {
  try {
    return await lookOnce(request, "probe");
  } catch (error) {
    const isUnanswered = error instanceof Fault && error.cause instanceof Fault && error.cause.code === "mcp.handshake";
    if (request.launch.kind === "remote" || !isUnanswered) throw error;
    return lookOnce(request, "legacy");
  }
}

async function lookOnce(request: LookRequest, open: "probe" | "legacy"): Promise<Look> {
  const { launch, timeoutMs } = request;
  const heard: Heard = { stderr: "", noise: [], ended: null };
  const { peer, child } = await start(request, heard);
  try {
    const capabilities = askableFor(launch.asks);
    const hello = await handshake(peer, { timeoutMs, probeMs: PROBE_MS, open, capabilities });
    const leftOut: string[] = [];
    const limits = { timeoutMs, pagesMax: PAGES_MAX, itemsMax: ITEMS_MAX };
    const onLeftOut = (tool: string, reason: string): void =>
      void leftOut.push(`its tool ${tool} is left out, as the protocol demands: ${reason}`);
    const surface = await readSurface(peer, hello, { ...limits, onLeftOut });
    const noise = heard.noise.map((line) => `it prints on stdout, where only messages belong: ${line}`);
    return { surface, notes: [...noise, ...leftOut.slice(0, NOTES_MAX)] };
  } catch (error) {
    // A server that broke off is about to end; its last words and its code say why.
    if (child !== null) await Promise.race([child.exited, wait(DYING_MS)]);
    throw lookFault(launch.server, error, heard);
  } finally {
    peer.close();
    await child?.stop();
  }
}

async function start(request: LookRequest, heard: Heard): Promise<{ peer: Peer; child: SandboxedProcess | null }> {
  const { launch, permitConnection } = request;
  const values = Object.fromEntries(
    Object.keys(launch.secrets).map((name) => [
      name,
      request.secretValues[name] ?? "freehold-first-look-without-a-secret",
    ]),
  );
  if (launch.kind === "remote") {
    const headers = { ...launch.headers, ...values };
    const { authorization } = request;
    const isFixed = Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
    const options = {
      url: launch.url,
      headers: () => headers,
      permit: permitConnection,
      resolve: addressOf,
      ...(authorization === undefined || isFixed ? {} : { authorization }),
      messageBytesMax: MESSAGE_BYTES_MAX,
    };
    return { peer: openHttpPeer(options), child: null };
  }
  const child = await startSandboxed({
    name: launch.server,
    spec: { ...launch.sandbox, network: "none" },
    command: launch.command,
    cwd: launch.cwd,
    env: { ...launch.env, ...values },
    probe: request.probe,
    permitConnection,
    protect: request.protect,
    installed: request.installed,
  });
  child.stderr.on("data", (chunk: Buffer) => (heard.stderr = (heard.stderr + chunk.toString()).slice(-STDERR_MAX)));
  child.exited.then(
    (ended) => (heard.ended = ended),
    () => undefined,
  );
  const peer = openStdioPeer({
    stdin: child.stdin,
    stdout: child.stdout,
    messageBytesMax: MESSAGE_BYTES_MAX,
    onNoise: (line) => heard.noise.length < NOISE_KEPT_MAX && heard.noise.push(line),
  });
  return { peer, child };
}

/**
 * MCP, tools: an inputSchema is an object schema. Without one no argument could be judged, and clients refuse it.
 * Throws Fault `supply.surface`.
 */
export function checkSchemas(name: string, tools: readonly JsonObject[]): void {
  const empty = tools.filter(({ inputSchema }) => !isObject(inputSchema) || inputSchema["type"] !== "object");
  if (empty.length === 0) return;
  const names = empty.slice(0, 3).map((tool) => oneLine(JSON.stringify(tool["name"] ?? null), 60));
  throw new Fault("supply.surface", {
    message: `${name} serves ${empty.length} of ${tools.length} tools without an input schema (${names.join(", ")}).`,
    next: "one of its dependencies has probably changed under it: choose another release.",
  });
}

function lookFault(name: string, error: unknown, heard: Heard): Fault {
  if (error instanceof Fault && error.code.startsWith("supply.")) return error;
  const { ended } = heard;
  const end =
    ended === null
      ? ""
      : ` It ended with ${ended.signal ?? `code ${ended.code}`}${ended.reason ? `: ${ended.reason}` : ""}.`;
  const stderr = heard.stderr.trim();
  const said = stderr === "" ? "" : ` It said: "${oneLine(stderr.slice(-SHOWN_MAX), SHOWN_MAX)}".`;
  const noise = heard.noise[0] === undefined ? "" : ` On stdout it printed: "${heard.noise[0]}".`;
  const code = ended === null ? "supply.surface" : "supply.start";
  return new Fault(code, {
    message: `${name} cannot be used: ${reasonOf(error)}${end}${said}${noise}`,
    next: "check its args, env, secrets and sandbox.read in stack.yaml (the first look has no network).",
    cause: error,
  });
}
