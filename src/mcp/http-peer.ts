// An upstream server behind Streamable HTTP, both eras: answers as JSON or as events, a session id, no redirects.

import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { isObject, readJson, type PermitConnection } from "../kernel/index.ts";
import { encodeHeader, nameOf } from "./eras.ts";
import { createConnector, resolveByDns, type Connector, type ResolveAddress } from "./http-connect.ts";
import { parseIncoming, type Message } from "./messages.ts";
import { PeerCore, type Dialect, type Outgoing, type Peer, type Wire } from "./peer.ts";
import { createSseReader } from "./sse.ts";

export interface HttpPeerOptions {
  readonly url: string;
  /** Asked before each request, so that a changed secret is used at once. */
  readonly headers: () => Readonly<Record<string, string>>;
  /** Asked before each new connection. */
  readonly permit: PermitConnection;
  /** Default: the system's resolver, no address refused. */
  readonly resolve?: ResolveAddress;
  readonly messageBytesMax: number;
}

const ACCEPT = "application/json, text/event-stream";
const REOPEN_FIRST_MS = 1000;
const REOPEN_LAST_MS = 60_000;
const GOODBYE_MAX_MS = 2000;
const REFUSAL_BYTES_MAX = 64 * 1024;
const SESSION_ENDED = "the server ended the session";

interface Sending {
  readonly verb: "POST" | "GET" | "DELETE";
  readonly text: string | null;
  readonly extra?: Readonly<Record<string, string>>;
}

interface Listening {
  readonly onResponse: (response: IncomingMessage) => void;
  /** How the exchange ended; later calls mean nothing. */
  readonly ended: (end: { readonly reason: string; readonly status?: number }) => void;
}

export function openHttpPeer(options: HttpPeerOptions): Peer {
  return new HttpWire(options).core;
}

/** Owns the connections and the session. */
class HttpWire implements Wire {
  readonly transport = "http";
  readonly core: PeerCore;
  readonly #options: HttpPeerOptions;
  readonly #url: URL;
  readonly #connector: Connector;
  readonly #exchanges = new Map<number, ClientRequest>();
  readonly #open = new Set<ClientRequest>();
  #dialect: Dialect = { era: "unknown" };
  #session: string | null = null;
  #isShut = false;
  #reopenTimer: NodeJS.Timeout | null = null;
  /** The server must have read `notifications/initialized` before it is asked anything. */
  #initialized: Promise<void> | null = null;

  constructor(options: HttpPeerOptions) {
    this.#options = options;
    this.#url = new URL(options.url);
    const { permit, resolve = resolveByDns } = options;
    this.#connector = createConnector({ url: this.#url, permit, resolve });
    this.core = new PeerCore(this);
  }

  sendRequest(out: Outgoing): void {
    if (this.#initialized === null) return this.#exchange(out);
    const go = (): void => {
      if (this.core.isWaiting(out.id)) this.#exchange(out);
    };
    this.#initialized.then(go, go);
  }

  sendOther(text: string, method: string | null): void {
    const done = Promise.withResolvers<void>();
    this.#send({ verb: "POST", text }, { onResponse: (response) => response.resume(), ended: () => done.resolve() });
    if (method !== "notifications/initialized") return;
    this.#initialized = done.promise.then(() => {
      this.#initialized = null;
    });
  }

  drop(id: number): void {
    this.#exchanges.get(id)?.destroy();
  }

  speak(dialect: Dialect): void {
    this.#dialect = dialect;
  }

  openStream(waitMs = REOPEN_FIRST_MS): void {
    if (this.#dialect.era !== "legacy" || this.#isShut) return;
    let nextMs = Math.min(waitMs * 2, REOPEN_LAST_MS);
    let isOver = false;
    const ended: Listening["ended"] = () => {
      if (isOver || this.#isShut) return;
      isOver = true;
      this.#reopenTimer = setTimeout(() => this.openStream(nextMs), nextMs).unref();
    };
    const onResponse = (response: IncomingMessage): void => {
      const status = response.statusCode ?? 0;
      if (status === 404 && this.#session !== null) return this.core.end(SESSION_ENDED);
      if (status !== 200) {
        // 405: the server has no such stream (2025-11-25, transports); other refusals will not change either.
        isOver = true;
        response.resume();
        return;
      }
      nextMs = REOPEN_FIRST_MS;
      this.#readStream(response, ended);
    };
    this.#send({ verb: "GET", text: null }, { onResponse, ended });
  }

  shut(): void {
    this.#isShut = true;
    if (this.#reopenTimer !== null) clearTimeout(this.#reopenTimer);
    for (const request of [...this.#open]) request.destroy();
    if (this.#session === null) return this.#connector.destroy();
    const ended = (): void => this.#connector.destroy();
    const goodbye = this.#send({ verb: "DELETE", text: null }, { onResponse: (response) => response.resume(), ended });
    goodbye.setTimeout(GOODBYE_MAX_MS, () => goodbye.destroy());
  }

  #send(sending: Sending, listening: Listening): ClientRequest {
    const body = sending.text === null ? null : Buffer.from(sending.text, "utf8");
    const headers = this.#headers(sending);
    if (body !== null) headers["content-length"] = String(body.length);
    const { agent } = this.#connector;
    const request = httpRequest(this.#url, { method: sending.verb, headers, agent }, listening.onResponse);
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
      accept: sending.verb === "GET" ? "text/event-stream" : ACCEPT,
      ...(sending.text === null ? {} : { "content-type": "application/json" }),
      ...(this.#session === null ? {} : { "mcp-session-id": this.#session }),
      ...(this.#dialect.era === "legacy" ? { "mcp-protocol-version": this.#dialect.protocol } : {}),
      ...sending.extra,
    };
  }

  #exchange(out: Outgoing): void {
    const ended: Listening["ended"] = (end) => {
      this.#exchanges.delete(out.id);
      this.core.settle(out.id, { kind: "broken", ...end });
    };
    const sending: Sending = { verb: "POST", text: out.text, extra: this.#bodyHeaders(out) };
    const onResponse = (response: IncomingMessage): void => this.#read(response, out, ended);
    this.#exchanges.set(out.id, this.#send(sending, { onResponse, ended }));
  }

  /** Modern requests repeat in headers what intermediaries route by (SEP-2243). */
  #bodyHeaders(out: Outgoing): Record<string, string> {
    if (this.#dialect.era !== "modern") return {};
    const params: unknown = readJson(out.paramsText);
    const name = isObject(params) ? nameOf(out.method, params) : null;
    return {
      "mcp-protocol-version": this.#dialect.protocol,
      "mcp-method": out.method,
      ...(name === null ? {} : { "mcp-name": encodeHeader(name) }),
    };
  }

  #read(response: IncomingMessage, out: Outgoing, ended: Listening["ended"]): void {
    const status = response.statusCode ?? 0;
    const type = (response.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
    if (status >= 200 && status < 300) {
      if (out.method === "initialize") this.#session = sessionIdOf(response);
      if (type === "text/event-stream") return this.#readStream(response, ended);
    }
    if (status === 404 && this.#session !== null) {
      response.resume();
      ended({ reason: SESSION_ENDED, status });
      return this.core.end(SESSION_ENDED);
    }
    const limit = status < 300 ? this.#options.messageBytesMax : REFUSAL_BYTES_MAX;
    readBody(response, limit, (text) => {
      for (const message of messagesIn(text ?? "")) this.core.accept(forCall(message, out.id, status));
      ended(text === null ? { reason: `the answer is over ${limit} bytes`, status } : explain(status, type));
    });
  }

  #readStream(response: IncomingMessage, ended: Listening["ended"]): void {
    const { messageBytesMax } = this.#options;
    const reader = createSseReader(messageBytesMax, (event) => {
      for (const message of messagesIn(event.data)) this.core.accept(message);
    });
    response.on("data", (chunk: Buffer) => {
      if (reader.feed(chunk)) return;
      ended({ reason: `the server sent a message over ${messageBytesMax} bytes` });
      response.destroy();
    });
    response.once("error", (error) => ended({ reason: `the stream broke: ${error.message}` }));
    response.once("end", () => ended({ reason: "the stream ended without an answer" }));
  }
}

function messagesIn(text: string): readonly Message[] {
  const incoming = parseIncoming(text);
  return incoming.kind === "messages" ? incoming.messages : [];
}

/** A refusal of the whole HTTP request may come without our id. One that is about access or a fault stays a status. */
function forCall(message: Message, id: number, status: number): Message {
  const isRefusal = status >= 400 && status < 500 && status !== 401 && status !== 403;
  if (message.kind !== "reply" || message.id !== null || !isRefusal) return message;
  return { kind: "reply", id, reply: message.reply };
}

function sessionIdOf(response: IncomingMessage): string | null {
  const value = response.headers["mcp-session-id"];
  return typeof value === "string" && /^[\x21-\x7e]{1,256}$/.test(value) ? value : null;
}

function explain(status: number, type: string): { reason: string; status: number } {
  if (status >= 300 && status < 400) return { reason: `HTTP ${status}: redirects are not followed`, status };
  if (status === 401) return { reason: "HTTP 401: the server asks for authorisation", status };
  if (status >= 400) return { reason: `HTTP ${status}`, status };
  return { reason: `HTTP ${status} (${type.slice(0, 80) || "no content type"}) carried no answer`, status };
}

/** Null: over the limit; the connection is gone then. */
function readBody(response: IncomingMessage, bytesMax: number, done: (text: string | null) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= bytesMax) chunks.push(chunk);
    else {
      done(null);
      response.destroy();
    }
  });
  response.once("error", () => undefined);
  response.once("end", () => done(Buffer.concat(chunks).toString("utf8")));
}
