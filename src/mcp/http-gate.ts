// What an HTTP request must satisfy before anything of it is read: where it was sent, from which page, as what.

import type { IncomingMessage, ServerOptions } from "node:http";
import type { JsonValue } from "../kernel/index.ts";
import { CODES } from "./messages.ts";

export interface Refusal {
  readonly status: number;
  readonly code: number;
  readonly message: string;
  readonly data?: JsonValue;
  readonly headers?: Readonly<Record<string, string>>;
}

/** For `createServer`: a client that sends slowly or much is dropped before it costs anything. */
export const HTTP_SERVER_LIMITS: ServerOptions = {
  connectionsCheckingInterval: 5000,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16 * 1024,
};

const TOKEN_PARAMETERS: readonly string[] = [
  "token",
  "access_token",
  "api_key",
  "apikey",
  "key",
  "bearer",
  "authorization",
];

/** DNS rebinding and pages of other origins end here, before any token is looked at. */
export function checkPlace(
  request: IncomingMessage,
  allowed: { readonly hosts: readonly string[]; readonly origins: readonly string[] },
): Refusal | null {
  const { host, origin, upgrade } = request.headers;
  // Over a Unix socket there is no address; a browser cannot come that way.
  const isLocalSocket = request.socket.remoteAddress === undefined && host === "localhost";
  if (!isLocalSocket && (host === undefined || !allowed.hosts.includes(host.toLowerCase()))) {
    return refuse(403, "The Host header names another machine.");
  }
  if (origin !== undefined && !allowed.origins.includes(origin)) return refuse(403, "The Origin is not allowed.");
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined && origin === undefined && site !== "none" && site !== "same-origin") {
    return refuse(403, "Requests from other sites are not allowed.");
  }
  return upgrade === undefined ? null : refuse(400, "There is nothing to upgrade to.");
}

/** A token in a URL ends up in histories and logs, so it is refused even beside a good header. */
export function checkUrl(request: IncomingMessage): Refusal | null {
  const query = request.url?.split("?", 2)[1];
  if (query === undefined || query === "") return null;
  for (const name of new URLSearchParams(query).keys()) {
    if (TOKEN_PARAMETERS.includes(name.toLowerCase()))
      return refuse(400, "A token belongs in the Authorization header.");
  }
  return null;
}

export function unauthorised(): Refusal {
  const headers = { "www-authenticate": 'Bearer realm="freehold"' };
  return { ...refuse(401, "A bearer token of a connected client is needed: freehold connect."), headers };
}

export interface BearerChallenge {
  /** Where it says who issues tokens (RFC 9728). */
  readonly metadata: string;
  /** Null where there was no token at all (RFC 6750, 3.1). */
  readonly error: "invalid_token" | "insufficient_scope" | null;
  readonly reason?: string;
  readonly scopes: readonly string[];
}

/** `reason` and scopes hold no quotes: the one is ours, the others are the owner's. */
export function challenge({ metadata, error, reason, scopes }: BearerChallenge): Refusal {
  const parts = [
    `resource_metadata="${metadata}"`,
    ...(error === null ? [] : [`error="${error}"`]),
    ...(reason === undefined ? [] : [`error_description="${reason}"`]),
    ...(scopes.length === 0 ? [] : [`scope="${scopes.join(" ")}"`]),
  ];
  const headers = { "www-authenticate": `Bearer ${parts.join(", ")}` };
  if (error === "insufficient_scope") return { ...refuse(403, "The access token lacks a right."), headers };
  const message = error === null ? "An access token is needed." : "The access token is not accepted.";
  return { ...refuse(401, reason === undefined ? message : `${message.slice(0, -1)}: ${reason}.`), headers };
}

export function unavailable(message: string): Refusal {
  return { ...refuse(503, message), headers: { "retry-after": "15" } };
}

export function notAllowed(): Refusal {
  return { ...refuse(405, "Method not allowed."), headers: { allow: "POST, GET, DELETE" } };
}

export function noEvents(): Refusal {
  return refuse(406, "Accept must list text/event-stream.");
}

export function checkPost(request: IncomingMessage, bodyBytesMax: number): Refusal | null {
  const { headers } = request;
  const [type, ...parameters] = (headers["content-type"] ?? "").toLowerCase().split(";");
  const charset = parameters.map((item) => item.trim()).find((item) => item.startsWith("charset="));
  const isUtf8 = charset === undefined || /^charset="?utf-8"?$/.test(charset);
  if (type?.trim() !== "application/json" || !isUtf8)
    return refuse(415, "Content-Type must be application/json in UTF-8.");
  if ((headers["content-encoding"] ?? "identity") !== "identity")
    return refuse(415, "The body must not be compressed.");
  if (!accepts(request, "application/json"))
    return refuse(406, "Accept must list application/json and text/event-stream.");
  return Number(headers["content-length"] ?? 0) > bodyBytesMax ? tooLarge(bodyBytesMax) : null;
}

export function tooLarge(bodyBytesMax: number): Refusal {
  return { ...refuse(413, `The body is over ${bodyBytesMax} bytes.`), headers: { connection: "close" } };
}

export function accepts(request: IncomingMessage, type: string): boolean {
  const { accept } = request.headers;
  if (accept === undefined) return true;
  const [family] = type.split("/");
  const offered = accept.toLowerCase().split(",", 32);
  return offered.some((item) => [type, "*/*", `${family}/*`].includes(item.split(";", 1)[0]?.trim() ?? ""));
}

export function refuse(status: number, message: string, code: number = CODES.refused): Refusal {
  return { status, code, message };
}

/** Null when it is over the limit; what follows is then not read. Never calls back after the request broke. */
export function readBody(request: IncomingMessage, bytesMax: number, done: (body: Buffer | null) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  const take = (chunk: Buffer): void => {
    size += chunk.length;
    if (size <= bytesMax) return void chunks.push(chunk);
    request.off("data", take).off("end", finish).pause();
    done(null);
  };
  const finish = (): void => done(Buffer.concat(chunks));
  request
    .on("data", take)
    .once("end", finish)
    .once("error", () => undefined);
}
