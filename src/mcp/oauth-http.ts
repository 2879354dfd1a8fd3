// Requests of the OAuth client: JSON only, small, no redirects, https but for this machine, each connection permitted.

import { request as httpRequest, type IncomingMessage } from "node:http";
import { Fault, isObject, oneLine, readJson, type JsonObject, type PermitConnection } from "../kernel/index.ts";
import { readBody } from "./http-answers.ts";
import { createConnector, type ResolveAddress } from "./http-connect.ts";

export interface OAuthHttp {
  readonly permit: PermitConnection;
  /** Must refuse addresses that this server's logins may not lead to. */
  readonly resolve: ResolveAddress;
}

export interface OAuthRequest {
  readonly url: string;
  /** `form` and `json` are posted. */
  readonly form?: Readonly<Record<string, string>>;
  readonly json?: JsonObject;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface OAuthReply {
  readonly status: number;
  /** Null when the answer was no JSON object. */
  readonly body: JsonObject | null;
}

const TIMEOUT_MS = 15_000;
const BYTES_MAX = 256 * 1024;
const URL_MAX = 2048;

/** The address as a URL, or null: not https (http between programs of this machine), or with a password in it. */
export function loginUrl(text: unknown, isLocal: boolean): URL | null {
  const url = typeof text === "string" && text.length <= URL_MAX ? URL.parse(text) : null;
  if (url === null || url.username !== "" || url.password !== "" || url.hash !== "") return null;
  return url.protocol === "https:" || (isLocal && url.protocol === "http:" && isLoopback(url.hostname)) ? url : null;
}

export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** Fault `oauth.unreachable` when there is no answer. */
export function askOAuth(http: OAuthHttp, asked: OAuthRequest): Promise<OAuthReply> {
  const url = new URL(asked.url);
  const connector = createConnector({ url, permit: http.permit, resolve: http.resolve });
  const { promise, resolve, reject } = Promise.withResolvers<OAuthReply>();
  const text = bodyText(asked);
  const type = asked.form === undefined ? "application/json" : "application/x-www-form-urlencoded";
  const headers = {
    accept: "application/json",
    ...(text === null ? {} : { "content-type": type, "content-length": String(Buffer.byteLength(text)) }),
    ...asked.headers,
  };
  const fail = (reason: string): void => reject(unreachable(url, reason));
  const read = (response: IncomingMessage): void => {
    const status = response.statusCode ?? 0;
    response.once("error", (error) => fail(error.message));
    readBody(response, BYTES_MAX, (body) => {
      if (body === null) fail(`the answer is over ${BYTES_MAX} bytes`);
      else resolve({ status, body: objectIn(body) });
    });
  };
  const request = httpRequest(url, { method: text === null ? "GET" : "POST", headers, agent: connector.agent }, read);
  const timer = setTimeout(() => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  request.once("error", (error) => fail(error.message));
  request.once("close", () => clearTimeout(timer));
  request.end(text ?? undefined);
  return promise.finally(() => connector.destroy());
}

function bodyText({ form, json }: OAuthRequest): string | null {
  if (form !== undefined) return new URLSearchParams(form).toString();
  return json === undefined ? null : JSON.stringify(json);
}

function objectIn(text: string): JsonObject | null {
  try {
    const value: unknown = readJson(text);
    return isObject(value) ? value : null;
  } catch {
    return null; // Pages of proxies and error pages are no answers.
  }
}

function unreachable(url: URL, reason: string): Fault {
  return new Fault("oauth.unreachable", {
    message: `${oneLine(url.host, 200)} did not answer the login: ${oneLine(reason, 300)}.`,
    next: "Try again; if it stays so, ask the server's maker where it signs people in.",
  });
}
