// JSON with comments and trailing commas, as most of these programs keep it: read, and changed entry by entry.

import {
  applyEdits,
  createScanner,
  findNodeAtLocation,
  modify,
  parse,
  parseTree,
  printParseErrorCode,
  type JSONPath,
  type ParseError,
} from "jsonc-parser";
import { Fault, isObject, reasonOf, type JsonObject, type JsonValue } from "../kernel/index.ts";

/** JSON with comments and trailing commas, as these programs accept it. */
export function readJson(file: string, text: string): JsonObject {
  const bare = text.replace(/^\ufeff/, "");
  if (bare.trim() === "") return {};
  const errors: ParseError[] = [];
  let value: unknown;
  try {
    value = parse(bare, errors, { allowTrailingComma: true, allowEmptyContent: true });
  } catch (error) {
    // Nested so deep that the parser's stack ends.
    throw new Fault("clients.unreadable", {
      at: file,
      message: `it cannot be read: ${reasonOf(error)}.`,
      cause: error,
    });
  }
  const first = errors[0];
  if (first === undefined && isObject(value)) return value;
  const line = first === undefined ? 1 : bare.slice(0, first.offset).split("\n").length;
  const reason = first === undefined ? "it is no JSON object" : `not valid JSON (${printParseErrorCode(first.error)})`;
  throw new Fault("clients.unreadable", {
    at: `${file}:${line}`,
    message: `${reason}. Nothing was changed.`,
    next: "Repair the file, then try again.",
  });
}

/** One value set, or removed with `undefined`; the rest of the text stays byte for byte. */
export function changedJson(text: string, path: JSONPath, value: JsonValue | undefined): string {
  const mark = text.startsWith("\ufeff") ? "\ufeff" : "";
  const bare = value === undefined ? withoutLoneComma(text.slice(mark.length), path) : text.slice(mark.length);
  const indent = /^(?:\s*[{[]\s*\n)([ \t]+)/.exec(bare)?.[1] ?? "  ";
  const formattingOptions = {
    insertSpaces: !indent.startsWith("\t"),
    tabSize: indent.startsWith("\t") ? 1 : indent.length,
    eol: bare.includes("\r\n") ? "\r\n" : "\n",
  };
  return mark + applyEdits(bare, modify(bare, path, value, { formattingOptions }));
}

/** The comma after an object's only entry would stay behind without it, which no parser takes. */
function withoutLoneComma(text: string, path: JSONPath): string {
  const tree = parseTree(text, [], { allowTrailingComma: true });
  const parent = tree === undefined ? undefined : findNodeAtLocation(tree, path.slice(0, -1));
  const [only, second] = parent?.children ?? [];
  if (parent === undefined || only === undefined || second !== undefined) return text;
  const start = only.offset + only.length;
  const scanner = createScanner(text.slice(start, parent.offset + parent.length - 1), true);
  scanner.scan();
  const comma = start + scanner.getTokenOffset();
  return text[comma] === "," ? text.slice(0, comma) + text.slice(comma + 1) : text;
}
