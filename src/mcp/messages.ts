// JSON-RPC 2.0 as MCP uses it: what came in, told apart; what goes out, written once. Foreign text is data here.

import { isObject, readJson, type JsonObject, type JsonValue } from "../kernel/index.ts";

export type RpcId = string | number;

export type RpcReply =
  | { readonly kind: "result"; readonly result: JsonObject }
  | { readonly kind: "error"; readonly code: number; readonly message: string; readonly data?: JsonValue }
  /** No answer that can be used: died, timed out, cancelled, too large, not JSON. `status` is an HTTP status. */
  | { readonly kind: "broken"; readonly reason: string; readonly status?: number };

/** Answers what a server asks. `key` is the server's own name for it, in the era that has one. */
export type Responder = (method: string, params: JsonObject, key?: string) => Promise<RpcReply>;

export type Message =
  | { readonly kind: "request"; readonly id: RpcId; readonly method: string; readonly params: JsonObject }
  | { readonly kind: "notification"; readonly method: string; readonly params: JsonObject }
  | { readonly kind: "reply"; readonly id: RpcId | null; readonly reply: RpcReply };

export const CODES = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** Not of the specification: too much at once, a closing server, a refused HTTP request. */
  refused: -32000,
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedVersion: -32022,
} as const;

const DEPTH_MAX = 128;
const ERROR_TEXT_MAX = 4096;
const METHOD_LENGTH_MAX = 256;
const EMPTY: JsonObject = {};

/** One parsed JSON value to a message; null when it is not JSON-RPC 2.0. */
export function readMessage(value: unknown): Message | null {
  if (!isObject(value) || value["jsonrpc"] !== "2.0") return null;
  const id = value["id"];
  const method = value["method"];
  if (method === undefined) return readReply(value, id);
  if (typeof method !== "string" || method === "" || method.length > METHOD_LENGTH_MAX) return null;
  const params = value["params"] ?? EMPTY;
  if (!isObject(params) || "result" in value || "error" in value) return null;
  if (id === undefined) return { kind: "notification", method, params };
  return isId(id) ? { kind: "request", id, method, params } : null;
}

function readReply(value: JsonObject, id: JsonValue | undefined): Message | null {
  if (id !== null && id !== undefined && !isId(id)) return null;
  const { result, error } = value;
  if ((result === undefined) === (error === undefined)) return null;
  if (result !== undefined) {
    if (!isObject(result) || id === null || id === undefined) return null;
    return { kind: "reply", id, reply: { kind: "result", result } };
  }
  if (!isObject(error)) return null;
  const code = typeof error["code"] === "number" ? Math.trunc(error["code"]) : CODES.internal;
  const message = typeof error["message"] === "string" ? error["message"].slice(0, ERROR_TEXT_MAX) : "";
  const data = error["data"];
  const reply: RpcReply =
    data === undefined ? { kind: "error", code, message } : { kind: "error", code, message, data };
  return { kind: "reply", id: id ?? null, reply };
}

export function isId(value: unknown): value is RpcId {
  return typeof value === "string" || (typeof value === "number" && Number.isSafeInteger(value));
}

export type Incoming =
  | { readonly kind: "messages"; readonly messages: readonly Message[] }
  | { readonly kind: "noise"; readonly reason: string };

/** From an upstream: never more than one reading, never a value that canonical JSON could not carry. */
export function parseIncoming(text: string): Incoming {
  let value: unknown;
  try {
    value = readJson(text);
  } catch {
    return { kind: "noise", reason: "not JSON" };
  }
  const flaw = flawOf(value, 0);
  if (flaw === "lone surrogate") value = wellFormed(value);
  else if (flaw !== null) return { kind: "noise", reason: flaw };
  // Batches belong to 2025-03-26 alone; a server of that revision may still answer with one.
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  const messages: Message[] = [];
  for (const item of items) {
    const message = readMessage(item);
    if (message === null) return { kind: "noise", reason: "JSON, but no JSON-RPC 2.0 message" };
    messages.push(message);
  }
  return { kind: "messages", messages };
}

/** What would make a later `canonical()` fail; a lone surrogate, which can be mended, is named only if nothing else. */
function flawOf(value: unknown, depth: number): string | null {
  if (typeof value === "string") return value.isWellFormed() ? null : "lone surrogate";
  if (typeof value === "number") return Number.isFinite(value) ? null : "a number that JSON cannot carry";
  if (typeof value !== "object" || value === null) return null;
  if (depth >= DEPTH_MAX) return `nested deeper than ${DEPTH_MAX}`;
  let found: string | null = null;
  if (Array.isArray(value)) {
    for (const item of value) {
      const flaw = flawOf(item, depth + 1);
      if (flaw !== null && flaw !== "lone surrogate") return flaw;
      found ??= flaw;
    }
    return found;
  }
  for (const [key, item] of Object.entries(value)) {
    if (key === "__proto__") return "the key __proto__";
    const flaw = key.isWellFormed() ? flawOf(item, depth + 1) : "lone surrogate";
    if (flaw !== null && flaw !== "lone surrogate") return flaw;
    found ??= flaw;
  }
  return found;
}

/** Honest servers cut text in the middle of a character; the half becomes U+FFFD. */
function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => wellFormed(item));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toWellFormed(), wellFormed(item)]));
}

/** `paramsText` is JSON of an object and enters byte for byte; `meta` becomes its first key. */
export function requestText(request: {
  readonly id: RpcId;
  readonly method: string;
  readonly paramsText: string;
  readonly meta: JsonObject | null;
}): string {
  const params = request.meta === null ? request.paramsText : withMeta(request.paramsText, request.meta);
  const head = `{"jsonrpc":"2.0","id":${JSON.stringify(request.id)},"method":${JSON.stringify(request.method)}`;
  return `${head},"params":${params}}`;
}

function withMeta(paramsText: string, meta: JsonObject): string {
  const rest = paramsText.slice(1);
  return `{"_meta":${JSON.stringify(meta)}${rest === "}" ? "" : ","}${rest}`;
}

export function notificationText(method: string, params: JsonObject): string {
  return JSON.stringify({ jsonrpc: "2.0", method, params });
}

export function replyText(id: RpcId | null, reply: RpcReply): string {
  switch (reply.kind) {
    case "result":
      return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${JSON.stringify(reply.result)}}`;
    case "error":
      return errorText(id, reply);
    case "broken":
      return errorText(id, { code: CODES.internal, message: reply.reason });
  }
}

export function errorText(
  id: RpcId | null,
  error: { readonly code: number; readonly message: string; readonly data?: JsonValue },
): string {
  const { code, message, data } = error;
  return JSON.stringify({
    jsonrpc: "2.0",
    id,
    error: data === undefined ? { code, message } : { code, message, data },
  });
}
