// Arguments that a 2026-07-28 server wants repeated as headers: `x-mcp-header` in a tool's input schema (SEP-2243).

import { isObject, oneLine, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { encodeHeader } from "./eras.ts";

export interface MirroredParam {
  /** Names of properties, from the outside in. */
  readonly path: readonly string[];
  /** Without the prefix `Mcp-Param-`. */
  readonly header: string;
}

/** By tool, as the server names it. */
export type MirroredTools = ReadonlyMap<string, readonly MirroredParam[]>;

export type MirrorScan =
  | { readonly kind: "ok"; readonly params: readonly MirroredParam[] }
  | { readonly kind: "invalid"; readonly reason: string };

const KEY = "x-mcp-header";
/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
const TYPES: readonly JsonValue[] = ["string", "integer", "boolean"];
const DEPTH_MAX = 32;
const PARAMS_MAX = 64;
const VALUE_MAX = 8192;

/** An annotation anywhere but on a primitive that `properties` alone lead to makes the whole tool unusable. */
export function mirroredParams(inputSchema: JsonValue | undefined): MirrorScan {
  const params: MirroredParam[] = [];
  const reason = isObject(inputSchema) ? scan(inputSchema, [], params) : null;
  if (reason !== null) return { kind: "invalid", reason: oneLine(reason, 200) };
  return { kind: "ok", params };
}

function scan(schema: JsonObject, path: readonly string[], found: MirroredParam[]): string | null {
  if (path.length > DEPTH_MAX) return null;
  const own = KEY in schema ? addParam(schema, path, found) : null;
  if (own !== null) return own;
  for (const [keyword, inner] of Object.entries(schema)) {
    const reason = keyword === "properties" ? scanProperties(inner, path, found) : scanElsewhere(keyword, inner);
    if (reason !== null) return reason;
  }
  return null;
}

function scanProperties(properties: JsonValue, path: readonly string[], found: MirroredParam[]): string | null {
  if (!isObject(properties)) return null;
  for (const [name, schema] of Object.entries(properties)) {
    const reason = isObject(schema) ? scan(schema, [...path, name], found) : null;
    if (reason !== null) return reason;
  }
  return null;
}

/** Values that are data, not schemas, may hold the word. */
const DATA_KEYWORDS: ReadonlySet<string> = new Set([KEY, "default", "const", "enum", "examples", "example"]);

function scanElsewhere(keyword: string, inner: JsonValue): string | null {
  if (DATA_KEYWORDS.has(keyword) || !holdsAnnotation(inner, 0)) return null;
  return `${KEY} stands below "${keyword}", where no argument is sure to be`;
}

function holdsAnnotation(value: JsonValue, depth: number): boolean {
  if (depth > DEPTH_MAX || typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some((item: JsonValue) => holdsAnnotation(item, depth + 1));
  const entries = Object.entries(value);
  return entries.some(([key, item]) => key === KEY || (!DATA_KEYWORDS.has(key) && holdsAnnotation(item, depth + 1)));
}

function addParam(schema: JsonObject, path: readonly string[], found: MirroredParam[]): string | null {
  const { [KEY]: header, type } = schema;
  const place = path.join(".");
  if (path.length === 0) return `${KEY} stands on the whole schema`;
  if (typeof header !== "string" || !TOKEN.test(header)) return `${place}: ${KEY} is no name of a header`;
  if (!TYPES.includes(type ?? null)) return `${place}: ${KEY} is for texts, integers and booleans`;
  const clash = found.find((param) => param.header.toLowerCase() === header.toLowerCase());
  if (clash !== undefined) return `${place}: the header ${header} is already that of ${clash.path.join(".")}`;
  if (found.length >= PARAMS_MAX) return `more than ${PARAMS_MAX} arguments have ${KEY}`;
  found.push({ path, header });
  return null;
}

/** What is absent or null has no header, and neither has what no header can carry. */
export function paramHeaders(params: readonly MirroredParam[], args: JsonValue | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { path, header } of params) {
    const text = headerText(valueAt(args, path));
    if (text !== null) headers[`mcp-param-${header.toLowerCase()}`] = encodeHeader(text);
  }
  return headers;
}

function valueAt(args: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  let value = args;
  for (const name of path) value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value;
}

function headerText(value: JsonValue | undefined): string | null {
  if (typeof value === "string") return value.length <= VALUE_MAX && value.isWellFormed() ? value : null;
  if (typeof value === "boolean") return String(value);
  return typeof value === "number" && Number.isSafeInteger(value) ? String(value) : null;
}
