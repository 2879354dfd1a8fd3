// Changes a YAML text by whole lines, so that every other byte, comments and layout included, stays as it was.
// Where the layout is another than the usual block style, the library's own writer is used instead.

import { isCollection, isMap, isNode, isPair, isScalar, isSeq, parseDocument, type Document, type Node } from "yaml";

export interface Spot {
  /** A top-level key. */
  readonly section: string;
  /** Name of the entry in a map, position in a list. */
  readonly key: string | number;
}

/** A map gets a new last entry; a list (`key` is ignored) a new last item. */
export function insertAt(text: string, spot: Spot, value: unknown): string {
  const document = open(text);
  const section = document.get(spot.section, true);
  const isList = typeof spot.key === "number";
  const lines = (indent: number): string => entryLines(isList ? [value] : { [spot.key]: value }, indent);
  const isFlow = isCollection(document.contents) && document.contents.flow === true;
  if (section === undefined && !isFlow) {
    const gap = text === "" || text.endsWith("\n") ? "" : "\n";
    return `${text}${gap}\n${spot.section}:\n${lines(2)}`;
  }
  if (isCollection(section) && section.range) {
    const [start, end] = section.range;
    if (section.items.length === 0) {
      const head = text.slice(0, start).trimEnd();
      const restOfLine = text.slice(end, endOfLine(text, end));
      return `${head}${restOfLine}\n${lines(2)}${text.slice(endOfLine(text, end) + 1)}`;
    }
    if (section.flow !== true) {
      const after = endOfLine(text, lastOffset(section) - 1);
      const gap = after === text.length && !text.endsWith("\n") ? "\n" : "";
      return `${text.slice(0, after + 1)}${gap}${lines(columnOf(text, start))}${text.slice(after + 1)}`;
    }
  }
  if (isList) document.addIn([spot.section], styled(document, value));
  else document.setIn([spot.section, spot.key], styled(document, value));
  return whole(document);
}

export function removeAt(text: string, spot: Spot): string {
  const document = open(text);
  const section = document.get(spot.section, true);
  if (isCollection(section) && section.flow !== true && section.range) {
    const index = isMap(section)
      ? section.items.findIndex((pair) => isScalar(pair.key) && pair.key.value === spot.key)
      : spot.key;
    const item: unknown = typeof index === "number" ? section.items[index] : undefined;
    const first = isPair(item) ? item.key : item;
    if (isNode(first) && first.range) {
      const start = startOfLine(text, first.range[0]);
      const end = endOfLine(text, lastOffset(item) - 1) + 1;
      const rest = text.slice(0, start) + text.slice(end);
      return section.items.length > 1 ? rest : emptied(rest, section.range[0], isSeq(section) ? "[]" : "{}");
    }
  }
  document.deleteIn([spot.section, spot.key]);
  return whole(document);
}

export function replaceText(text: string, path: readonly string[], value: string): string {
  const document = open(text);
  const node = document.getIn(path, true);
  if (isScalar(node) && node.range)
    return text.slice(0, node.range[0]) + JSON.stringify(value) + text.slice(node.range[1]);
  document.setIn(path, value);
  return whole(document);
}

function open(text: string): Document {
  return parseDocument(text, { schema: "core", merge: false });
}

function whole(document: Document): string {
  return document.toString({ lineWidth: 0 });
}

/** One line for each field, lists and maps inside a field on that line. */
function styled(document: Document, value: unknown): Node {
  const node = document.createNode(value, { aliasDuplicateObjects: false });
  flowBelow(node, 0);
  return node;
}

function flowBelow(node: unknown, depth: number): void {
  if (!isCollection(node)) return;
  if (depth > 0 || node.items.length === 0) node.flow = true;
  for (const item of node.items) flowBelow(isPair(item) ? item.value : item, depth + 1);
}

function entryLines(entry: unknown, indent: number): string {
  const document = open("");
  document.contents = document.createNode(entry, { aliasDuplicateObjects: false }) as typeof document.contents;
  if (isCollection(document.contents)) {
    for (const item of document.contents.items) flowBelow(isPair(item) ? item.value : item, 0);
  }
  const pad = " ".repeat(indent);
  return whole(document).replaceAll(/^(?=.)/gm, pad);
}

/** The end of what a node really holds; trailing comments do not count. */
function lastOffset(node: unknown): number {
  if (isPair(node)) {
    const end = lastOffset(node.value);
    return end === 0 ? lastOffset(node.key) : end;
  }
  if (!isNode(node) || !node.range) return 0;
  if (isCollection(node) && node.flow !== true && node.items.length > 0) return lastOffset(node.items.at(-1));
  return node.range[1];
}

/** `servers:` without entries would hold nothing, which is no map. */
function emptied(text: string, offset: number, empty: string): string {
  const colon = text.lastIndexOf(":", offset);
  return `${text.slice(0, colon + 1)} ${empty}${text.slice(colon + 1)}`;
}

function startOfLine(text: string, offset: number): number {
  return text.lastIndexOf("\n", offset - 1) + 1;
}

function endOfLine(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  return end === -1 ? text.length : end;
}

/** Of the first key of a map, or of the dash of a list. */
function columnOf(text: string, offset: number): number {
  return offset - startOfLine(text, offset);
}
