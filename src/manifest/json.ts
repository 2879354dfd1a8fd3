// Strict JSON whose values know their line. Lines are looked up only when there is a problem to report.

import { findNodeAtLocation, parseTree, type Node, type ParseError } from "jsonc-parser";
import { Fault, isObject, parseStrict, type JsonValue } from "../kernel/index.ts";
import { childPath, faultOf, finish, type Content, type SourceDocument, type SourceNode } from "./reading.ts";
import type { SourceText } from "./yaml.ts";

type Path = readonly (string | number)[];

export function readJson<T>(source: SourceText & { readonly bytesMax: number }, read: (root: SourceNode) => T): T {
  const { text, file } = source;
  if (Buffer.byteLength(text) > source.bytesMax) {
    const limit = `${Math.floor(source.bytesMax / 1024 / 1024)} MB`;
    throw new Fault("manifest.too-large", { at: `${file}:1`, message: `the file is larger than ${limit}.` });
  }
  const parsed = parseStrict(text);
  if (parsed.kind === "refused") {
    const message = `not accepted as JSON: ${parsed.reason}.`;
    throw faultOf(file, { code: "manifest.syntax", line: faultLine(text), message, next: null });
  }
  const document: SourceDocument = { file, problems: [] };
  let tree: Node | undefined;
  const lineAt = (path: Path): number => {
    tree ??= parseTree(text);
    const found = tree === undefined ? undefined : findNodeAtLocation(tree, [...path]);
    return lineOfOffset(text, found?.parent?.type === "property" ? found.parent.offset : (found?.offset ?? 0));
  };
  return finish(node({ document, value: parsed.value, path: [], said: "", lineAt }), read);
}

interface Place {
  readonly document: SourceDocument;
  readonly value: JsonValue;
  readonly path: Path;
  readonly said: string;
  readonly lineAt: (path: Path) => number;
}

function node(place: Place): SourceNode {
  let content: Content | undefined;
  return {
    document: place.document,
    path: place.said,
    plain: place.value,
    get line() {
      return place.lineAt(place.path);
    },
    get content() {
      content ??= contentOf(place);
      return content;
    },
  };
}

function contentOf(place: Place): Content {
  const { value } = place;
  if (Array.isArray(value)) {
    return value.map((item: JsonValue, index) =>
      node({ ...place, value: item, path: [...place.path, index], said: `${place.said}[${index}]` }),
    );
  }
  if (isObject(value)) {
    return new Map(
      Object.entries(value).map(([key, item]) => {
        const child = node({ ...place, value: item, path: [...place.path, key], said: childPath(place.said, key) });
        return [key, child] as const;
      }),
    );
  }
  return value as Content;
}

function faultLine(text: string): number {
  const errors: ParseError[] = [];
  let tree: Node | undefined;
  try {
    tree = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  } catch {
    // Nested so deep that the stack ends; the line is a convenience only.
    return 1;
  }
  const first = errors[0];
  if (first !== undefined) return lineOfOffset(text, first.offset);
  return tree === undefined ? 1 : lineOfOffset(text, repeatedKey(tree, 0) ?? 0);
}

function repeatedKey(tree: Node, depth: number): number | null {
  const seen = new Set<unknown>();
  if (depth > 200) return tree.offset;
  for (const child of tree.children ?? []) {
    if (child.type === "property") {
      const key: unknown = child.children?.[0]?.value;
      if (seen.has(key) || key === "__proto__") return child.offset;
      seen.add(key);
    }
    const inner = repeatedKey(child, depth + 1);
    if (inner !== null) return inner;
  }
  return null;
}

function lineOfOffset(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
