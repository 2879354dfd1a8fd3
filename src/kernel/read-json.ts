// JSON.parse that is right about keys: V8 12.8 to 14.6 may take the letters of an escaped key for the key itself,
// once another text, an attacker's say, has taught it an object of like shape (nodejs/node#63785).
// Invariants: the value and the refusals that the language specifies for JSON.parse, whatever was parsed before.

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

type Open =
  | { readonly kind: "array"; readonly items: JsonValue[] }
  | { readonly kind: "object"; readonly fields: Record<string, JsonValue>; key: string | null };

/** Throws SyntaxError as JSON.parse does. */
export function readJson(text: string): JsonValue {
  const value = JSON.parse(text) as JsonValue;
  return hasEscapedKey(text) ? reread(text) : value;
}

/** The index after the closing quote of a string that opens at `start`, in a text that JSON.parse accepted. */
function stringEnd(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote + 1;
}

function isEscaped(text: string, index: number): boolean {
  let before = index - 1;
  while (text[before] === "\\") before -= 1;
  return (index - before) % 2 === 0;
}

function hasEscapedKey(text: string): boolean {
  let slash = text.indexOf("\\");
  let start = slash === -1 ? -1 : text.indexOf('"');
  while (start !== -1) {
    const end = stringEnd(text, start);
    if (slash < end && isBeforeColon(text, end)) return true;
    // Looked up only when passed, so that one far backslash does not make this quadratic.
    if (slash < end) slash = text.indexOf("\\", end);
    start = slash === -1 ? -1 : text.indexOf('"', end);
  }
  return false;
}

function isBeforeColon(text: string, from: number): boolean {
  let index = from;
  while (" \t\n\r".includes(text[index] ?? "end")) index += 1;
  return text[index] === ":";
}

/** Reads a text that JSON.parse accepted, value by value; only strings, numbers and words go to JSON.parse. */
function reread(text: string): JsonValue {
  const root: JsonValue[] = [];
  const open: Open[] = [{ kind: "array", items: root }];
  let index = 0;
  while (index < text.length) {
    const char = text[index] ?? "";
    const end = scalarEnd(text, index);
    if (end > index) place(open, JSON.parse(text.slice(index, end)) as JsonValue);
    else if (char === "{") push(open, { kind: "object", fields: {}, key: null });
    else if (char === "[") push(open, { kind: "array", items: [] });
    else if (char === "}" || char === "]") open.pop();
    index = Math.max(end, index + 1);
  }
  return root[0] ?? null;
}

/** The index after the string, number or word that begins at `start`; `start` where none does. */
export function scalarEnd(text: string, start: number): number {
  if (text[start] === '"') return stringEnd(text, start);
  let end = start;
  while (end < text.length && !'{}[],: \t\n\r"'.includes(text[end] ?? "")) end += 1;
  return end;
}

function push(open: Open[], next: Open): void {
  place(open, next.kind === "array" ? next.items : next.fields);
  open.push(next);
}

function place(open: readonly Open[], value: JsonValue): void {
  const top = open.at(-1);
  if (top?.kind === "array") top.items.push(value);
  else if (top?.kind === "object" && top.key === null) top.key = typeof value === "string" ? value : null;
  else if (top?.kind === "object" && top.key !== null) {
    // Defined, not assigned: a key named __proto__ is a key.
    Object.defineProperty(top.fields, top.key, { value, writable: true, enumerable: true, configurable: true });
    top.key = null;
  }
}
