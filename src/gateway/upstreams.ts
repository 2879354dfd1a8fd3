// The running servers: one process each, started at the first call, judged against the lock, stopped when idle.

import {
  Fault,
  oneLine,
  reasonOf,
  surfaceRoot,
  textAt,
  type Clock,
  type Digest,
  type LaunchSpec,
  type PermitConnection,
  type Surface,
} from "../kernel/index.ts";
import { pinsOf } from "../manifest/index.ts";
import { handshake, openHttpPeer, openStdioPeer, readSurface, type Hello, type Peer } from "../mcp/index.ts";
import { addressOf, startSandboxed, type SandboxedProcess, type SandboxProbe } from "../sandbox/index.ts";

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
  /** At once and without a word to them: for the kill switch. */
  killAll(): Promise<void>;
  list(): readonly Upstream[];
}

const START_TIMEOUT_MS = 30_000;
const MESSAGE_BYTES_MAX = 32 * 1024 * 1024;
const IDLE_STOP_MS = 10 * 60_000;
const IDLE_CHECK_MS = 60_000;
const CRASHES_MAX = 3;
const CRASH_WINDOW_MS = 60_000;

interface Running {
  readonly upstream: Upstream & { quarantine: string | null };
  readonly process: SandboxedProcess | null;
  readonly hello: Hello;
}

/** A start under way, which a stop breaks off: a server may hang in it for as long as it likes. */
interface Starting {
  readonly done: Promise<Upstream>;
  readonly stop: AbortController;
}

export function openUpstreams(parts: UpstreamParts): Upstreams {
  return new RunningServers(parts);
}

class RunningServers implements Upstreams {
  readonly #parts: UpstreamParts;
  readonly #running = new Map<string, Running>();
  readonly #starting = new Map<string, Starting>();
  readonly #crashes = new Map<string, readonly number[]>();
  #idleTimer: NodeJS.Timeout | null = null;

  constructor(parts: UpstreamParts) {
    this.#parts = parts;
  }

  running(server: string): Upstream | null {
    return this.#running.get(server)?.upstream ?? null;
  }

  list(): readonly Upstream[] {
    return Array.from(this.#running.values(), (one) => one.upstream);
  }

  start(server: string): Promise<Upstream> {
    const present = this.running(server);
    if (present !== null) return Promise.resolve(present);
    const underway = this.#starting.get(server);
    if (underway !== undefined) return underway.done;
    const breakOff = new AbortController();
    const done = this.#launch(server, breakOff.signal).finally(() => this.#starting.delete(server));
    this.#starting.set(server, { done, stop: breakOff });
    return done;
  }

  async stop(server: string): Promise<void> {
    const underway = this.#starting.get(server);
    underway?.stop.abort();
    await underway?.done.catch(() => undefined); // Whoever started it hears of its fault.
    const one = this.#running.get(server);
    if (one === undefined) return;
    this.#running.delete(server);
    one.upstream.peer.close();
    await one.process?.stop();
    this.#parts.onChange(server, "stopped");
  }

  async killAll(): Promise<void> {
    const killed = Array.from(this.#running.values(), (one) => one.process?.kill());
    await Promise.all([...killed, this.stopAll()]);
  }

  async stopAll(): Promise<void> {
    const servers = new Set([...this.#running.keys(), ...this.#starting.keys()]);
    await Promise.all(Array.from(servers, (server) => this.stop(server)));
  }

  async #launch(server: string, signal: AbortSignal): Promise<Upstream> {
    const recent = this.#recentCrashes(server);
    if (recent.length >= CRASHES_MAX) {
      throw new Fault("server.crash-loop", {
        message: `server '${server}' ended ${recent.length} times within a minute and is left alone for now.`,
        next: "look at the daemon's log, then wait a minute",
      });
    }
    const one = await connect(this.#parts, server, signal);
    this.#running.set(server, one);
    const recheck = recheckOf(this.#parts, one);
    one.upstream.peer.onNotification((method) => {
      if (method.endsWith("/list_changed")) recheck();
    });
    one.upstream.peer.closed
      .then((reason) => this.#gone(server, one, reason))
      .catch((error: unknown) => this.#parts.onChange(server, `could not be ended: ${reasonOf(error)}`));
    this.#idleTimer ??= setInterval(() => this.#stopIdle(), IDLE_CHECK_MS).unref();
    return one.upstream;
  }

  #recentCrashes(server: string): readonly number[] {
    const now = this.#parts.clock.nowMs();
    return (this.#crashes.get(server) ?? []).filter((at) => now - at < CRASH_WINDOW_MS);
  }

  async #gone(server: string, one: Running, reason: string): Promise<void> {
    if (this.#running.get(server) !== one) return;
    this.#running.delete(server);
    this.#crashes.set(server, [...this.#recentCrashes(server), this.#parts.clock.nowMs()]);
    this.#parts.onChange(server, `ended: ${reason}`);
    await one.process?.stop();
  }

  #stopIdle(): void {
    const now = this.#parts.clock.nowMs();
    const idle = this.list().filter((upstream) => now - upstream.usedAtMs > IDLE_STOP_MS);
    for (const { server } of idle) {
      this.stop(server).catch((error: unknown) => this.#parts.onChange(server, `did not stop: ${reasonOf(error)}`));
    }
    if (this.#running.size > 0 || this.#idleTimer === null) return;
    clearInterval(this.#idleTimer);
    this.#idleTimer = null;
  }
}

async function connect(parts: UpstreamParts, server: string, signal: AbortSignal): Promise<Running> {
  const spec = await parts.launch(server);
  if (spec === null) throw new Fault("server.unknown", { message: `server '${server}' is not in the accepted stack.` });
  const values = await secretValues(parts, spec);
  const probe = await parts.probe();
  if (signal.aborted) throw new Fault("server.stopped", { message: `the start of server '${server}' was broken off.` });
  let process: SandboxedProcess | null = null;
  let peer: Peer;
  const tail: string[] = [];
  if (spec.kind === "remote") {
    const permit = parts.permitConnection(server);
    const headers = { ...spec.headers, ...values };
    peer = openHttpPeer({
      url: spec.url,
      headers: () => headers,
      permit,
      resolve: addressOf,
      messageBytesMax: MESSAGE_BYTES_MAX,
    });
  } else {
    process = await startSandboxed({
      name: server,
      spec: spec.sandbox,
      command: spec.command,
      cwd: spec.cwd,
      env: { ...spec.env, ...values },
      probe,
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
  const breakOff = (): void => peer.close();
  signal.addEventListener("abort", breakOff, { once: true });
  if (signal.aborted) breakOff();
  try {
    const hello = await handshake(peer, { timeoutMs: START_TIMEOUT_MS });
    peer.openStream();
    const surface = await readSurface(peer, hello, { timeoutMs: START_TIMEOUT_MS, pagesMax: 50, itemsMax: 2_000 });
    return { upstream: judged({ parts, server, peer, hello, surface, pid: process?.pid ?? null }), process, hello };
  } catch (error) {
    peer.close();
    await process?.stop();
    throw startFault(server, error, tail);
  } finally {
    signal.removeEventListener("abort", breakOff);
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
    const names = (tools: Surface["tools"]): ReadonlySet<string> =>
      new Set(tools.map((tool) => textAt(tool, "name") ?? ""));
    const [before, now] = [names(locked.surface.tools), names(surface.tools)];
    const added = [...now].filter((name) => !before.has(name));
    const removed = [...before].filter((name) => !now.has(name));
    if (added.length > 0) quarantine = `it serves tools you have not accepted: ${added.slice(0, 5).join(", ")}`;
    else if (removed.length > 0) quarantine = `tools you accepted are gone: ${removed.slice(0, 5).join(", ")}`;
    parts.onChange(server, quarantine ?? "its definitions differ from the lock");
  }
  return { quarantine, pinOf: (tool) => pins.get(tool) ?? null };
}

/**
 * For when the server says that its lists changed: nothing more is sent to it before they were read again. What it
 * says during a reading is answered by one more reading, and only a reading that nothing overtook is believed.
 */
function recheckOf(parts: UpstreamParts, one: Running): () => void {
  const { upstream } = one;
  const mutable = upstream as { quarantine: string | null; pinOf: Upstream["pinOf"] };
  let isReading = false;
  let isStale = false;

  async function readAgain(): Promise<void> {
    isReading = true;
    do {
      isStale = false;
      const found = await readOnce();
      if (!isStale) Object.assign(mutable, found);
    } while (isStale);
    isReading = false;
  }

  async function readOnce(): Promise<{ readonly quarantine: string | null }> {
    try {
      const limits = { timeoutMs: START_TIMEOUT_MS, pagesMax: 50, itemsMax: 2_000 };
      return judge(parts, upstream.server, await readSurface(upstream.peer, one.hello, limits));
    } catch (error) {
      return { quarantine: `its lists changed and could not be read again: ${oneLine(reasonOf(error), 300)}` };
    }
  }

  return () => {
    mutable.quarantine = "its lists changed and are being read again";
    isStale = true;
    // It is held back already, so a failure of ours leaves it held back.
    if (!isReading) readAgain().catch(() => undefined);
  };
}

const TAIL_LINES_MAX = 40;

function keepTail(stream: NodeJS.ReadableStream, tail: string[]): void {
  stream.on("data", (chunk: Buffer | string) => {
    for (const line of String(chunk).split("\n")) if (line.trim() !== "") tail.push(line.slice(0, 500));
    tail.splice(0, Math.max(0, tail.length - TAIL_LINES_MAX));
  });
}

function startFault(server: string, error: unknown, tail: readonly string[]): Fault {
  const said = tail.length === 0 ? "" : ` It said last: ${oneLine(tail.slice(-3).join(" | "), 1_000)}`;
  return new Fault("server.start", {
    message: `server '${server}' did not start: ${oneLine(reasonOf(error), 1_000)}.${said}`,
    cause: error,
    next: `freehold show ${server}`,
  });
}
