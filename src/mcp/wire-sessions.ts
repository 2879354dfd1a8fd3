// The legacy era's sessions: each belongs to the identity that opened it, holds its running calls, and ends when idle.

import { randomUUID } from "node:crypto";
import { LEGACY_LATEST } from "./eras.ts";
import { createEventLog, type EventLog, type LoggedStream } from "./event-log.ts";
import type { RpcId, RpcReply } from "./messages.ts";
import type { WireClient } from "./wire-client.ts";

export interface WireSession<I> {
  readonly identity: I;
  readonly key: string;
  readonly wire: WireClient;
  /** How to cancel what runs, by the client's own ids. */
  readonly running: Map<RpcId, () => void>;
  /** What this client was asked and has not answered, by our ids. */
  readonly asked: Map<RpcId, (reply: RpcReply) => void>;
  readonly log: EventLog;
  /** For what is said unasked; null until the client first listens. */
  unasked: LoggedStream | null;
  isListening: boolean;
  /** Addresses of resources whose changes it is told. */
  readonly watched: Set<string>;
  lastAsked: number;
  logLevel: string;
  usedAtMs: number;
}

export type ClientHello = Pick<WireClient, "protocol" | "clientInfo" | "capabilities">;

export interface WireSessions<I> {
  /** Null when every place is taken by a session in use. */
  open(identity: I, hello: ClientHello): WireSession<I> | null;
  /** Null for an unknown id and, indistinguishably, for another's. */
  find(id: string, key: string): WireSession<I> | null;
  end(session: WireSession<I>): void;
  each(): Iterable<WireSession<I>>;
  close(): void;
}

/** Until the client names one. */
const LOG_LEVEL = "info";

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
    return session.running.size > 0 || session.isListening;
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
    session.unasked?.end();
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
      const session = newSession({ identity, key: keyOf(identity), hello });
      sessions.set(session.wire.id, session);
      options.opened(identity, session.wire);
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

function newSession<I>(of: { identity: I; key: string; hello: ClientHello }): WireSession<I> {
  const { identity, key, hello } = of;
  return {
    identity,
    key,
    wire: { id: randomUUID(), era: "legacy", ...hello },
    running: new Map(),
    asked: new Map(),
    log: createEventLog(hello.protocol >= LEGACY_LATEST),
    unasked: null,
    isListening: false,
    watched: new Set(),
    lastAsked: 0,
    logLevel: LOG_LEVEL,
    usedAtMs: performance.now(),
  };
}
