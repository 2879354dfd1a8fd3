// TOML read with the place of every statement, and changed by whole statements: every other byte stays as it was.

import { Fault, isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { below, place, readKey, readValue, skipBlanks, skipLines, TomlError, type TomlText } from "./toml-values.ts";

interface Statement {
  readonly kind: "table" | "list-item" | "value";
  /** From the top of the file. */
  readonly path: readonly string[];
  /** From the first character to behind the line's end. */
  readonly start: number;
  readonly end: number;
}

interface Toml {
  readonly value: JsonObject;
  readonly statements: readonly Statement[];
}

/** Throws `clients.unreadable` with the line. */
export function readToml(file: string, text: string): JsonObject {
  return statementsOf(file, text).value;
}

function statementsOf(file: string, text: string): Toml {
  const source: TomlText = { text, at: text.startsWith("\ufeff") ? 1 : 0 };
  try {
    return parsed(source);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const line = text.slice(0, error.offset).split("\n").length;
    const message = `not valid TOML (${error.message}). Nothing was changed.`;
    throw new Fault("clients.unreadable", { at: `${file}:${line}`, message, next: "Repair the file, then try again." });
  }
}

function parsed(source: TomlText): Toml {
  const value: Record<string, JsonValue> = {};
  const statements: Statement[] = [];
  const headers = new Set<string>();
  let table = value;
  let prefix: readonly string[] = [];
  for (;;) {
    skipLines(source);
    if (source.at >= source.text.length) return { value, statements };
    const start = source.at;
    if (source.text[start] === "[") {
      const isList = source.text[start + 1] === "[";
      prefix = header(source, isList);
      const key = JSON.stringify(prefix);
      if (!isList && headers.has(key) && !statements.some(({ kind }) => kind === "list-item")) {
        throw new TomlError(start, "this table stands twice");
      }
      headers.add(key);
      table = isList ? listItem(value, prefix, start) : prefix.reduce((at, part) => below(at, part, start), value);
      statements.push({ kind: isList ? "list-item" : "table", path: prefix, start, end: endOfStatement(source) });
      continue;
    }
    const path = readKey(source);
    if (source.text[source.at] !== "=") throw new TomlError(source.at, "'=' is missing");
    source.at += 1;
    skipBlanks(source);
    place({ table, path, value: readValue(source), offset: start });
    statements.push({ kind: "value", path: [...prefix, ...path], start, end: endOfStatement(source) });
  }
}

function header(source: TomlText, isList: boolean): readonly string[] {
  const close = isList ? "]]" : "]";
  source.at += close.length;
  const path = readKey(source);
  if (!source.text.startsWith(close, source.at)) throw new TomlError(source.at, "a table's name is not closed");
  source.at += close.length;
  return path;
}

function listItem(top: Record<string, JsonValue>, path: readonly string[], offset: number): Record<string, JsonValue> {
  const parent = path.slice(0, -1).reduce((at, part) => below(at, part, offset), top);
  const last = path.at(-1) ?? "";
  const item: Record<string, JsonValue> = {};
  const present = Object.hasOwn(parent, last) ? parent[last] : undefined;
  if (present !== undefined && !Array.isArray(present)) throw new TomlError(offset, `'${last}' is no list of tables`);
  const items = Array.isArray(present) ? present.map((each: JsonValue) => each) : [];
  parent[last] = [...items, item];
  return item;
}

function endOfStatement(source: TomlText): number {
  const rest = /[ \t]*(?:#[^\n]*)?(?:\r?\n|$)/y;
  rest.lastIndex = source.at;
  const found = rest.exec(source.text)?.[0];
  if (found === undefined) throw new TomlError(source.at, "something stands behind the value");
  source.at += found.length;
  return source.at;
}

/** One table set as blocks of its own, or removed with `undefined`. Null when its layout leaves no room for that. */
export function changedToml(change: {
  readonly file: string;
  readonly text: string;
  readonly path: readonly string[];
  readonly value: JsonValue | undefined;
}): string | null {
  const { file, text, path, value } = change;
  const { statements } = statementsOf(file, text);
  const isAbove = (above: readonly string[], under: readonly string[]): boolean =>
    above.length <= under.length && above.every((key, index) => under[index] === key);
  // `mcp_servers = { … }` holds the place in one statement.
  if (statements.some((one) => one.kind === "value" && one.path.length < path.length && isAbove(one.path, path)))
    return null;
  const own = statements.filter((one) => isAbove(path, one.path));
  if (own.some(({ kind }) => kind === "list-item")) return null;
  let rest = text;
  let spot: number | null = null;
  for (const [start, end] of spansOf(statements, own).toReversed()) {
    rest = rest.slice(0, start) + rest.slice(end);
    spot = start;
  }
  if (value === undefined) return spot === null ? text : withoutGap(rest, spot);
  if (!isObject(value)) return null;
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const block = blocks(path, value).join("\n").replaceAll("\n", eol);
  const isOwnBlock = own[0]?.kind === "table";
  if (spot !== null && isOwnBlock) return rest.slice(0, spot) + block + rest.slice(spot);
  const end = rest === "" || rest.endsWith("\n") ? "" : eol;
  const gap = rest.trim() === "" ? "" : eol;
  return `${rest}${end}${gap}${block}`;
}

/** Neighbouring statements as one span, so that what stands between two of them goes too. */
function spansOf(all: readonly Statement[], own: readonly Statement[]): readonly (readonly [number, number])[] {
  const spans: [number, number][] = [];
  let isOpen = false;
  for (const statement of all) {
    const isOwn = own.includes(statement);
    const last = spans.at(-1);
    if (isOwn && isOpen && last !== undefined) last[1] = statement.end;
    else if (isOwn) spans.push([statement.start, statement.end]);
    isOpen = isOwn;
  }
  return spans;
}

/** The blank line in front of a removed block goes with it, where one stands behind it as well. */
function withoutGap(text: string, spot: number): string {
  const before = /(?:^|\n)(\r?\n)$/.exec(text.slice(0, spot));
  const isBlankBehind = /^(?:\r?\n|$)/.test(text.slice(spot));
  if (before?.[1] === undefined || !isBlankBehind) return text;
  return text.slice(0, spot - before[1].length) + text.slice(spot);
}

function blocks(path: readonly string[], table: JsonObject): readonly string[] {
  const entries = Object.entries(table);
  const values = entries.filter(([, value]) => !isObject(value));
  const tables = entries.filter(([, value]) => isObject(value));
  const lines = values.map(([key, value]) => `${keyText(key)} = ${tomlText(value)}\n`);
  const own = lines.length > 0 || tables.length === 0 ? [`[${path.map(keyText).join(".")}]\n${lines.join("")}`] : [];
  return [...own, ...tables.flatMap(([key, value]) => (isObject(value) ? blocks([...path, key], value) : []))];
}

function keyText(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : tomlText(key);
}

function tomlText(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => tomlText(item)).join(", ")}]`;
  if (isObject(value)) {
    const entries = Object.entries(value).map(([key, item]) => `${keyText(key)} = ${tomlText(item)}`);
    return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
  }
  // JSON's escapes are TOML's, but for the delete character.
  return JSON.stringify(value).replaceAll("\u007f", "\\u007f");
}
