// The legacy era's sessions: each belongs to the identity that opened it, holds its running calls, and ends when idle.

import { randomUUID } from "node:crypto";
import type { JsonObject } from "../kernel/index.ts";
import type { RpcId } from "./messages.ts";
import type { EventStream } from "./streams.ts";
import type { WireClient } from "./wire-client.ts";

export interface WireSession<I> {
  readonly identity: I;
  readonly key: string;
  readonly wire: WireClient;
  /** How to cancel what runs, by the client's own ids. */
  readonly running: Map<RpcId, () => void>;
  stream: EventStream | null;
  usedAtMs: number;
}

export interface WireSessions<I> {
  /** Null when every place is taken by a session in use. */
  open(
    identity: I,
    hello: { protocol: string; clientInfo: JsonObject; capabilities: JsonObject },
  ): WireSession<I> | null;
  /** Null for an unknown id and, indistinguishably, for another's. */
  find(id: string, key: string): WireSession<I> | null;
  end(session: WireSession<I>): void;
  each(): Iterable<WireSession<I>>;
  close(): void;
}

export function createWireSessions<I>(options: {
  readonly sessionsMax: number;
  readonly idleMs: number;
  readonly keyOf: (identity: I) => string;
  readonly opened: (identity: I, wire: WireClient) => void;
  readonly closed: (identity: I, wire: WireClient) => void;
}): WireSessions<I> {
  const { sessionsMax, idleMs, keyOf } = options;
  // Kept in order of use: the first is the one longest unused.
  const sessions = new Map<string, WireSession<I>>();
  const sweep = setInterval(endIdle, Math.max(1000, Math.min(idleMs / 2, 60_000))).unref();

  function isInUse(session: WireSession<I>): boolean {
    return session.running.size > 0 || session.stream !== null;
  }

  function endIdle(): void {
    const since = performance.now() - idleMs;
    for (const session of sessions.values()) {
      if (!isInUse(session) && session.usedAtMs < since) end(session);
    }
  }

  function end(session: WireSession<I>): void {
    if (!sessions.delete(session.wire.id)) return;
    for (const cancel of [...session.running.values()]) cancel();
    session.stream?.end();
    options.closed(session.identity, session.wire);
  }

  function makeRoom(): boolean {
    if (sessions.size < sessionsMax) return true;
    for (const session of sessions.values()) {
      if (isInUse(session)) continue;
      end(session);
      return true;
    }
    return false;
  }

  return {
    open(identity, hello) {
      if (!makeRoom()) return null;
      const wire: WireClient = { id: randomUUID(), era: "legacy", ...hello };
      const key = keyOf(identity);
      const session = { identity, key, wire, running: new Map(), stream: null, usedAtMs: performance.now() };
      sessions.set(wire.id, session);
      options.opened(identity, wire);
      return session;
    },
    find(id, key) {
      const session = sessions.get(id);
      if (session === undefined || session.key !== key) return null;
      session.usedAtMs = performance.now();
      sessions.delete(id);
      sessions.set(id, session);
      return session;
    },
    end,
    each: () => sessions.values(),
    close() {
      clearInterval(sweep);
      for (const session of [...sessions.values()]) end(session);
    },
  };
}
