// Starts one server or opens the way to it, with its secrets, and reads what it serves. All it says is masked.

import { Fault, oneLine, reasonOf, surfaceRoot, textAt, type Surface } from "../kernel/index.ts";
import type { LaunchSpec } from "../manifest/index.ts";
import {
  askableFor,
  countedPeer,
  filteredPeer,
  handshake,
  listenForChanges,
  MODERN_VERSIONS,
  openHttpPeer,
  openStdioPeer,
  readSurface,
  type Hello,
  type Peer,
} from "../mcp/index.ts";
import { addressOf, startSandboxed, type SandboxedProcess } from "../sandbox/index.ts";
import { loginNeeded } from "./logins.ts";
import { judge } from "./server-judge.ts";
import type { Connected, UpstreamParts } from "./upstream.ts";

const START_TIMEOUT_MS = 30_000;
const MESSAGE_BYTES_MAX = 32 * 1024 * 1024;
const LIST_LIMITS = { timeoutMs: START_TIMEOUT_MS, pagesMax: 50, itemsMax: 2_000 };
const TAIL_LINES_MAX = 40;
const TAIL_LINE_MAX = 500;

interface Wired {
  readonly peer: Peer;
  readonly process: SandboxedProcess | null;
  /** Its last words outside the protocol. */
  readonly tail: readonly string[];
}

/** Whether a server that opened a new session is the accepted one; nobody knows before it is running. */
interface Renewal {
  isSame: () => Promise<boolean>;
}

/** Faults: `server.unknown`, `.stopped`, `.start`, `secret.absent`, `secrets.locked` and the sandbox's. */
export async function connectServer(parts: UpstreamParts, server: string, signal: AbortSignal): Promise<Connected> {
  const renewal: Renewal = { isSame: async () => false };
  const { asks, isRemote, ...wired } = await wayTo(parts, server, { signal, renewal });
  const breakOff = (): void => wired.peer.close();
  signal.addEventListener("abort", breakOff, { once: true });
  if (signal.aborted) breakOff();
  try {
    const watch = watched(parts, server, wired.peer);
    // A server of pipes speaks as when it was looked at: a probe can end an old one.
    const isModern = MODERN_VERSIONS.includes(parts.lockedRoot(server)?.surface.protocol ?? "");
    const open = isRemote ? "probe" : isModern ? "modern" : "legacy";
    const capabilities = askableFor(asks);
    const hello = await handshake(watch.peer, { timeoutMs: START_TIMEOUT_MS, open, capabilities });
    // Below what counts calls under way: listening is no use of the server.
    listenForChanges(wired.peer, hello, watch.changed);
    const onLeftOut = (tool: string, reason: string): void =>
      parts.onChange(server, parts.hearing(server).text(`its tool ${tool} is left out: ${reason}`));
    const surface = await readSurface(watch.peer, hello, { ...LIST_LIMITS, onLeftOut });
    renewal.isSame = async () => {
      watch.changed();
      return parts.lockedRoot(server)?.root === surfaceRoot(await readSurface(wired.peer, hello, LIST_LIMITS));
    };
    return connected({ parts, server, hello, surface, ...wired, ...watch });
  } catch (error) {
    wired.peer.close();
    await wired.process?.stop();
    throw startFault(parts, server, { error, tail: wired.tail });
  } finally {
    signal.removeEventListener("abort", breakOff);
  }
}

interface Opening {
  readonly signal: AbortSignal;
  readonly renewal: Renewal;
}

interface Way extends Wired {
  readonly asks: readonly string[];
  readonly isRemote: boolean;
}

async function wayTo(parts: UpstreamParts, server: string, opening: Opening): Promise<Way> {
  const own = parts.inProcess?.(server) ?? null;
  if (own !== null) return { peer: own, process: null, tail: [], asks: [], isRemote: false };
  const spec = await parts.launch(server);
  if (spec === null) throw new Fault("server.unknown", { message: `server '${server}' is not in the accepted stack.` });
  return { ...(await wire(parts, spec, opening)), asks: spec.asks, isRemote: spec.kind === "remote" };
}

async function wire(parts: UpstreamParts, spec: LaunchSpec, { signal, renewal }: Opening): Promise<Wired> {
  const { server } = spec;
  const values = await secretValues(parts, spec);
  const probe = await parts.probe();
  if (signal.aborted) throw new Fault("server.stopped", { message: `the start of server '${server}' was broken off.` });
  const permit = parts.permitConnection(server);
  if (spec.kind === "remote") {
    const headers = { ...spec.headers, ...values };
    const isFixed = Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
    const peer = openHttpPeer({
      url: spec.url,
      headers: () => headers,
      permit,
      resolve: addressOf,
      ...(isFixed ? {} : { authorization: parts.authorization(server, spec.url) }),
      renewed: () => renewal.isSame(),
      messageBytesMax: MESSAGE_BYTES_MAX,
    });
    return { peer, process: null, tail: [] };
  }
  const process = await startSandboxed({
    name: server,
    spec: spec.sandbox,
    command: spec.command,
    cwd: spec.cwd,
    env: { ...spec.env, ...values },
    probe,
    permitConnection: permit,
    protect: parts.protect,
    installed: parts.installed,
  });
  const tail: string[] = [];
  const keep = (text: string): void => {
    for (const line of text.split("\n")) if (line.trim() !== "") tail.push(line.slice(0, TAIL_LINE_MAX));
    tail.splice(0, Math.max(0, tail.length - TAIL_LINES_MAX));
  };
  process.stderr.on("data", (chunk: Buffer | string) => keep(String(chunk)));
  const { stdin, stdout } = process;
  const onNoise = (line: string): void => keep(`stdout: ${line}`);
  return { peer: openStdioPeer({ stdin, stdout, messageBytesMax: MESSAGE_BYTES_MAX, onNoise }), process, tail };
}

async function secretValues(parts: UpstreamParts, spec: LaunchSpec): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const [name, secret] of Object.entries(spec.secrets)) {
    const value = await parts.secret(secret);
    if (value === null) {
      throw new Fault("secret.absent", {
        message: `server '${spec.server}' needs the secret '${secret}', which is not set.`,
        next: `freehold secret set ${secret}`,
      });
    }
    values[name] = value;
  }
  return values;
}

/** Masks, counts what is under way, and notices what gives cause to look at the lists again. */
function watched(
  parts: UpstreamParts,
  server: string,
  raw: Peer,
): Pick<Connected, "underway" | "onDoubt"> & { readonly peer: Peer; readonly changed: () => void } {
  const peer = filteredPeer(raw, parts.hearing(server));
  let doubt: (why: "changed" | "silent") => void = () => undefined;
  peer.onNotification((method, params) => {
    if (method.endsWith("/list_changed")) doubt("changed");
    if (method === "notifications/resources/updated") parts.onUpdated?.(server, textAt(params, "uri") ?? "");
  });
  return {
    ...countedPeer(peer, () => doubt("silent")),
    onDoubt: (listener) => void (doubt = listener),
    changed: () => doubt("changed"),
  };
}

interface Found extends Wired, Pick<Connected, "underway" | "onDoubt"> {
  readonly parts: UpstreamParts;
  readonly server: string;
  readonly hello: Hello;
  readonly surface: Surface;
}

function connected(found: Found): Connected {
  const { parts, server, hello, surface, peer, process, underway, onDoubt } = found;
  const { nowMs } = parts.clock;
  const judged = judge(parts, server, surface);
  const upstream = { server, peer, pid: process?.pid ?? null, usedAtMs: nowMs(), ...judged };
  return { upstream, process, underway, onDoubt, surface: () => readSurface(peer, hello, LIST_LIMITS) };
}

function startFault(
  parts: UpstreamParts,
  server: string,
  { error, tail }: { readonly error: unknown; readonly tail: readonly string[] },
): Fault {
  const needed = parts.needsLogin(server);
  if (needed !== null) return loginNeeded({ server, needed, url: null, cause: error });
  const last = parts.hearing(server).text(tail.slice(-3).join(" | "));
  const said = last === "" ? "" : ` It said last: ${oneLine(last, 1_000)}`;
  return new Fault("server.start", {
    message: `server '${server}' did not start: ${oneLine(reasonOf(error), 1_000)}.${said}`,
    cause: error,
    next: `freehold show ${server}`,
  });
}
