// The cases of the bench of tools: recorded definitions, what an owner asks for, and arguments that a schema takes.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isObject, textAt, type JsonValue } from "../../src/kernel/index.ts";

export const TOOL_CASES = join(import.meta.dirname, "..", "cases", "tools");

export interface Query {
  readonly query: string;
  readonly tools: readonly string[];
}

export function readQueries(file: string): readonly Query[] {
  const read: unknown = JSON.parse(readFileSync(join(TOOL_CASES, file), "utf8"));
  const list: JsonValue | undefined = isObject(read) ? read["queries"] : undefined;
  if (!Array.isArray(list)) throw new Error(`${file} holds no queries`);
  return list.map((item: JsonValue): Query => {
    if (!isObject(item) || !Array.isArray(item["tools"])) throw new Error(`${file}: a query without tools`);
    return { query: textAt(item, "query") ?? "", tools: item["tools"].filter((tool) => typeof tool === "string") };
  });
}

/** What a schema asks for and no more, with texts of a usual length. */
export function sampleOf(schema: JsonValue | undefined): JsonValue {
  if (!isObject(schema)) return SAMPLE_TEXT;
  const { type, properties } = schema;
  if (Array.isArray(schema["enum"])) return firstOf(schema["enum"]);
  if (type === "array") return [sampleOf(schema["items"])];
  if (type === "number" || type === "integer") return 12;
  if (type === "boolean") return true;
  if (type !== "object" || !isObject(properties)) return type === "object" ? {} : SAMPLE_TEXT;
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const wanted = required.filter((name) => typeof name === "string");
  return Object.fromEntries(wanted.map((name) => [name, sampleOf(properties[name])]));
}

function firstOf(values: readonly JsonValue[]): JsonValue {
  return values[0] ?? null;
}

const SAMPLE_TEXT = "notes about the boiler in the cellar";
