// The one HTTP endpoint towards agents: both eras, one answer for each request, sessions where the era has them.
// Order: where it was sent, its URL, its token, its form, its bytes; only then what it asks.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { JsonObject } from "../kernel/index.ts";
import { LEGACY_VERSIONS, MODERN_LATEST } from "./eras.ts";
import { sendEmpty, sendRefusal } from "./exchange.ts";
import {
  accepts,
  checkPlace,
  checkPost,
  checkUrl,
  notAllowed,
  readBody,
  refuse,
  tooLarge,
  unauthorised,
  type Refusal,
} from "./http-gate.ts";
import { readInbound, type Inbound } from "./inbound.ts";
import { CODES, notificationText, type Message } from "./messages.ts";
import { runCall, type CallParts, type Visit } from "./run-call.ts";
import { openLegacySession } from "./serve-legacy.ts";
import { serveModern } from "./serve-modern.ts";
import { createStreams } from "./streams.ts";
import { createSubscriptions } from "./subscriptions.ts";
import type { ServeHttpOptions, WireClient } from "./wire-client.ts";
import { createWireSessions, type WireSession } from "./wire-sessions.ts";

export interface HttpEndpoint<I> {
  /** For requests to the endpoint's path only. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** To every client that listens and that `isFor` names; others lose nothing, they were not listening. */
  notify(isFor: (identity: I, wire: WireClient) => boolean, method: string, params: JsonObject): void;
  /** For a client that was disconnected: its sessions end, its calls are cancelled. */
  endSessions(isFor: (identity: I, wire: WireClient) => boolean): void;
  close(): void;
}

const STREAMS_MAX = 256;
const NO_SESSION = -32001;

export function serveHttp<I>(options: ServeHttpOptions<I>): HttpEndpoint<I> {
  const streams = createStreams(STREAMS_MAX);
  const subscriptions = createSubscriptions<I>({ streams, capabilities: options.capabilities, serverInfo: options.serverInfo });
  const sessions = createWireSessions<I>({
    sessionsMax: options.sessionsMax,
    idleMs: options.idleMs,
    keyOf: (identity) => options.keyOf(identity),
    opened: (identity, wire) => options.opened?.(identity, wire),
    closed: (identity, wire) => options.closed?.(identity, wire),
  });
  const parts: CallParts<I> = { options, inFlight: new Map() };

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const allowed = { hosts: options.allowedHosts(), origins: options.allowedOrigins() };
    const early = checkPlace(request, allowed) ?? checkUrl(request);
    if (early !== null) return sendRefusal(response, early, null);
    const identity = options.authenticate(request);
    if (identity === null) return sendRefusal(response, unauthorised(), null);
    const visit: Visit<I> = { request, response, identity, key: options.keyOf(identity) };
    switch (request.method) {
      case "POST":
        return post(visit);
      case "GET":
        return listen(visit);
      case "DELETE":
        return end(visit);
      default:
        return sendRefusal(response, notAllowed(), null);
    }
  }

  function post(visit: Visit<I>): void {
    const { request, response } = visit;
    const refusal = checkPost(request, options.bodyBytesMax);
    if (refusal !== null) return sendRefusal(response, refusal, null);
    readBody(request, options.bodyBytesMax, (body) => {
      if (body === null) return sendRefusal(response, tooLarge(options.bodyBytesMax), null);
      take(visit, readInbound(body, request.headers));
    });
  }

  function take(visit: Visit<I>, inbound: Inbound): void {
    switch (inbound.kind) {
      case "refused":
        return sendRefusal(visit.response, inbound.refusal, inbound.id);
      case "modern":
        return serveModern({ parts, subscriptions, visit, inbound });
      case "legacy":
        return postLegacy(visit, inbound.message);
    }
  }

  function postLegacy(visit: Visit<I>, message: Message): void {
    const { request, response } = visit;
    const id = message.kind === "request" ? message.id : null;
    const version = checkVersion(request);
    if (version !== null) return sendRefusal(response, version, id);
    if (message.kind === "request" && message.method === "initialize") {
      return openLegacySession({ options, sessions, visit, id: message.id, params: message.params });
    }
    const session = findSession(visit);
    if ("status" in session) return sendRefusal(response, session, id);
    if (message.kind === "request") {
      const { wire, running } = session;
      return void runCall(parts, { visit, wire, id: message.id, method: message.method, params: message.params, running });
    }
    if (message.kind === "notification" && message.method === "notifications/cancelled") {
      const { requestId } = message.params;
      if (typeof requestId === "string" || typeof requestId === "number") session.running.get(requestId)?.();
    }
    sendEmpty(response, 202);
  }

  /** Legacy only: the stream for what is said unasked. A second one takes the place of a first that may be dead. */
  function listen(visit: Visit<I>): void {
    const { request, response } = visit;
    const session = namesModern(request) ? notAllowed() : findSession(visit);
    if ("status" in session) return sendRefusal(response, session.status === 400 ? notAllowed() : session, null);
    if (!accepts(request, "text/event-stream")) return sendRefusal(response, refuse(406, "Accept must list text/event-stream."), null);
    session.stream?.end();
    const stream = streams.open(response, () => {
      if (session.stream === stream) session.stream = null;
    });
    if (stream === null) return sendRefusal(response, refuse(503, "Too many open streams."), null);
    session.stream = stream;
  }

  function end(visit: Visit<I>): void {
    const session = namesModern(visit.request) ? notAllowed() : findSession(visit);
    if ("status" in session) return sendRefusal(visit.response, session.status === 400 ? notAllowed() : session, null);
    sessions.end(session);
    sendEmpty(visit.response, 200);
  }

  function findSession(visit: Visit<I>): WireSession<I> | Refusal {
    const id = visit.request.headers["mcp-session-id"];
    if (typeof id !== "string") return refuse(400, "The header Mcp-Session-Id is missing: initialize first.");
    return sessions.find(id, visit.key) ?? refuse(404, "Session not found: initialize again.", NO_SESSION);
  }

  return {
    handle,
    notify(isFor, method, params) {
      const text = notificationText(method, params);
      for (const session of sessions.each()) if (isFor(session.identity, session.wire)) session.stream?.send(text);
      subscriptions.notify(isFor, method, params);
    },
    endSessions(isFor) {
      for (const session of [...sessions.each()]) if (isFor(session.identity, session.wire)) sessions.end(session);
      subscriptions.endWhere(isFor);
    },
    close() {
      sessions.close();
      subscriptions.endWhere(() => true);
      streams.close();
    },
  };
}

function namesModern(request: IncomingMessage): boolean {
  return String(request.headers["mcp-protocol-version"] ?? "") >= MODERN_LATEST;
}

function checkVersion(request: IncomingMessage): Refusal | null {
  const version = request.headers["mcp-protocol-version"];
  if (version === undefined || (typeof version === "string" && LEGACY_VERSIONS.includes(version))) return null;
  const data = { supported: [MODERN_LATEST, ...LEGACY_VERSIONS] };
  return { ...refuse(400, "Unsupported protocol version.", CODES.unsupportedVersion), data };
}
