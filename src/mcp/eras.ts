// The two eras: "legacy" opens with initialize (up to 2025-11-25), "modern" tells all in each request (2026-07-28).

import { isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";

export type Era = "legacy" | "modern";

export const LEGACY_LATEST = "2025-11-25";
export const LEGACY_VERSIONS: readonly string[] = [LEGACY_LATEST, "2025-06-18", "2025-03-26", "2024-11-05"];
export const MODERN_LATEST = "2026-07-28";
export const MODERN_VERSIONS: readonly string[] = [MODERN_LATEST];

export const META = {
  protocolVersion: "io.modelcontextprotocol/protocolVersion",
  clientInfo: "io.modelcontextprotocol/clientInfo",
  clientCapabilities: "io.modelcontextprotocol/clientCapabilities",
  serverInfo: "io.modelcontextprotocol/serverInfo",
  subscriptionId: "io.modelcontextprotocol/subscriptionId",
  logLevel: "io.modelcontextprotocol/logLevel",
} as const;

const PROTOCOL_KEYS: ReadonlySet<string> = new Set([...Object.values(META), "io.modelcontextprotocol/related-task"]);
const TRACE_KEYS: readonly string[] = ["traceparent", "tracestate", "baggage"];
const TRACE_LENGTH_MAX = 8192;

/** The modern methods whose results a client may cache (SEP-2549). */
const CACHEABLE: ReadonlySet<string> = new Set([
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "server/discover",
]);

/** The body field that the Mcp-Name header repeats (SEP-2243). */
const NAME_FIELDS: ReadonlyMap<string, string> = new Map([
  ["tools/call", "name"],
  ["prompts/get", "name"],
  ["resources/read", "uri"],
  ["tasks/get", "taskId"],
  ["tasks/update", "taskId"],
  ["tasks/cancel", "taskId"],
]);

export function isCacheable(method: string): boolean {
  return CACHEABLE.has(method);
}

/** Tasks are a part of 2025-11-25 and an extension of 2026-07-28: each era is told of its own alone. */
export function capabilitiesIn(era: Era, capabilities: JsonObject): JsonObject {
  const other = era === "legacy" ? "extensions" : "tasks";
  return Object.fromEntries(Object.entries(capabilities).filter(([name]) => name !== other));
}

/** The value that Mcp-Name must carry, or null when the method has none or the body lacks it. */
export function nameOf(method: string, params: JsonObject): string | null {
  const field = NAME_FIELDS.get(method);
  const value = field === undefined ? undefined : params[field];
  return typeof value === "string" ? value : null;
}

/** Only what the protocol itself defines goes on; a client's or a server's private keys do not pass the door. */
export function reduceMeta(meta: JsonValue | undefined): JsonObject {
  if (!isObject(meta)) return {};
  const kept: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(meta)) {
    if (PROTOCOL_KEYS.has(key)) kept[key] = value;
    else if (key === "progressToken" && (typeof value === "string" || Number.isSafeInteger(value))) kept[key] = value;
    else if (TRACE_KEYS.includes(key) && typeof value === "string" && value.length <= TRACE_LENGTH_MAX)
      kept[key] = value;
  }
  return kept;
}

const SENTINEL = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/;

/** Header values are visible ASCII; anything else, or what looks like the sentinel, travels as base64 (SEP-2243). */
export function encodeHeader(value: string): string {
  if (/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !value.startsWith("=?base64?")) return value;
  return `=?base64?${Buffer.from(value, "utf8").toString("base64")}?=`;
}

/** Null when the sentinel's content is not the base64 of UTF-8. */
export function decodeHeader(value: string): string | null {
  if (!value.startsWith("=?base64?") || !value.endsWith("?=")) return value;
  const coded = SENTINEL.exec(value)?.[1];
  if (coded === undefined) return null;
  const bytes = Buffer.from(coded, "base64");
  if (bytes.toString("base64") !== coded) return null;
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? text : null;
}
