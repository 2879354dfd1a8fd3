// Strict JSON in, canonical JSON (RFC 8785) out. What is hashed, shown and sent are the same bytes.
// Invariants: a text with two readings is refused; canonical() of a parsed text parses back to the same value.

import { hash } from "node:crypto";
import { assert } from "./fault.ts";
import { readJson, scalarEnd, type JsonObject, type JsonValue } from "./read-json.ts";

export type { JsonObject, JsonValue };

export type Digest = string;

export type Parsed =
  | { readonly kind: "value"; readonly value: JsonValue }
  | { readonly kind: "refused"; readonly reason: string };

const DEPTH_MAX = 128;
/** No double needs more; longer ones would be slow to compare. */
const NUMBER_LENGTH_MAX = 400;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The text under a key, or null where there is none. */
export function textAt(object: JsonObject, key: string): string | null {
  const value = Object.hasOwn(object, key) ? object[key] : null;
  return typeof value === "string" ? value : null;
}

/** Refuses duplicate keys, numbers that do not round-trip, lone surrogates, `__proto__` and deep nesting. */
export function parseStrict(text: string): Parsed {
  let value: JsonValue;
  try {
    value = readJson(text);
  } catch (error) {
    return { kind: "refused", reason: `not JSON: ${error instanceof Error ? error.message.slice(0, 120) : "?"}` };
  }
  const reason = scan(text);
  return reason === null ? { kind: "value", value } : { kind: "refused", reason };
}

/** The object that a text holds, read strictly; null for everything else. */
export function objectFrom(text: string): JsonObject | null {
  const parsed = parseStrict(text);
  return parsed.kind === "value" && isObject(parsed.value) ? parsed.value : null;
}

/** One pass over a text that JSON.parse accepted, so the grammar itself needs no second check. */
function scan(text: string): string | null {
  const keysByDepth: (Set<string> | null)[] = [];
  let expectKey = false;
  let index = 0;
  while (index < text.length) {
    const char = text[index] ?? "";
    const end = scalarEnd(text, index);
    if (char === '"') {
      const raw = text.slice(index, end);
      const decoded = raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1);
      if (!decoded.isWellFormed()) return "a string holds half a character (lone surrogate)";
      const keys = keysByDepth.at(-1);
      if (expectKey && keys) {
        if (keys.has(decoded)) return `the key ${JSON.stringify(decoded)} stands twice in one object`;
        if (decoded === "__proto__") return "the key __proto__ is not accepted";
        keys.add(decoded);
        expectKey = false;
      }
    } else if (char === "{" || char === "[") {
      keysByDepth.push(char === "{" ? new Set() : null);
      if (keysByDepth.length > DEPTH_MAX) return `nested deeper than ${DEPTH_MAX}`;
      expectKey = char === "{";
    } else if (char === "}" || char === "]") {
      keysByDepth.pop();
      expectKey = false;
    } else if (char === ",") {
      expectKey = keysByDepth.at(-1) instanceof Set;
    } else if (end > index && !"tfn".includes(char)) {
      const raw = text.slice(index, end);
      if (!roundTrips(raw)) return `the number ${raw.slice(0, 40)} does not survive as a JSON number`;
    }
    index = Math.max(end, index + 1);
  }
  return null;
}

/** Equal in value as written: `1.0` and `1e2` pass, `9007199254740993` and `1e400` do not. */
function roundTrips(raw: string): boolean {
  if (raw.length <= 15 && !/[.eE]/.test(raw)) return true;
  const value = Number(raw);
  if (!Number.isFinite(value) || raw.length > NUMBER_LENGTH_MAX) return false;
  return decimal(raw) === decimal(String(value));
}

/** Sign, digits without outer zeros, exponent: one spelling for each decimal number. */
function decimal(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return text;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const digits = (whole + fraction).replace(/^0+/, "");
  const trimmed = digits.replace(/0+$/, "");
  if (trimmed === "") return "0";
  return `${sign}${trimmed}e${Number(exponent) - fraction.length + (digits.length - trimmed.length)}`;
}

/** RFC 8785. Throws on what JSON cannot carry: the caller built the value, so that is a bug. */
export function canonical(value: JsonValue): string {
  // Decided once for the whole value, so that the common, ordered case is one native call and nothing is quadratic.
  return isOrdered(value) ? JSON.stringify(value) : spell(value);
}

/** True when JSON.stringify writes the canonical form: keys ascend as UTF-16 units, all else is what JSON carries. */
function isOrdered(value: JsonValue | undefined): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value === "number") return Number.isFinite(value);
  if (value === null || typeof value === "boolean") return true;
  if (value === undefined) return false;
  if (Array.isArray(value)) return value.every((item: JsonValue | undefined) => isOrdered(item));
  const object = value as JsonObject;
  let last: string | null = null;
  for (const key of Object.keys(object)) {
    if ((last !== null && key <= last) || !key.isWellFormed() || !isOrdered(object[key])) return false;
    last = key;
  }
  return true;
}

function spell(value: JsonValue): string {
  if (typeof value !== "object" || value === null) {
    assert(isOrdered(value), `JSON cannot carry this ${typeof value}`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => spell(item)).join(",")}]`;
  const object = value as JsonObject;
  const parts: string[] = [];
  for (const key of Object.keys(object).sort()) {
    const item = object[key];
    if (item !== undefined) parts.push(`${spell(key)}:${spell(item)}`);
  }
  return `{${parts.join(",")}}`;
}

export function sha256(bytes: string | Uint8Array): Digest {
  return hash("sha256", bytes, "hex");
}

export function digestOf(value: JsonValue): Digest {
  return sha256(canonical(value));
}
