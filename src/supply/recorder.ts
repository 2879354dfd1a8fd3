// Stands where the network would be: takes each request of a rehearsed server, writes it down, answers all alike.
// An HTTP proxy that ends TLS itself; it connects to nothing.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { createSecureContext, TLSSocket, type SecureContext } from "node:tls";
import { assert, oneLine } from "../kernel/index.ts";
import type { Authority } from "./authority.ts";

export interface RecordedRequest {
  readonly method: string;
  /** `host:port`, port 80 or 443 left out. */
  readonly host: string;
  /** With the query. */
  readonly path: string;
  /** Lower case, sorted. */
  readonly headerNames: readonly string[];
  readonly contentType: string;
  readonly body: string;
  /** The call that was under way. */
  readonly call: string;
}

export interface Recorder {
  readonly port: number;
  readonly requests: readonly RecordedRequest[];
  /** What requests from now on belong to. */
  during(call: string): void;
  close(): void;
}

const REQUESTS_MAX = 1_000;
const BODY_BYTES_MAX = 1_048_576;
const CONNECTIONS_MAX = 64;
const CONTEXTS_MAX = 64;
const SHOWN_MAX = 2_000;
/** Something that most programs can go on with. */
const ANSWER = JSON.stringify({ ok: true, success: true, id: "1", status: "ok", items: [], results: [], data: {} });
/** Of the way, not of the request. */
const HOP = /^(?:proxy-|connection$|keep-alive$|transfer-encoding$)/;

export async function openRecorder(authority: Authority): Promise<Recorder> {
  const requests: RecordedRequest[] = [];
  const sockets = new Set<Socket>();
  const contexts = new Map<string, SecureContext>();
  let call = "";
  const contextFor = (host: string): SecureContext => {
    const known = contexts.get(host);
    if (known !== undefined) return known;
    const made = createSecureContext(authority.issue(host));
    if (contexts.size < CONTEXTS_MAX) contexts.set(host, made);
    return made;
  };
  const take = async (origin: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    if (requests.length < REQUESTS_MAX) requests.push(recorded({ origin, request, body, call }));
    response.writeHead(200, { "content-type": "application/json", connection: "close" }).end(ANSWER);
  };
  const served = (originOf: (request: IncomingMessage) => string): ReturnType<typeof createServer> =>
    createServer((request, response) => {
      take(originOf(request), request, response).catch(() => response.destroy());
    });
  const inner = new Map<string, ReturnType<typeof createServer>>();
  const server = served((request) => URL.parse(request.url ?? "")?.host ?? request.headers.host ?? "");
  server.maxConnections = CONNECTIONS_MAX;
  server.on("connection", (socket: Socket) => {
    sockets.add(socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket)));
  });
  server.on("connect", (request: IncomingMessage, socket: Socket) => {
    const target = (request.url ?? "").toLowerCase();
    const [, host = "", port = ""] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(target)?.filter(Boolean) ?? [];
    if (host === "") return void socket.destroy();
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    const origin = port === "443" || port === "80" ? host : `${host}:${port}`;
    const http = inner.get(origin) ?? served(() => origin);
    if (inner.size < CONTEXTS_MAX) inner.set(origin, http);
    // Which of the two it speaks is seen from its first byte: 22 begins a TLS handshake.
    socket.once("readable", () => {
      const first: unknown = socket.read(1);
      if (!Buffer.isBuffer(first)) return void socket.destroy();
      socket.unshift(first);
      if (first[0] !== 22) return void http.emit("connection", socket);
      const secure = new TLSSocket(socket, { isServer: true, secureContext: contextFor(host) });
      secure.on("error", () => secure.destroy());
      http.emit("connection", secure);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  assert(typeof address === "object" && address !== null, "a listening server without an address");
  return {
    port: address.port,
    requests,
    during: (named) => void (call = named),
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size <= BODY_BYTES_MAX) chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const cut = size > BODY_BYTES_MAX ? ` and ${size - bytes.length} bytes more` : "";
  return `${bytes.toString("utf8")}${cut}`;
}

function recorded(found: {
  readonly origin: string;
  readonly request: IncomingMessage;
  readonly body: string;
  readonly call: string;
}): RecordedRequest {
  const { origin, request, body, call } = found;
  const { method = "GET", url = "/", headers } = request;
  const path = url.startsWith("/") ? url : `${URL.parse(url)?.pathname ?? "/"}${URL.parse(url)?.search ?? ""}`;
  return {
    method: oneLine(method, 20),
    host: oneLine(origin.toLowerCase(), 300),
    path: path.slice(0, SHOWN_MAX),
    headerNames: Object.keys(headers)
      .filter((name) => !HOP.test(name))
      .toSorted(),
    contentType: oneLine(headers["content-type"] ?? "", 200),
    body,
    call,
  };
}
