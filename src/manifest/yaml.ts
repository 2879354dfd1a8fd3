// YAML as data only: one document, string keys, no anchors, aliases, tags or directives, no key twice.

import { isAlias, isMap as isYamlMap, isScalar, isSeq, LineCounter, parseDocument, type Node } from "yaml";
import { Fault, parseStrict, reasonOf } from "../kernel/index.ts";
import { childPath, faultOf, finish, short, type Content, type SourceDocument, type SourceNode } from "./reading.ts";

const BYTES_MAX = 1024 * 1024;
const DEPTH_MAX = 32;

export interface SourceText {
  readonly text: string;
  readonly file: string;
}

/** Runs `read` over the document; the first problem, by line, is thrown as a Fault. Nothing is repaired. */
export function readYaml<T>(source: SourceText, read: (root: SourceNode) => T): T {
  refuseText(source);
  const lines = new LineCounter();
  const root = parsed(source, lines);
  const document: SourceDocument = { file: source.file, problems: [] };
  return finish(convert({ node: root, document, lines, path: "", line: 1, depth: 0 }), read);
}

function refuse({ file }: SourceText, line: number, message: string): never {
  throw faultOf(file, { code: "manifest.syntax", line, message, next: null });
}

function refuseText(source: SourceText): void {
  const { text, file } = source;
  if (Buffer.byteLength(text) > BYTES_MAX) {
    throw new Fault("manifest.too-large", { at: `${file}:1`, message: "the file is larger than 1 MB." });
  }
  const lineAt = (index: number): number => text.slice(0, index).split("\n").length;
  if (text.startsWith("\ufeff")) refuse(source, 1, "the file starts with a byte order mark. Save it as UTF-8 without.");
  if (!text.isWellFormed()) refuse(source, 1, "the file holds half a character (a lone surrogate).");
  // oxlint-disable-next-line no-control-regex -- these are the characters to refuse
  const control = /[\0-\u0008\u000b\u000c\u000e-\u001f\u007f]/.exec(text);
  if (control !== null) refuse(source, lineAt(control.index), "a control character stands here.");
  const tab = /^ *\t/m.exec(text);
  if (tab !== null) refuse(source, lineAt(tab.index), "this line is indented with a tab. Use spaces.");
  const nested = /[[{](?:\s*[[{]){64}/.exec(text);
  if (nested !== null) refuse(source, lineAt(nested.index), "nested too deeply.");
  const directive = /^%/m.exec(text);
  if (directive !== null) refuse(source, lineAt(directive.index), "YAML directives (%) are not accepted.");
}

function parsed(source: SourceText, lines: LineCounter): Node | null {
  let document;
  try {
    document = parseDocument(source.text, {
      lineCounter: lines,
      schema: "core",
      merge: false,
      prettyErrors: false,
      // Its own check is quadratic in the keys of one map; ours is below.
      uniqueKeys: false,
    });
  } catch (error) {
    // Deep nesting exhausts the parser's stack.
    return refuse(source, 1, `the file cannot be read as YAML: ${short(reasonOf(error))}.`);
  }
  const error = [...document.errors, ...document.warnings].toSorted((a, b) => a.pos[0] - b.pos[0])[0];
  if (error !== undefined) {
    const line = Math.max(1, lines.linePos(error.pos[0]).line);
    if (error.code === "MULTIPLE_DOCS")
      refuse(source, line, "a second document starts here (---). One file, one document.");
    refuse(source, line, `not valid YAML: ${short(error.message)}.`);
  }
  return document.contents;
}

interface Place {
  readonly node: unknown;
  readonly document: SourceDocument;
  readonly lines: LineCounter;
  readonly path: string;
  readonly line: number;
  readonly depth: number;
}

function convert(place: Place): SourceNode {
  return { document: place.document, path: place.path, line: place.line, content: contentOf(place) };
}

function contentOf(place: Place): Content {
  const { node, depth } = place;
  if (node === null) return null;
  if (isAlias(node)) return note(place, "aliases (*name) are not accepted. Write the value out.");
  if (depth > DEPTH_MAX) return note(place, `nested deeper than ${DEPTH_MAX} levels.`);
  if (isYamlMap(node)) return mapEntries(place, node.items);
  if (isSeq(node)) {
    refuseDressing(place, node);
    return node.items.map((item, index) => {
      const path = `${place.path}[${index}]`;
      return convert({ ...place, node: item, path, line: lineOf(place, item), depth: depth + 1 });
    });
  }
  if (!isScalar(node)) return note(place, "this cannot be read.");
  refuseDressing(place, node);
  return scalar(place, node.value, node.source);
}

function mapEntries(place: Place, items: readonly { key: unknown; value: unknown }[]): Content {
  refuseDressing(place, place.node);
  const entries = new Map<string, SourceNode>();
  for (const { key, value } of items) {
    const line = lineOf(place, key);
    if (!isScalar(key) || typeof key.value !== "string") {
      note({ ...place, line }, "a key must be a text. Put numbers, true, false and null in quotes.");
      continue;
    }
    refuseDressing({ ...place, line }, key);
    const text = key.value;
    if (text === "__proto__") note({ ...place, line }, "the key __proto__ is not accepted.");
    if (entries.has(text)) {
      const message = `the key '${short(text)}' stands twice, first on line ${entries.get(text)?.line}.`;
      place.document.problems.push({ code: "manifest.duplicate-key", line, message, next: null });
    }
    entries.set(
      text,
      convert({ ...place, node: value, path: childPath(place.path, text), line, depth: place.depth + 1 }),
    );
  }
  return entries;
}

function scalar(place: Place, value: unknown, source: string | undefined): Content {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  const isJson = source !== undefined && /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(source);
  const isExact = typeof value === "number" && (Number.isSafeInteger(value) || (isJson && !Number.isInteger(value)));
  if (!isExact || (isJson && parseStrict(source).kind === "refused")) {
    return note(place, "this number cannot be kept exactly as written. Round it or put it in quotes.");
  }
  return value;
}

function refuseDressing(place: Place, node: unknown): void {
  if (typeof node !== "object" || node === null) return;
  if ("anchor" in node && node.anchor) note(place, "anchors (&name) are not accepted. Write the value out.");
  if ("tag" in node && node.tag) note(place, "tags (!name) are not accepted.");
}

function note(place: Place, message: string): null {
  place.document.problems.push({ code: "manifest.syntax", line: place.line, message, next: null });
  return null;
}

function lineOf(place: Place, node: unknown): number {
  if (typeof node !== "object" || node === null || !("range" in node) || !Array.isArray(node.range)) return place.line;
  const start: unknown = node.range[0];
  return typeof start === "number" ? Math.max(1, place.lines.linePos(start).line) : place.line;
}
