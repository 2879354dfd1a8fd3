// An upstream server behind Streamable HTTP, both eras: answers as JSON or as an event stream, session id, no redirects.

import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { isObject, type PermitConnection } from "../kernel/index.ts";
import { encodeHeader, nameOf } from "./eras.ts";
import { createConnector, resolveByDns, type ResolveAddress } from "./http-connect.ts";
import { parseIncoming, type Message } from "./messages.ts";
import { createPeerCore, type Dialect, type Peer } from "./peer.ts";
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

interface Sending {
  readonly verb: "POST" | "GET" | "DELETE";
  readonly text: string | null;
  readonly extra?: Readonly<Record<string, string>>;
}

/** How one HTTP exchange ended, told once. */
type Ended = (end: { readonly reason: string; readonly status?: number }) => void;

export function openHttpPeer(options: HttpPeerOptions): Peer {
  const url = new URL(options.url);
  const { messageBytesMax, permit } = options;
  const connector = createConnector({ url, permit, resolve: options.resolve ?? resolveByDns });
  const exchanges = new Map<number, ClientRequest>();
  const open = new Set<ClientRequest>();
  let dialect: Dialect = { era: "unknown" };
  let session: string | null = null;
  let isShut = false;
  let reopenTimer: NodeJS.Timeout | null = null;
  /** The server must have read `notifications/initialized` before it is asked anything. */
  let initialized: Promise<void> | null = null;

  function headersFor(sending: Sending): Record<string, string> {
    return {
      ...options.headers(),
      accept: sending.verb === "GET" ? "text/event-stream" : ACCEPT,
      ...(sending.text === null ? {} : { "content-type": "application/json" }),
      ...(session === null ? {} : { "mcp-session-id": session }),
      ...(dialect.era === "legacy" ? { "mcp-protocol-version": dialect.protocol } : {}),
      ...sending.extra,
    };
  }

  function send(sending: Sending, onResponse: (response: IncomingMessage) => void, ended: Ended): ClientRequest {
    const body = sending.text === null ? null : Buffer.from(sending.text, "utf8");
    const headers = headersFor(sending);
    if (body !== null) headers["content-length"] = String(body.length);
    const { agent } = connector;
    const request = httpRequest(url, { method: sending.verb, headers, agent }, onResponse);
    open.add(request);
    request.once("error", (error) => ended({ reason: `the connection failed: ${error.message}` }));
    request.once("close", () => {
      open.delete(request);
      ended({ reason: "the connection closed before an answer" });
    });
    request.end(body ?? undefined);
    return request;
  }

  function sendRequest(out: { id: number; method: string; paramsText: string; text: string }): void {
    if (initialized !== null) {
      void initialized.then(() => core.isWaiting(out.id) && exchange(out));
      return;
    }
    exchange(out);
  }

  function exchange(out: { readonly id: number; readonly method: string; paramsText: string; text: string }): void {
    const ended: Ended = (end) => {
      exchanges.delete(out.id);
      core.settle(out.id, { kind: "broken", ...end });
    };
    const sending: Sending = { verb: "POST", text: out.text, extra: bodyHeaders(out) };
    const request = send(sending, (response) => read(response, out, ended), ended);
    exchanges.set(out.id, request);
  }

  /** Modern requests repeat in headers what intermediaries route by (SEP-2243). */
  function bodyHeaders(out: { readonly method: string; readonly paramsText: string }): Record<string, string> {
    if (dialect.era !== "modern") return {};
    const params: unknown = JSON.parse(out.paramsText);
    const name = isObject(params) ? nameOf(out.method, params) : null;
    return {
      "mcp-protocol-version": dialect.protocol,
      "mcp-method": out.method,
      ...(name === null ? {} : { "mcp-name": encodeHeader(name) }),
    };
  }

  function read(response: IncomingMessage, out: { readonly id: number; readonly method: string }, ended: Ended): void {
    const status = response.statusCode ?? 0;
    const type = (response.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
    if (status >= 200 && status < 300) {
      if (out.method === "initialize") session = sessionIdOf(response);
      if (type === "text/event-stream") return readStream(response, ended);
    }
    if (status === 404 && session !== null) {
      response.resume();
      ended({ reason: "the server ended the session", status });
      return core.end("the server ended the session");
    }
    const limit = status < 300 ? messageBytesMax : REFUSAL_BYTES_MAX;
    readBody(response, limit, (text) => {
      const answers = text === null || text === "" ? null : parseIncoming(text);
      if (answers?.kind === "messages") for (const message of answers.messages) core.accept(forCall(message, out.id, status));
      ended(text === null ? { reason: `the answer is over ${limit} bytes`, status } : explain(status, type));
    });
  }

  function readStream(response: IncomingMessage, ended: Ended): void {
    const reader = createSseReader(messageBytesMax, (event) => {
      const incoming = parseIncoming(event.data);
      if (incoming.kind === "messages") for (const message of incoming.messages) core.accept(message);
    });
    response.on("data", (chunk: Buffer) => {
      if (reader.feed(chunk)) return;
      response.destroy();
      ended({ reason: `the server sent a message over ${messageBytesMax} bytes` });
    });
    response.once("error", (error) => ended({ reason: `the stream broke: ${error.message}` }));
    response.once("end", () => ended({ reason: "the stream ended without an answer" }));
  }

  function sendOther(text: string, method: string | null): void {
    const done = Promise.withResolvers<void>();
    send({ verb: "POST", text }, (response) => response.resume(), () => done.resolve());
    if (method !== "notifications/initialized") return;
    initialized = done.promise;
    void done.promise.then(() => (initialized = null));
  }

  function openStream(waitMs = REOPEN_FIRST_MS): void {
    if (dialect.era !== "legacy" || isShut) return;
    let heard = false;
    let over = false;
    const ended: Ended = ({ status }) => {
      // 405: the server has no such stream (2025-11-25, transports); other refusals will not change either.
      if (over || isShut || (status !== undefined && status >= 400)) return;
      over = true;
      const nextMs = heard ? REOPEN_FIRST_MS : Math.min(waitMs * 2, REOPEN_LAST_MS);
      reopenTimer = setTimeout(() => openStream(nextMs), nextMs).unref();
    };
    send({ verb: "GET", text: null }, (response) => {
      const status = response.statusCode ?? 0;
      if (status === 404 && session !== null) return core.end("the server ended the session");
      if (status !== 200) {
        response.resume();
        over = true;
        return;
      }
      heard = true;
      readStream(response, ended);
    }, ended);
  }

  function shut(): void {
    isShut = true;
    if (reopenTimer !== null) clearTimeout(reopenTimer);
    for (const request of [...open]) request.destroy();
    if (session === null) return connector.destroy();
    const goodbye = send({ verb: "DELETE", text: null }, (response) => response.resume(), () => connector.destroy());
    goodbye.setTimeout(GOODBYE_MAX_MS, () => goodbye.destroy());
  }

  const core = createPeerCore({
    transport: "http",
    sendRequest,
    sendOther,
    drop: (id) => exchanges.get(id)?.destroy(),
    speak: (next) => {
      dialect = next;
    },
    openStream: () => openStream(),
    shut,
  });
  return core.peer;
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

