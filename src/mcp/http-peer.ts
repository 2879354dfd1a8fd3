// An upstream server behind Streamable HTTP, both eras: answers as JSON or as events, a session id, no redirects.
// A broken stream is taken up again where it broke, a session that the server ended is opened anew, each with a limit.

import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { reasonOf, type JsonObject } from "../kernel/index.ts";
import { challengeOf } from "./http-authorization.ts";
import { createConnector, resolveByDns, type Connector } from "./http-connect.ts";
import { explain, forCall, messagesIn, readBody, readStream, sessionIdOf, type Ended } from "./http-answers.ts";
import {
  AUTHORIZED_TRIES_MAX,
  bodyHeaders,
  newExchange,
  RESUMES_MAX,
  type Exchange,
  type Listening,
  type Sending,
} from "./http-exchange.ts";
import type { HttpPeerOptions } from "./http-options.ts";
import { CODES } from "./messages.ts";
import { isOldRefusal, openOldStream } from "./http-old.ts";
import type { MirroredTools } from "./param-headers.ts";
import { PeerCore, type Dialect, type Outgoing, type Peer, type Wire } from "./peer.ts";
import type { SseReader } from "./sse.ts";

const ACCEPT = "application/json, text/event-stream";
const STREAM_OPENS_MS = 1_000;
const REOPEN_FIRST_MS = 1000;
const REOPEN_LAST_MS = 60_000;
const GOODBYE_MAX_MS = 2000;
const REFUSAL_BYTES_MAX = 64 * 1024;
const SESSION_ENDED = "the server ended the session";
const REOPEN_TIMEOUT_MS = 30_000;

export function openHttpPeer(options: HttpPeerOptions): Peer {
  return new HttpWire(options).core;
}

/** Owns the connections and the session. */
class HttpWire implements Wire {
  readonly transport = "http";
  readonly core: PeerCore;
  readonly #options: HttpPeerOptions;
  readonly #url: URL;
  /** Another one than the server's where that is of 2024-11-05 and named it. */
  #postUrl: URL;
  readonly #connector: Connector;
  readonly #exchanges = new Map<number, Exchange>();
  readonly #open = new Set<ClientRequest>();
  #dialect: Dialect = { era: "unknown" };
  #mirrored: MirroredTools = new Map();
  #session: string | null = null;
  #token: string | null = null;
  #isShut = false;
  #reopenTimer: NodeJS.Timeout | null = null;
  /** The server must have read `notifications/initialized` before it is asked anything, in a new session too. */
  #opening: Promise<unknown> | null = null;
  #initializeParams: string | null = null;
  #reopening: Promise<boolean> | null = null;

  constructor(options: HttpPeerOptions) {
    this.#options = options;
    this.#url = new URL(options.url);
    this.#postUrl = this.#url;
    const { permit, resolve = resolveByDns } = options;
    this.#connector = createConnector({ url: this.#url, permit, resolve });
    this.core = new PeerCore(this);
  }

  sendRequest(out: Outgoing): void {
    if (out.method === "initialize") this.#initializeParams = out.paramsText;
    const exchange = newExchange(out);
    this.#exchanges.set(out.id, exchange);
    if (this.#opening === null || out.method === "initialize") return this.#post(exchange);
    this.#opening.finally(() => this.#post(exchange)).catch(ignore);
  }

  sendOther(text: string, method: string | null): void {
    const done = Promise.withResolvers<void>();
    const extra: Sending["extra"] = method !== null && this.#dialect.era === "modern" ? { "mcp-method": method } : {};
    this.#start(
      { verb: "POST", text, extra },
      { onResponse: (response) => response.resume(), ended: () => done.resolve() },
    );
    if (method === "notifications/initialized") this.#holdUntil(done.promise);
  }

  #holdUntil(opened: Promise<unknown>): void {
    const held = opened.finally(() => {
      if (this.#opening === held) this.#opening = null;
    });
    this.#opening = held;
  }

  /** What a server asks in a call may come on its stream, and is lost where that is not yet open. */
  #holdUntilStream({ promise, resolve }: PromiseWithResolvers<void>): void {
    const timer = setTimeout(resolve, STREAM_OPENS_MS).unref();
    this.#holdUntil(Promise.allSettled([this.#opening, promise]).finally(() => clearTimeout(timer)));
  }

  drop(id: number): void {
    const exchange = this.#exchanges.get(id);
    if (exchange !== undefined) this.#forget(exchange);
  }

  #forget(exchange: Exchange): void {
    this.#exchanges.delete(exchange.out.id);
    exchange.turn += 1;
    if (exchange.timer !== null) clearTimeout(exchange.timer);
    exchange.request?.destroy();
  }

  speak(dialect: Dialect): void {
    this.#dialect = dialect;
  }

  mirror(tools: MirroredTools): void {
    this.#mirrored = tools;
  }

  openStream(waitMs = REOPEN_FIRST_MS, lastEventId: string | null = null): void {
    if (this.#dialect.era !== "legacy" || this.#isShut || this.#postUrl !== this.#url) return;
    let nextMs = Math.min(waitMs * 2, REOPEN_LAST_MS);
    let isOver = false;
    let reader: SseReader | null = null;
    const answered = Promise.withResolvers<void>();
    if (lastEventId === null) this.#holdUntilStream(answered);
    const ended: Ended = () => {
      answered.resolve();
      if (isOver || this.#isShut) return;
      isOver = true;
      const pauseMs = Math.min(reader?.retryMs() ?? nextMs, REOPEN_LAST_MS);
      const from = reader?.lastEventId() ?? lastEventId;
      this.#reopenTimer = setTimeout(() => this.openStream(nextMs, from), pauseMs).unref();
    };
    const onResponse = (response: IncomingMessage): void => {
      answered.resolve();
      const status = response.statusCode ?? 0;
      if (status !== 200) {
        // 405: the server has no such stream (2025-11-25, transports); other refusals will not change either.
        isOver = true;
        response.resume();
        if (status === 404 && this.#session !== null)
          this.#sessionLost().then((isBack) => isBack && this.openStream(), ignore);
        return;
      }
      nextMs = REOPEN_FIRST_MS;
      reader = readStream({
        response,
        charsMax: this.#options.messageBytesMax,
        ended,
        // Answers do not come on this stream (2025-11-25, transports); taking a broken one up again is another request.
        onMessage: (message) => void (message.kind !== "reply" && this.core.accept(message)),
      });
    };
    const extra = lastEventId === null ? {} : { "last-event-id": lastEventId };
    this.#start({ verb: "GET", text: null, extra }, { onResponse, ended });
  }

  shut(): void {
    this.#isShut = true;
    if (this.#reopenTimer !== null) clearTimeout(this.#reopenTimer);
    for (const exchange of [...this.#exchanges.values()]) this.#forget(exchange);
    for (const request of [...this.#open]) request.destroy();
    if (this.#session === null) return this.#connector.destroy();
    const ended = (): void => this.#connector.destroy();
    const goodbye = this.#send({ verb: "DELETE", text: null }, { onResponse: (response) => response.resume(), ended });
    goodbye.setTimeout(GOODBYE_MAX_MS, () => goodbye.destroy());
  }

  /** With a token where there is one, and not at all when nobody wants it any more by then. */
  #start(sending: Sending, listening: Listening, started: (request: ClientRequest) => void = ignore): void {
    const { authorization } = this.#options;
    if (authorization === undefined) return started(this.#send(sending, listening));
    const go = (token: string | null): void => {
      if (this.#isShut || listening.isWanted?.() === false) return;
      this.#token = token;
      started(this.#send(sending, listening));
    };
    authorization.token().then(go, (error: unknown) => listening.ended({ reason: reasonOf(error) }));
  }

  #send(sending: Sending, listening: Listening): ClientRequest {
    const body = sending.text === null ? null : Buffer.from(sending.text, "utf8");
    const headers = this.#headers(sending);
    if (body !== null) headers["content-length"] = String(body.length);
    const { agent } = this.#connector;
    const url = sending.verb === "POST" ? this.#postUrl : this.#url;
    const request = httpRequest(url, { method: sending.verb, headers, agent }, listening.onResponse);
    this.#open.add(request);
    request.once("error", (error) => listening.ended({ reason: `the connection failed: ${error.message}` }));
    request.once("close", () => {
      this.#open.delete(request);
      listening.ended({ reason: "the connection closed before an answer" });
    });
    request.end(body ?? undefined);
    return request;
  }

  #headers(sending: Sending): Record<string, string> {
    return {
      ...this.#options.headers(),
      ...(this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }),
      accept: sending.verb === "GET" ? "text/event-stream" : ACCEPT,
      ...(sending.text === null ? {} : { "content-type": "application/json" }),
      ...(this.#session === null ? {} : { "mcp-session-id": this.#session }),
      ...(this.#dialect.era === "unknown" ? {} : { "mcp-protocol-version": this.#dialect.protocol }),
      ...sending.extra,
    };
  }

  #post(exchange: Exchange): void {
    const { out } = exchange;
    const sending: Sending = {
      verb: "POST",
      text: out.text,
      extra: this.#dialect.era === "modern" ? bodyHeaders(out, this.#mirrored) : {},
    };
    this.#exchange(exchange, sending, (response, ended) => this.#read(response, exchange, ended));
  }

  /** The next HTTP request of a call. Whatever the one before still says means nothing from here on. */
  #exchange(exchange: Exchange, sending: Sending, read: (response: IncomingMessage, ended: Ended) => void): void {
    const { out } = exchange;
    exchange.turn += 1;
    const { turn } = exchange;
    const isWanted = (): boolean => exchange.turn === turn && this.core.isWaiting(out.id);
    const ended: Ended = (end) => {
      if (exchange.turn !== turn) return;
      this.#exchanges.delete(out.id);
      this.core.settle(out.id, { kind: "broken", ...end });
    };
    if (!isWanted()) return ended({ reason: "cancelled" });
    const onResponse = (response: IncomingMessage): void =>
      isWanted() ? read(response, ended) : void response.resume();
    this.#start(sending, { onResponse, ended, isWanted }, (request) => {
      exchange.request = request;
      exchange.token = this.#token;
      exchange.session = this.#session;
    });
  }

  #read(response: IncomingMessage, exchange: Exchange, ended: Ended): void {
    const { out } = exchange;
    const status = response.statusCode ?? 0;
    const type = (response.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
    if (status >= 200 && status < 300) {
      if (out.method === "initialize") this.#session = sessionIdOf(response);
      if (type === "text/event-stream") return this.#readAnswers(response, exchange, ended);
    }
    if (status === 404 && exchange.session !== null) return this.#renew(response, exchange);
    if ((status === 401 || status === 403) && this.#askForToken(response, exchange)) return;
    if (this.#postUrl !== this.#url && status < 300) {
      // The answer comes on the stream.
      this.#exchanges.delete(out.id);
      exchange.turn += 1;
      return void response.resume();
    }
    const limit = status < 300 ? this.#options.messageBytesMax : REFUSAL_BYTES_MAX;
    readBody(response, limit, (text) => {
      const messages = messagesIn(text ?? "");
      const mayBeOld = out.method === "initialize" && this.#postUrl === this.#url && isOldRefusal(status);
      if (mayBeOld && messages.length === 0) return this.#tryOld(exchange, status);
      for (const message of messages) this.core.accept(forCall(message, out.id, status), out.id);
      ended(text === null ? { reason: `the answer is over ${limit} bytes`, status } : explain(status, type));
    });
  }

  /** A server of 2024-11-05 takes no POST here; its stream says where (2025-11-25, backwards compatibility). */
  #tryOld(exchange: Exchange, status: number): void {
    exchange.turn += 1;
    const { turn } = exchange;
    const opened = openOldStream({
      url: this.#url,
      charsMax: this.#options.messageBytesMax,
      start: (listening) => this.#start({ verb: "GET", text: null }, listening),
      onMessage: (message) => this.core.accept(message),
      ended: (reason) => this.core.end(reason),
    });
    const go = (endpoint: URL | null): void => {
      if (exchange.turn !== turn) return;
      if (endpoint === null) return this.#giveUp(exchange, explain(status, ""));
      this.#postUrl = endpoint;
      this.#post(exchange);
    };
    opened.then(go, () => go(null));
  }

  /** False when nobody can do anything about this refusal. */
  #askForToken(response: IncomingMessage, exchange: Exchange): boolean {
    const { authorization } = this.#options;
    const status = response.statusCode ?? 0;
    const challenge = challengeOf(status, response.headers["www-authenticate"]);
    if (authorization === undefined || challenge === null || exchange.authorizedTries >= AUTHORIZED_TRIES_MAX)
      return false;
    exchange.authorizedTries += 1;
    exchange.turn += 1;
    const { turn } = exchange;
    response.resume();
    const after = (isBetter: boolean): void => {
      if (exchange.turn !== turn) return;
      if (isBetter) this.#post(exchange);
      else this.#giveUp(exchange, explain(status, ""));
    };
    authorization.refused(challenge, exchange.token).then(after, (error: unknown) => {
      if (exchange.turn === turn) this.#giveUp(exchange, { reason: reasonOf(error), status });
    });
    return true;
  }

  #giveUp(exchange: Exchange, end: { readonly reason: string; readonly status: number }): void {
    const { id, method } = exchange.out;
    this.#exchanges.delete(id);
    const isGreeting = method === "initialize" || method === "server/discover";
    // A server that refuses the token says that the call did not run; in a greeting the status tells more.
    const answer = { kind: "error", code: CODES.refused, message: end.reason } as const;
    this.core.settle(id, isGreeting ? { kind: "broken", ...end } : answer);
  }

  /** The server refused the call because the session is gone (2025-11-25, session management). */
  #renew(response: IncomingMessage, exchange: Exchange): void {
    const { out } = exchange;
    exchange.turn += 1;
    const { turn } = exchange;
    response.resume();
    const after = (isBack: boolean): void => {
      if (exchange.turn !== turn) return;
      if (isBack && !exchange.isReopened) {
        exchange.isReopened = true;
        return this.#post(exchange);
      }
      this.#exchanges.delete(out.id);
      // The server said that it did not run: that is an answer, not an unknown end.
      this.core.settle(out.id, { kind: "error", code: CODES.refused, message: `${SESSION_ENDED}; call again` });
    };
    // Of several calls that meet the end, the first opens the new session and the others find it.
    const isKnown = this.#reopening === null && this.#session !== exchange.session;
    const isBack = isKnown ? Promise.resolve(this.#session !== null) : this.#sessionLost();
    isBack.then(after, () => after(false));
  }

  /** False: the peer is over, or what answers now is not what was accepted. */
  #sessionLost(): Promise<boolean> {
    this.#session = null;
    return (this.#reopening ??= this.#reopen().finally(() => (this.#reopening = null)));
  }

  async #reopen(): Promise<boolean> {
    const paramsText = this.#initializeParams;
    const { renewed } = this.#options;
    if (paramsText !== null && renewed !== undefined) {
      const asked = this.core.request({ method: "initialize", paramsText, timeoutMs: REOPEN_TIMEOUT_MS });
      this.#holdUntil(asked);
      const reply = await asked;
      if (reply.kind === "result" && this.#isSameProtocol(reply.result)) {
        this.core.notify("notifications/initialized", {});
        return renewed();
      }
    }
    // Those who wait for this hear first that their calls did not run.
    setImmediate(() => this.core.end(SESSION_ENDED));
    return false;
  }

  #isSameProtocol(result: JsonObject): boolean {
    return this.#dialect.era === "legacy" && result["protocolVersion"] === this.#dialect.protocol;
  }

  /** A stream that ends without the answer is taken up again by GET, after the time the server asked for. */
  #readAnswers(response: IncomingMessage, exchange: Exchange, ended: Ended): void {
    const { turn } = exchange;
    const onEnd: Ended = (end) => {
      if (exchange.turn !== turn) return;
      const from = reader.lastEventId();
      const isFresh = this.#dialect.era === "legacy" && exchange.resumes < RESUMES_MAX && end.isFinal !== true;
      if (from === null || !isFresh || !this.core.isWaiting(exchange.out.id)) return ended(end);
      exchange.resumes += 1;
      exchange.turn += 1;
      const pauseMs = Math.min(reader.retryMs() ?? REOPEN_FIRST_MS, REOPEN_LAST_MS);
      exchange.timer = setTimeout(() => this.#resume(exchange, from), pauseMs);
    };
    const reader = readStream({
      response,
      charsMax: this.#options.messageBytesMax,
      ended: onEnd,
      onMessage: (message) => this.core.accept(message, exchange.out.id),
    });
  }

  #resume(exchange: Exchange, from: string): void {
    exchange.timer = null;
    const sending: Sending = { verb: "GET", text: null, extra: { "last-event-id": from } };
    this.#exchange(exchange, sending, (response, ended) => {
      if (response.statusCode === 200) return this.#readAnswers(response, exchange, ended);
      response.resume();
      ended({ reason: "the stream ended without an answer and could not be taken up again" });
    });
  }
}

const ignore = (): void => undefined;
