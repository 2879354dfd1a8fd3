// YAML of other programs: read as data, changed by whole lines. What would need a rewrite is left to the owner.

import { LineCounter, parseDocument } from "yaml";
import { Fault, isObject, reasonOf, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { insertAt, removeAt } from "../manifest/index.ts";

const TEXT_LENGTH_MAX = 1024 * 1024;

/** Throws `clients.unreadable` with the line. */
export function readYamlConfig(file: string, text: string): JsonObject {
  const refuse = (line: number, reason: string): never => {
    const message = `${reason}. Nothing was changed.`;
    throw new Fault("clients.unreadable", { at: `${file}:${line}`, message, next: "Repair the file, then try again." });
  };
  if (text.length > TEXT_LENGTH_MAX) return refuse(1, "it is larger than 1 MB");
  const lines = new LineCounter();
  let value: unknown;
  try {
    const document = parseDocument(text, { lineCounter: lines, schema: "core", prettyErrors: false });
    const error = document.errors[0];
    if (error !== undefined) return refuse(lines.linePos(error.pos[0]).line, `not valid YAML (${error.code})`);
    value = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    if (error instanceof Fault) throw error;
    // Nested so deep that the parser's stack ends, or more aliases than anyone writes.
    return refuse(1, `not readable as YAML (${reasonOf(error)})`);
  }
  return isObject(value) ? value : refuse(1, "it is no map");
}

/** One entry of a top-level map set or removed. Null when that would touch more than its own lines. */
export function changedYaml(change: {
  readonly text: string;
  readonly path: readonly string[];
  readonly value: JsonValue | undefined;
  readonly existed: boolean;
}): string | null {
  const { text, path, value, existed } = change;
  const [section, key, more] = path;
  if (section === undefined || key === undefined || more !== undefined) return null;
  const without = existed ? removeAt(text, { section, key }) : text;
  if (existed && !/^\s*(?:\{\}\s*)?$/.test(between(without, text))) return null;
  if (value === undefined) return without;
  const next = insertAt(without, { section, key }, value);
  return /^\s*(?:\{\}\s*)?$/.test(between(without, next)) ? next : null;
}

/** What `from` holds and `to` does not, as one piece. */
function between(from: string, to: string): string {
  let start = 0;
  while (start < from.length && from[start] === to[start]) start += 1;
  let end = 0;
  const most = Math.min(from.length, to.length) - start;
  while (end < most && from.at(-1 - end) === to.at(-1 - end)) end += 1;
  return from.slice(start, from.length - end);
}
