// The values of TOML 1.0: strings, arrays, inline tables; anything else is kept as it is written. Malformed is refused.

import type { JsonValue } from "../kernel/index.ts";

export interface TomlText {
  readonly text: string;
  at: number;
}

/** What is wrong, and where; the reader of the whole file makes a Fault of it. */
export class TomlError extends Error {
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

const DEPTH_MAX = 32;

export function skipBlanks(source: TomlText): void {
  while (source.text[source.at] === " " || source.text[source.at] === "\t") source.at += 1;
}

/** Spaces, line ends and comments, as they may stand between statements and inside an array. */
export function skipLines(source: TomlText): void {
  for (;;) {
    const rest = /[ \t\r\n]*/y;
    rest.lastIndex = source.at;
    source.at += rest.exec(source.text)?.[0].length ?? 0;
    if (source.text[source.at] !== "#") return;
    const end = source.text.indexOf("\n", source.at);
    source.at = end === -1 ? source.text.length : end;
  }
}

/** `a."b c".d` */
export function readKey(source: TomlText): readonly string[] {
  const path: string[] = [];
  for (;;) {
    skipBlanks(source);
    path.push(keyPart(source));
    skipBlanks(source);
    if (source.text[source.at] !== ".") return path;
    source.at += 1;
  }
}

function keyPart(source: TomlText): string {
  const quote = source.text[source.at];
  if (quote === '"' || quote === "'") return quoted(source);
  const bare = /[A-Za-z0-9_-]+/y;
  bare.lastIndex = source.at;
  const found = bare.exec(source.text)?.[0];
  if (found === undefined) throw new TomlError(source.at, "a key is missing");
  source.at += found.length;
  return found;
}

export function readValue(source: TomlText, depth = 0): JsonValue {
  if (depth > DEPTH_MAX) throw new TomlError(source.at, "nested too deeply");
  const first = source.text[source.at];
  if (first === '"' || first === "'") {
    const triple = source.text.startsWith(first.repeat(3), source.at);
    return triple ? multiline(source) : quoted(source);
  }
  if (first === "[") return list(source, depth);
  if (first === "{") return inlineTable(source, depth);
  const plain = /[0-9A-Za-z+\-._:]+(?: \d\d:[0-9:.Zz+-]+)?/y;
  plain.lastIndex = source.at;
  const found = plain.exec(source.text)?.[0];
  if (found === undefined) throw new TomlError(source.at, "a value is missing");
  source.at += found.length;
  return plainValue(found, source.at - found.length);
}

/** A number that JavaScript would change, and a date, stay the text they are. */
function plainValue(found: string, offset: number): JsonValue {
  if (found === "true" || found === "false") return found === "true";
  if (/^[+-]?(?:0|[1-9](?:_?\d)*)$/.test(found)) {
    const number = Number(found.replaceAll("_", ""));
    return Number.isSafeInteger(number) ? number : found;
  }
  if (/^[+-]?(?:0|[1-9](?:_?\d)*)(?:\.\d(?:_?\d)*)?(?:[eE][+-]?\d(?:_?\d)*)?$/.test(found))
    return Number(found.replaceAll("_", ""));
  const isOther = /^(?:[+-]?(?:inf|nan)|0x[0-9A-Fa-f_]+|0o[0-7_]+|0b[01_]+|\d{4}-\d\d-\d\d.*|\d\d:\d\d.*)$/.test(found);
  if (!isOther) throw new TomlError(offset, "this is no value");
  return found;
}

function list(source: TomlText, depth: number): JsonValue {
  const items: JsonValue[] = [];
  source.at += 1;
  for (;;) {
    skipLines(source);
    if (source.text[source.at] === "]") break;
    items.push(readValue(source, depth + 1));
    skipLines(source);
    if (source.text[source.at] === ",") source.at += 1;
    else if (source.text[source.at] !== "]") throw new TomlError(source.at, "an array is not closed");
  }
  source.at += 1;
  return items;
}

function inlineTable(source: TomlText, depth: number): JsonValue {
  const table: Record<string, JsonValue> = {};
  source.at += 1;
  for (;;) {
    skipLines(source);
    if (source.text[source.at] === "}") break;
    const offset = source.at;
    const path = readKey(source);
    if (source.text[source.at] !== "=") throw new TomlError(source.at, "'=' is missing");
    source.at += 1;
    skipBlanks(source);
    place({ table, path, value: readValue(source, depth + 1), offset });
    skipLines(source);
    if (source.text[source.at] === ",") source.at += 1;
    else if (source.text[source.at] !== "}") throw new TomlError(source.at, "a table is not closed");
  }
  source.at += 1;
  return table;
}

export interface Placement {
  readonly table: Record<string, JsonValue>;
  readonly path: readonly string[];
  readonly value: JsonValue;
  readonly offset: number;
}

/** Throws when something stands there already. */
export function place({ table, path, value, offset }: Placement): void {
  const last = path.at(-1) ?? "";
  let at = table;
  for (const key of path.slice(0, -1)) at = below(at, key, offset);
  refuseKey(last, offset);
  if (Object.hasOwn(at, last)) throw new TomlError(offset, `'${last}' stands twice`);
  at[last] = value;
}

/** The table under a key, made where there is none; of a list of tables the last one. */
export function below(table: Record<string, JsonValue>, key: string, offset: number): Record<string, JsonValue> {
  refuseKey(key, offset);
  if (!Object.hasOwn(table, key)) table[key] = {};
  const found = table[key];
  const next: unknown = Array.isArray(found) ? found.at(-1) : found;
  if (!isTable(next)) throw new TomlError(offset, `'${key}' is no table`);
  return next;
}

function isTable(value: unknown): value is Record<string, JsonValue> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuseKey(key: string, offset: number): void {
  if (key === "__proto__") throw new TomlError(offset, "the key __proto__ is not accepted");
}

function quoted(source: TomlText): string {
  const quote = source.text[source.at];
  const start = source.at + 1;
  const pattern = quote === '"' ? /(?:[^"\\\n]|\\[^\n])*/y : /[^'\n]*/y;
  pattern.lastIndex = start;
  const body = pattern.exec(source.text)?.[0] ?? "";
  if (source.text[start + body.length] !== quote) throw new TomlError(source.at, "a text is not closed");
  source.at = start + body.length + 1;
  return quote === '"' ? unescaped(body, start) : body;
}

function multiline(source: TomlText): string {
  const quote = source.text.slice(source.at, source.at + 3);
  const start = source.at + 3;
  let end = start;
  while (!source.text.startsWith(quote, end)) {
    if (end >= source.text.length) throw new TomlError(source.at, "a text is not closed");
    end += quote === '"""' && source.text[end] === "\\" ? 2 : 1;
  }
  // Up to two more quotes belong to the text.
  for (let more = 0; more < 2 && source.text[end + 3] === quote[0]; more += 1) end += 1;
  source.at = end + 3;
  const body = source.text.slice(start, end).replace(/^\r?\n/, "");
  return quote === '"""' ? unescaped(body.replaceAll(/(?<!\\)((?:\\\\)*)\\[ \t]*\r?\n[ \t\r\n]*/g, "$1"), start) : body;
}

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", e: "\u001b", '"': '"', "\\": "\\" },
};

function unescaped(body: string, offset: number): string {
  return body.replaceAll(/\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|[\s\S])/g, (escape) => {
    if (escape.length > 2) {
      const point = Number.parseInt(escape.slice(2), 16);
      if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) throw new TomlError(offset, "this is no character");
      return String.fromCodePoint(point);
    }
    const plain = ESCAPES[escape.slice(1)];
    if (plain === undefined) throw new TomlError(offset, "this escape is not known");
    return plain;
  });
}
