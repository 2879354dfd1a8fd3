// The running servers: one process each, started at the first call, judged against the lock, stopped when idle.

import {
  Fault,
  reasonOf,
  surfaceRoot,
  type Clock,
  type Digest,
  type LaunchSpec,
  type PermitConnection,
  type Surface,
} from "../kernel/index.ts";
import { pinsOf } from "../manifest/index.ts";
import { handshake, openHttpPeer, openStdioPeer, readSurface, type Hello, type Peer } from "../mcp/index.ts";
import { startSandboxed, type SandboxedProcess, type SandboxProbe } from "../sandbox/index.ts";

export interface Upstream {
  readonly server: string;
  readonly peer: Peer;
  readonly pid: number | null;
  /** Why the whole server is held back, or null. */
  readonly quarantine: string | null;
  /** Of the running definition, by full tool name. */
  pinOf(tool: string): Digest | null;
  usedAtMs: number;
}

export interface UpstreamParts {
  readonly clock: Clock;
  /** Checks the installed tree before it answers; null when the accepted stack has no such server. */
  launch(server: string): Promise<LaunchSpec | null>;
  lockedRoot(server: string): { readonly root: Digest; readonly surface: Surface } | null;
  secret(name: string): Promise<string | null>;
  readonly probe: () => Promise<SandboxProbe>;
  permitConnection(server: string): PermitConnection;
  /** Paths that no sandbox may see, and the installed trees among them, which may be read. */
  readonly protect: readonly string[];
  readonly installed: readonly string[];
  onChange(server: string, text: string): void;
}

export interface Upstreams {
  running(server: string): Upstream | null;
  /** Starts the server or joins a start under way. Faults carry the server's own words, revealed. */
  start(server: string): Promise<Upstream>;
  stop(server: string): Promise<void>;
  stopAll(): Promise<void>;
  list(): readonly Upstream[];
}

const START_TIMEOUT_MS = 30_000;
const MESSAGE_BYTES_MAX = 32 * 1024 * 1024;
const IDLE_STOP_MS = 10 * 60_000;
const CRASHES_MAX = 3;
const CRASH_WINDOW_MS = 60_000;

interface Running {
  readonly upstream: Upstream & { quarantine: string | null };
  readonly process: SandboxedProcess | null;
  readonly hello: Hello;
}

export function openUpstreams(parts: UpstreamParts): Upstreams {
  const running = new Map<string, Running>();
  const starting = new Map<string, Promise<Upstream>>();
  const crashes = new Map<string, number[]>();
  let idleTimer: NodeJS.Timeout | null = null;

  function gone(server: string, one: Running, reason: string): void {
    if (running.get(server) !== one) return;
    running.delete(server);
    const now = parts.clock.nowMs();
    crashes.set(server, [...(crashes.get(server) ?? []).filter((at) => now - at < CRASH_WINDOW_MS), now]);
    parts.onChange(server, `ended: ${reason}`);
    void one.process?.stop();
  }

  async function launch(server: string): Promise<Upstream> {
    const now = parts.clock.nowMs();
    const recent = (crashes.get(server) ?? []).filter((at) => now - at < CRASH_WINDOW_MS);
    if (recent.length >= CRASHES_MAX) {
      throw new Fault("server.crash-loop", {
        message: `server '${server}' ended ${recent.length} times within a minute and is left alone for now.`,
        next: `freehold show ${server}`,
      });
    }
    const one = await connect(parts, server);
    running.set(server, one);
    one.upstream.peer.onNotification((method) => {
      if (method.endsWith("/list_changed")) void recheck(parts, one);
    });
    void one.upstream.peer.closed.then((reason) => gone(server, one, reason));
    idleTimer ??= setInterval(stopIdle, 60_000).unref();
    return one.upstream;
  }

  function stopIdle(): void {
    const now = parts.clock.nowMs();
    for (const [server, one] of running) {
      if (now - one.upstream.usedAtMs > IDLE_STOP_MS) void stop(server);
    }
    if (running.size === 0 && idleTimer !== null) {
      clearInterval(idleTimer);
      idleTimer = null;
    }
  }

  async function stop(server: string): Promise<void> {
    await starting.get(server)?.catch(() => undefined);
    const one = running.get(server);
    if (one === undefined) return;
    running.delete(server);
    one.upstream.peer.close();
    await one.process?.stop();
    parts.onChange(server, "stopped");
  }

  return {
    running: (server) => running.get(server)?.upstream ?? null,
    list: () => Array.from(running.values(), (one) => one.upstream),
    start(server) {
      const present = running.get(server);
      if (present !== undefined) return Promise.resolve(present.upstream);
      const underway = starting.get(server);
      if (underway !== undefined) return underway;
      const started = launch(server).finally(() => starting.delete(server));
      starting.set(server, started);
      return started;
    },
    stop,
    async stopAll() {
      await Promise.all([...new Set([...running.keys(), ...starting.keys()])].map((server) => stop(server)));
    },
  };
}

async function connect(parts: UpstreamParts, server: string): Promise<Running> {
  const spec = await parts.launch(server);
  if (spec === null) throw new Fault("server.unknown", { message: `server '${server}' is not in the accepted stack.` });
  const values = await secretValues(parts, spec);
  let process: SandboxedProcess | null = null;
  let peer: Peer;
  const tail: string[] = [];
  if (spec.kind === "remote") {
    const permit = parts.permitConnection(server);
    const headers = { ...spec.headers, ...values };
    peer = openHttpPeer({ url: spec.url, headers: () => headers, permit, messageBytesMax: MESSAGE_BYTES_MAX });
  } else {
    process = await startSandboxed({
      name: server,
      spec: spec.sandbox,
      command: spec.command,
      cwd: spec.cwd,
      env: { ...spec.env, ...values },
      probe: await parts.probe(),
      permitConnection: parts.permitConnection(server),
      protect: parts.protect,
      installed: parts.installed,
    });
    keepTail(process.stderr, tail);
    peer = openStdioPeer({
      stdin: process.stdin,
      stdout: process.stdout,
      messageBytesMax: MESSAGE_BYTES_MAX,
      onNoise: (line) => tail.push(`stdout: ${line.slice(0, 200)}`),
    });
  }
  try {
    const hello = await handshake(peer, { timeoutMs: START_TIMEOUT_MS });
    const surface = await readSurface(peer, hello, { timeoutMs: START_TIMEOUT_MS, pagesMax: 50, itemsMax: 2_000 });
    return { upstream: judged({ parts, server, peer, hello, surface, pid: process?.pid ?? null }), process, hello };
  } catch (error) {
    peer.close();
    await process?.stop();
    throw startFault(server, error, tail);
  }
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

interface Judged {
  readonly parts: UpstreamParts;
  readonly server: string;
  readonly peer: Peer;
  readonly hello: Hello;
  readonly surface: Surface;
  readonly pid: number | null;
}

function judged(found: Judged): Running["upstream"] {
  return {
    server: found.server,
    peer: found.peer,
    pid: found.pid,
    usedAtMs: found.parts.clock.nowMs(),
    ...judge(found.parts, found.server, found.surface),
  };
}

/** Additions, removals and renames hold back the whole server; a changed definition only its own tool. */
function judge(
  parts: UpstreamParts,
  server: string,
  surface: Surface,
): { readonly quarantine: string | null; pinOf(tool: string): Digest | null } {
  const pins = pinsOf(server, surface);
  const locked = parts.lockedRoot(server);
  let quarantine: string | null = locked === null ? "it is not in the lock" : null;
  if (locked !== null && locked.root !== surfaceRoot(surface)) {
    const names = (tools: Surface["tools"]): ReadonlySet<string> => new Set(tools.map((tool) => String(tool["name"])));
    const [before, now] = [names(locked.surface.tools), names(surface.tools)];
    const added = [...now].filter((name) => !before.has(name));
    const removed = [...before].filter((name) => !now.has(name));
    if (added.length > 0) quarantine = `it serves tools you have not accepted: ${added.slice(0, 5).join(", ")}`;
    else if (removed.length > 0) quarantine = `tools you accepted are gone: ${removed.slice(0, 5).join(", ")}`;
    parts.onChange(server, quarantine ?? "its definitions differ from the lock");
  }
  return { quarantine, pinOf: (tool) => pins.get(tool) ?? null };
}

/** The server says that its lists changed: nothing more is sent to it before they were read again. */
async function recheck(parts: UpstreamParts, one: Running): Promise<void> {
  const { upstream } = one;
  const mutable = upstream as { quarantine: string | null; pinOf: Upstream["pinOf"] };
  mutable.quarantine = "its lists changed and are being read again";
  try {
    const surface = await readSurface(upstream.peer, one.hello, {
      timeoutMs: START_TIMEOUT_MS,
      pagesMax: 50,
      itemsMax: 2_000,
    });
    Object.assign(mutable, judge(parts, upstream.server, surface));
  } catch (error) {
    mutable.quarantine = `its lists changed and could not be read again: ${reasonOf(error)}`;
  }
}

const TAIL_LINES_MAX = 40;

function keepTail(stream: NodeJS.ReadableStream, tail: string[]): void {
  stream.on("data", (chunk: Buffer | string) => {
    for (const line of String(chunk).split("\n")) if (line.trim() !== "") tail.push(line.slice(0, 500));
    tail.splice(0, Math.max(0, tail.length - TAIL_LINES_MAX));
  });
}

function startFault(server: string, error: unknown, tail: readonly string[]): Fault {
  const said = tail.length === 0 ? "" : ` It said last: ${tail.slice(-3).join(" | ")}`;
  return new Fault("server.start", {
    message: `server '${server}' did not start: ${reasonOf(error)}.${said.slice(0, 1_000)}`,
    cause: error,
    next: `freehold show ${server}`,
  });
}
