// A parsed document in which every value knows its line, and readers that note problems instead of stopping.
// One document gives one Fault, the problem on its lowest line; a value with a problem never leaves finish().

import { Fault, oneLine, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { didYouMean } from "./nearest.ts";

export interface Problem {
  readonly code: string;
  readonly line: number;
  readonly message: string;
  readonly next: string | null;
}

export interface SourceDocument {
  readonly file: string;
  readonly problems: Problem[];
}

export type Content = string | number | boolean | null | readonly SourceNode[] | ReadonlyMap<string, SourceNode>;

export interface SourceNode {
  readonly document: SourceDocument;
  /** As an owner would say it: `servers.files.args`. */
  readonly path: string;
  /** Of the key for a map's entry, of the item in a list. */
  readonly line: number;
  readonly content: Content;
  /** The plain value where the source format has one at hand. */
  readonly plain?: JsonValue;
}

export interface Fields {
  get(name: string): SourceNode | undefined;
  /** A missing field was reported already; what stands for it here is never used. */
  need(name: string): SourceNode;
}

type Read<T> = (node: SourceNode) => T;

export function finish<T>(root: SourceNode, read: Read<T>): T {
  const value = read(root);
  const first = root.document.problems.toSorted((a, b) => rank(a) - rank(b))[0];
  if (first !== undefined) throw faultOf(root.document.file, first);
  return value;
}

/** A missing key comes after the rest: a misspelt one further down is the better news. */
function rank(problem: Problem): number {
  return problem.code === "manifest.missing-key" ? Number.MAX_SAFE_INTEGER : problem.line;
}

export function faultOf(file: string, problem: Problem): Fault {
  const details = { at: `${file}:${problem.line}`, message: problem.message };
  return new Fault(problem.code, problem.next === null ? details : { ...details, next: problem.next });
}

export function report(node: SourceNode, problem: { code: string; message: string; next?: string }): void {
  node.document.problems.push({
    code: `manifest.${problem.code}`,
    line: node.line,
    message: problem.message,
    next: problem.next ?? null,
  });
}

/** Where a parsed thing was written, for checks across files. Weak: it keeps nothing alive longer than the thing. */
const PLACES = new WeakMap<object, () => string>();

export function remember<T extends object>(node: SourceNode, value: T): T {
  const { file } = node.document;
  if (node.plain === undefined) {
    const place = `${file}:${node.line}`;
    PLACES.set(value, () => place);
  } else {
    // Lines of JSON cost a second parse, which only a problem is worth.
    PLACES.set(value, () => `${file}:${node.line}`);
  }
  return value;
}

export function placeOf(value: object, otherwise: string): string {
  return PLACES.get(value)?.() ?? otherwise;
}

export function fields(
  node: SourceNode,
  names: { readonly required: readonly string[]; readonly optional: readonly string[] },
): Fields {
  const entries = mapContent(node);
  const known = [...names.required, ...names.optional];
  for (const [name, child] of entries) {
    if (known.includes(name)) continue;
    const hint = didYouMean(name, known) || ` Known here: ${known.join(", ")}.`;
    report(child, { code: "unknown-key", message: `unknown key '${short(name)}'${whereOf(node)}.${hint}` });
  }
  if (entries !== NO_ENTRIES) {
    for (const name of names.required.filter((wanted) => !entries.has(wanted))) {
      report(node, { code: "missing-key", message: `'${name}' is missing${whereOf(node)}.` });
    }
  }
  // Reading on in what is missing would report one mistake twice.
  const nowhere = { file: node.document.file, problems: [] };
  const missing = { document: nowhere, path: node.path, line: node.line, content: null };
  return { get: (name) => entries.get(name), need: (name) => entries.get(name) ?? missing };
}

export function maybe<T, F>(node: SourceNode | undefined, otherwise: F, read: Read<T>): T | F {
  return node === undefined ? otherwise : read(node);
}

export interface TextLimits {
  readonly pattern?: RegExp;
  /** What is expected, for the message: `a date such as 2027-02-20`. */
  readonly expected?: string;
  readonly lengthMax?: number;
}

/** The value itself stays out of the message: it may be a secret in the wrong place. */
export function textOf(node: SourceNode, limits: TextLimits = {}): string {
  const text = node.content;
  if (typeof text !== "string") {
    const quote = typeof text === "number" || typeof text === "boolean" ? " Put it in quotes." : "";
    wrongType(node, limits.expected ?? "a text", quote);
    return "";
  }
  const tooLong = text.length > (limits.lengthMax ?? 4096);
  if (tooLong || (limits.pattern !== undefined && !limits.pattern.test(text))) {
    const expected = limits.expected ?? `a text of at most ${limits.lengthMax ?? 4096} characters`;
    report(node, { code: "bad-value", message: `${nameOf(node)} must be ${expected}.` });
  }
  return text;
}

export function oneOf<T extends string>(node: SourceNode, choices: readonly [T, ...T[]]): T {
  const text = node.content;
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  const hint = typeof text === "string" ? didYouMean(text, choices) : "";
  report(node, { code: "bad-value", message: `${nameOf(node)} must be one of ${choices.join(", ")}.${hint}` });
  return choices[0];
}

export function flagOf(node: SourceNode): boolean {
  if (typeof node.content !== "boolean") wrongType(node, "true or false", "");
  return node.content === true;
}

export function numberOf(
  node: SourceNode,
  limits: { readonly min: number; readonly max: number; readonly whole: boolean },
): number {
  const value = node.content;
  if (typeof value !== "number") {
    wrongType(node, limits.whole ? "a whole number" : "a number", "");
    return limits.min;
  }
  if (value < limits.min || value > limits.max || (limits.whole && !Number.isInteger(value))) {
    const kind = limits.whole ? "a whole number" : "a number";
    report(node, {
      code: "bad-value",
      message: `${nameOf(node)} must be ${kind} from ${limits.min} to ${limits.max}.`,
    });
  }
  return value;
}

export function listOf<T>(node: SourceNode, read: Read<T>): readonly T[] {
  if (!isList(node.content)) {
    wrongType(node, "a list", typeof node.content === "string" ? " Put it in [ ]." : "");
    return [];
  }
  return node.content.map((item) => read(item));
}

/** A list of names or texts in which nothing stands twice. */
export function setOf(node: SourceNode, limits: TextLimits = {}): readonly string[] {
  const seen = new Set<string>();
  return listOf(node, (item) => {
    const text = textOf(item, limits);
    if (seen.has(text)) report(item, { code: "duplicate", message: `'${short(text)}' stands twice${whereOf(node)}.` });
    seen.add(text);
    return text;
  });
}

export function mapOf<T>(
  node: SourceNode,
  keys: { readonly pattern: RegExp; readonly expected: string },
  read: (node: SourceNode, key: string) => T,
): Readonly<Record<string, T>> {
  const entries: [string, T][] = [];
  for (const [key, child] of mapContent(node)) {
    if (!keys.pattern.test(key)) {
      report(child, { code: "bad-name", message: `'${short(key)}' must be ${keys.expected}${whereOf(node)}.` });
    }
    entries.push([key, read(child, key)]);
  }
  return Object.fromEntries(entries);
}

/** Any JSON value; what JSON cannot carry was refused when the document was read. */
export function valueOf(node: SourceNode): JsonValue {
  if (node.plain !== undefined) return node.plain;
  const content = node.content;
  if (isList(content)) return content.map((item) => valueOf(item));
  if (isMap(content)) return objectOf(node);
  return content;
}

export function objectOf(node: SourceNode): JsonObject {
  return Object.fromEntries(Array.from(mapContent(node), ([key, child]) => [key, valueOf(child)]));
}

export function isList(content: Content): content is readonly SourceNode[] {
  return Array.isArray(content);
}

export function isMap(content: Content): content is ReadonlyMap<string, SourceNode> {
  return content instanceof Map;
}

const NO_ENTRIES: ReadonlyMap<string, SourceNode> = new Map();

export function mapContent(node: SourceNode): ReadonlyMap<string, SourceNode> {
  if (isMap(node.content)) return node.content;
  wrongType(node, "a map of names to values", node.content === null && node.path !== "" ? " Write {} for none." : "");
  return NO_ENTRIES;
}

export function childPath(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

export function nameOf(node: SourceNode): string {
  return node.path === "" ? "the file" : `'${short(node.path)}'`;
}

export function whereOf(node: SourceNode): string {
  return node.path === "" ? "" : ` in '${short(node.path)}'`;
}

export function short(text: string): string {
  return oneLine(text, 80);
}

function wrongType(node: SourceNode, expected: string, hint: string): void {
  const content = node.content;
  let is: string = typeof content;
  if (content === null) is = "nothing";
  else if (isList(content)) is = "a list";
  else if (isMap(content)) is = "a map";
  else if (typeof content === "string") is = "a text";
  else is = typeof content === "number" ? "a number" : "true or false";
  report(node, { code: "wrong-type", message: `${nameOf(node)} must be ${expected}, but is ${is}.${hint}` });
}
