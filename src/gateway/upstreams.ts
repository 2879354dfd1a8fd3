// The running servers: one process each, started at the first call, judged against the lock, stopped when idle.

import { Fault, reasonOf } from "../kernel/index.ts";
import { connectServer } from "./connect-server.ts";
import { countCrashes, type Crashes } from "./crashes.ts";
import { recheckOf } from "./server-judge.ts";
import type { Connected, Upstream, UpstreamParts } from "./upstream.ts";

export type { Upstream, UpstreamParts } from "./upstream.ts";

export interface Upstreams {
  running(server: string): Upstream | null;
  /** Starts the server or joins a start under way. Faults carry the server's own words, revealed. */
  start(server: string): Promise<Upstream>;
  /** Why a server that does not run is not started again, or null. */
  heldBack(server: string): string | null;
  stop(server: string): Promise<void>;
  /** Stops it where it runs and forgets that it crashed: the next call starts it. */
  retry(server: string): Promise<void>;
  stopAll(): Promise<void>;
  /** At once and without a word to them: for the kill switch. */
  killAll(): Promise<void>;
  list(): readonly Upstream[];
}

const IDLE_CHECK_MS = 15_000;

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
  readonly #running = new Map<string, Connected>();
  readonly #starting = new Map<string, Starting>();
  readonly #crashes: Crashes;
  #idleTimer: NodeJS.Timeout | null = null;

  constructor(parts: UpstreamParts) {
    this.#parts = parts;
    this.#crashes = countCrashes(parts.clock);
  }

  running(server: string): Upstream | null {
    return this.#running.get(server)?.upstream ?? null;
  }

  list(): readonly Upstream[] {
    return Array.from(this.#running.values(), (one) => one.upstream);
  }

  heldBack(server: string): string | null {
    return this.#running.has(server) ? null : this.#crashes.heldBack(server);
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

  async retry(server: string): Promise<void> {
    this.#crashes.forget(server);
    await this.stop(server);
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
    const held = this.#crashes.heldBack(server);
    if (held !== null) {
      const message = `server '${server}' is held back: ${held}.`;
      throw new Fault("server.crash-loop", { message, next: `freehold server restart ${server}` });
    }
    await pause(this.#crashes.pauseMs(server), signal);
    const one = await this.#connect(server, signal);
    this.#running.set(server, one);
    one.onDoubt(recheckOf(this.#parts, one));
    one.upstream.peer.closed
      .then((reason) => this.#gone(server, one, reason))
      .catch((error: unknown) => this.#parts.onChange(server, `could not be ended: ${reasonOf(error)}`));
    this.#idleTimer ??= setInterval(() => this.#stopIdle(), IDLE_CHECK_MS).unref();
    return one.upstream;
  }

  /** A start that fails counts as a crash: else each call would start it again. */
  async #connect(server: string, signal: AbortSignal): Promise<Connected> {
    try {
      return await connectServer(this.#parts, server, signal);
    } catch (error) {
      if (error instanceof Fault && error.code === "server.start" && !signal.aborted) this.#crashes.note(server);
      throw error;
    }
  }

  async #gone(server: string, one: Connected, reason: string): Promise<void> {
    if (this.#running.get(server) !== one) return;
    this.#running.delete(server);
    this.#crashes.note(server);
    this.#parts.onChange(server, `ended: ${reason}`);
    await one.process?.stop();
  }

  #stopIdle(): void {
    const now = this.#parts.clock.nowMs();
    for (const [server, one] of this.#running) {
      if (one.underway() > 0 || this.#parts.isNeeded(server)) one.upstream.usedAtMs = now;
      const idleStopMs = this.#parts.idleStopMs(server);
      if (idleStopMs === 0 || now - one.upstream.usedAtMs <= idleStopMs) continue;
      this.stop(server).catch((error: unknown) => this.#parts.onChange(server, `did not stop: ${reasonOf(error)}`));
    }
    if (this.#running.size > 0 || this.#idleTimer === null) return;
    clearInterval(this.#idleTimer);
    this.#idleTimer = null;
  }
}

/** Ends early when the start is broken off, which it then finds out itself. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms === 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener("abort", end, { once: true });
  });
}
