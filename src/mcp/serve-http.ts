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
  noEvents,
  notAllowed,
  readBody,
  refuse,
  tooLarge,
  unauthorised,
  unavailable,
  type Refusal,
} from "./http-gate.ts";
import { readInbound, type Inbound } from "./inbound.ts";
import { CODES, notificationText, type Message } from "./messages.ts";
import { runLegacyCall } from "./legacy-call.ts";
import { dropParked, type ModernParts } from "./modern-call.ts";
import { openLegacySession } from "./serve-legacy.ts";
import { serveModern } from "./serve-modern.ts";
import { createStreams, type EventStream } from "./streams.ts";
import { createSubscriptions, type Subscriptions } from "./subscriptions.ts";
import type { Admission, ServeHttpOptions, Visit, WireClient } from "./wire-client.ts";
import { createWireSessions, type WireSession, type WireSessions } from "./wire-sessions.ts";

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
  return new Endpoint(options);
}

/** Owns the sessions and the open streams. */
class Endpoint<I> implements HttpEndpoint<I> {
  readonly #options: ServeHttpOptions<I>;
  readonly #streams = createStreams(STREAMS_MAX);
  readonly #subscriptions: Subscriptions<I>;
  readonly #sessions: WireSessions<I>;
  readonly #parts: ModernParts<I>;

  constructor(options: ServeHttpOptions<I>) {
    const { capabilities, serverInfo, sessionsMax, idleMs } = options;
    this.#options = options;
    this.#parts = { options, inFlight: new Map(), streams: this.#streams, parked: new Map() };
    this.#subscriptions = createSubscriptions<I>({ streams: this.#streams, capabilities, serverInfo });
    this.#sessions = createWireSessions<I>({
      sessionsMax,
      idleMs,
      keyOf: (identity) => options.keyOf(identity),
      opened: (identity, wire) => options.opened?.(identity, wire),
      closed: (identity, wire) => options.closed?.(identity, wire),
    });
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const options = this.#options;
    const allowed = { hosts: options.allowedHosts(), origins: options.allowedOrigins() };
    const early = checkPlace(request, allowed) ?? checkUrl(request);
    if (early !== null) return sendRefusal(response, early, null);
    const identity = options.authenticate(request);
    if (identity !== null) return this.#serve({ request, response, identity, key: options.keyOf(identity) });
    if (options.admit === undefined) return sendRefusal(response, unauthorised(), null);
    this.#admitLater(request, response, options.admit(request));
  }

  #admitLater(request: IncomingMessage, response: ServerResponse, admission: Promise<Admission<I>>): void {
    const options = this.#options;
    admission
      .then((given) => {
        if (given.kind === "refused") return sendRefusal(response, given.refusal, null);
        return this.#serve({ request, response, identity: given.identity, key: options.keyOf(given.identity) });
      })
      .catch((error: unknown) => {
        options.reportFailure?.(error);
        sendRefusal(response, unavailable("The gateway cannot tell at present who you are."), null);
      });
  }

  #serve(visit: Visit<I>): void {
    switch (visit.request.method) {
      case "POST":
        return this.#post(visit);
      case "GET":
        return this.#listen(visit);
      case "DELETE":
        return this.#end(visit);
      default:
        return sendRefusal(visit.response, notAllowed(), null);
    }
  }

  notify(isFor: (identity: I, wire: WireClient) => boolean, method: string, params: JsonObject): void {
    const text = notificationText(method, params);
    for (const session of this.#sessions.each()) {
      if (session.unasked !== null && hears(session, method, params) && isFor(session.identity, session.wire)) {
        session.unasked.send(text);
      }
    }
    this.#subscriptions.notify(isFor, method, params);
  }

  endSessions(isFor: (identity: I, wire: WireClient) => boolean): void {
    for (const session of [...this.#sessions.each()]) {
      if (isFor(session.identity, session.wire)) this.#sessions.end(session);
    }
    this.#subscriptions.endWhere(isFor);
    dropParked(this.#parts.parked, isFor);
  }

  close(): void {
    this.#sessions.close();
    this.#subscriptions.endWhere(() => true);
    dropParked(this.#parts.parked, () => true);
    this.#streams.close();
  }

  #post(visit: Visit<I>): void {
    const { request, response } = visit;
    const { bodyBytesMax } = this.#options;
    const refusal = checkPost(request, bodyBytesMax);
    if (refusal !== null) return sendRefusal(response, refusal, null);
    readBody(request, bodyBytesMax, (body) => {
      if (body === null) return sendRefusal(response, tooLarge(bodyBytesMax), null);
      this.#take(visit, readInbound(body, request.headers));
    });
  }

  #take(visit: Visit<I>, inbound: Inbound): void {
    switch (inbound.kind) {
      case "refused":
        return sendRefusal(visit.response, inbound.refusal, inbound.id);
      case "modern":
        return serveModern({ parts: this.#parts, subscriptions: this.#subscriptions, visit, inbound });
      case "legacy":
        return this.#postLegacy(visit, inbound.message);
    }
  }

  #postLegacy(visit: Visit<I>, message: Message): void {
    const { request, response } = visit;
    const id = message.kind === "request" ? message.id : null;
    const version = checkVersion(request);
    if (version !== null) return sendRefusal(response, version, id);
    if (message.kind === "request" && message.method === "initialize") {
      const { params } = message;
      return openLegacySession({ options: this.#options, sessions: this.#sessions, visit, id: message.id, params });
    }
    const session = this.#find(visit);
    if ("status" in session) return sendRefusal(response, session, id);
    if (message.kind === "request") {
      const { method, params } = message;
      return runLegacyCall(this.#parts, { visit, session, id: message.id, method, params });
    }
    if (message.kind === "reply" && message.id !== null) session.asked.get(message.id)?.(message.reply);
    if (message.kind === "notification" && message.method === "notifications/cancelled") {
      const { requestId } = message.params;
      if (typeof requestId === "string" || typeof requestId === "number") session.running.get(requestId)?.();
    }
    sendEmpty(response, 202);
  }

  /**
   * Legacy only: the stream for what is said unasked, or one that broke, taken up again where it was. A second one
   * takes the place of a first that may be dead.
   */
  #listen(visit: Visit<I>): void {
    const { request, response } = visit;
    const session = this.#findBodiless(visit);
    if ("status" in session) return sendRefusal(response, session, null);
    if (!accepts(request, "text/event-stream")) return sendRefusal(response, noEvents(), null);
    const stream = this.#streams.open(response, () => {
      if (stream === null || session.unasked?.isOn(stream) !== true) return;
      session.unasked.attach(null);
      session.isListening = false;
    });
    if (stream === null) return sendRefusal(response, refuse(503, "Too many open streams."), null);
    const last = request.headers["last-event-id"];
    if (typeof last !== "string" || !session.log.resume(last, stream)) listenUnasked(session, stream);
    session.isListening = session.unasked?.isOn(stream) === true || session.isListening;
  }

  #end(visit: Visit<I>): void {
    const session = this.#findBodiless(visit);
    if ("status" in session) return sendRefusal(visit.response, session, null);
    this.#sessions.end(session);
    sendEmpty(visit.response, 200);
  }

  #find(visit: Visit<I>): WireSession<I> | Refusal {
    const id = visit.request.headers["mcp-session-id"];
    if (typeof id !== "string") return refuse(400, "The header Mcp-Session-Id is missing: initialize first.");
    return this.#sessions.find(id, visit.key) ?? refuse(404, "Session not found: initialize again.", NO_SESSION);
  }

  /** GET and DELETE mean something within a legacy session alone. */
  #findBodiless(visit: Visit<I>): WireSession<I> | Refusal {
    const { headers } = visit.request;
    const namesModern = String(headers["mcp-protocol-version"] ?? "") >= MODERN_LATEST;
    return namesModern || headers["mcp-session-id"] === undefined ? notAllowed() : this.#find(visit);
  }
}

function listenUnasked<I>(session: WireSession<I>, stream: EventStream): void {
  if (session.unasked === null) session.unasked = session.log.open(stream);
  else session.unasked.attach(stream);
}

/** What changed in one resource is for those that watch it. */
function hears<I>(session: WireSession<I>, method: string, { uri }: JsonObject): boolean {
  return method !== "notifications/resources/updated" || (typeof uri === "string" && session.watched.has(uri));
}

function checkVersion(request: IncomingMessage): Refusal | null {
  const version = request.headers["mcp-protocol-version"];
  if (version === undefined || (typeof version === "string" && LEGACY_VERSIONS.includes(version))) return null;
  const data = { supported: [MODERN_LATEST, ...LEGACY_VERSIONS] };
  return { ...refuse(400, "Unsupported protocol version.", CODES.unsupportedVersion), data };
}
