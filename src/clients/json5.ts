// JSON5 as OpenClaw's configuration may be written in: read only. What is changed must be JSON with comments.

import type { JsonValue } from "../kernel/index.ts";

interface Source {
  readonly text: string;
  at: number;
}

const DEPTH_MAX = 64;

/** Null when the text is no JSON5. */
export function readJson5(text: string): JsonValue | null {
  const source: Source = { text, at: 0 };
  try {
    const value = readValue(source, 0);
    skip(source);
    return source.at === text.length ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function skip(source: Source): void {
  const blank = /(?:[\s\ufeff]+|\/\/[^\n\r]*|\/\*[\s\S]*?\*\/)*/y;
  blank.lastIndex = source.at;
  source.at += blank.exec(source.text)?.[0].length ?? 0;
}

function take(source: Source, pattern: RegExp): string | null {
  pattern.lastIndex = source.at;
  const found = pattern.exec(source.text)?.[0];
  if (found === undefined) return null;
  source.at += found.length;
  return found;
}

function readValue(source: Source, depth: number): JsonValue {
  if (depth > DEPTH_MAX) throw new SyntaxError("nested too deeply");
  skip(source);
  const first = source.text[source.at];
  if (first === "{") return readObject(source, depth);
  if (first === "[") return readList(source, depth);
  if (first === '"' || first === "'") return readText(source);
  const word = take(source, /[\w.+$-]+/y) ?? "";
  if (word === "true" || word === "false") return word === "true";
  if (word === "null") return null;
  const digits = word.replace(/^\+/, "");
  if (!/^-?(?:0x[0-9a-f]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i.test(digits)) throw new SyntaxError("no value");
  const isMinus = digits.startsWith("-");
  return Number(isMinus ? digits.slice(1) : digits) * (isMinus ? -1 : 1);
}

function readObject(source: Source, depth: number): JsonValue {
  const entries = new Map<string, JsonValue>();
  source.at += 1;
  for (;;) {
    skip(source);
    if (source.text[source.at] === "}") break;
    const first = source.text[source.at];
    const key =
      first === '"' || first === "'" ? readText(source) : take(source, /[\p{L}\p{Nl}$_][\p{L}\p{N}$_\u200c\u200d]*/uy);
    skip(source);
    if (key === null || key === "__proto__" || source.text[source.at] !== ":") throw new SyntaxError("no key");
    source.at += 1;
    entries.set(key, readValue(source, depth + 1));
    endOfItem(source, "}");
  }
  source.at += 1;
  return Object.fromEntries(entries);
}

function readList(source: Source, depth: number): JsonValue {
  const items: JsonValue[] = [];
  source.at += 1;
  for (;;) {
    skip(source);
    if (source.text[source.at] === "]") break;
    items.push(readValue(source, depth + 1));
    endOfItem(source, "]");
  }
  source.at += 1;
  return items;
}

function endOfItem(source: Source, close: string): void {
  skip(source);
  if (source.text[source.at] === ",") source.at += 1;
  else if (source.text[source.at] !== close) throw new SyntaxError("no end");
}

const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", "0": "\0" };

function readText(source: Source): string {
  const found = take(source, /"(?:[^"\\\n\r]|\\[\s\S])*"|'(?:[^'\\\n\r]|\\[\s\S])*'/y);
  if (found === null) throw new SyntaxError("no text");
  return found.slice(1, -1).replaceAll(/\\(?:\r\n|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[\s\S])/g, (escape) => {
    const rest = escape.slice(1);
    if (/^[\n\r\u2028\u2029]/.test(rest)) return "";
    return rest.length > 1 ? String.fromCharCode(Number.parseInt(rest.slice(1), 16)) : (ESCAPES[rest] ?? rest);
  });
}
