// A pinned input schema as a short signature, `path: string, tail?: number`, the form that models read and write best.
// What it cannot say exactly it leaves to the schema itself; it never says more than the schema does.

import { isObject, textAt, type JsonObject, type JsonValue } from "../kernel/index.ts";

const DEPTH_MAX = 5;
const CHOICES_MAX = 12;
const TYPE_LENGTH_MAX = 300;
const HINT_LENGTH_MAX = 160;
const PARAMETERS_MAX = 100;

export interface Parameter {
  readonly name: string;
  readonly isRequired: boolean;
  /** As TypeScript would write it. */
  readonly type: string;
  /** What the server says of it, one line. */
  readonly hint: string;
}

/** Required ones first, in the schema's order; empty for a schema without named parameters. */
export function parametersOf(definition: JsonObject): readonly Parameter[] {
  const schema = isObject(definition["inputSchema"]) ? definition["inputSchema"] : {};
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const all = Object.entries(properties).map(([name, value]): Parameter => {
    const hint = isObject(value) ? cut(textAt(value, "description") ?? "", HINT_LENGTH_MAX) : "";
    return {
      name: cut(name, 80),
      isRequired: required.includes(name),
      type: cut(typeText(value, schema, 0), TYPE_LENGTH_MAX),
      hint,
    };
  });
  return [...all.filter((one) => one.isRequired), ...all.filter((one) => !one.isRequired)].slice(0, PARAMETERS_MAX);
}

/** `owner, repo, title, body?, …`: strings without their type. */
export function signatureOf(parameters: readonly Parameter[], optionalMax: number): string {
  const required = parameters.filter((one) => one.isRequired);
  const optional = parameters.filter((one) => !one.isRequired);
  const shown = [...required, ...optional.slice(0, optionalMax)].map(
    ({ name, isRequired, type }) => `${name}${isRequired ? "" : "?"}${type === "string" ? "" : `: ${type}`}`,
  );
  return [...shown, ...(optional.length > optionalMax ? ["…"] : [])].join(", ");
}

/** On one line, with a sign where it was cut. */
export function cut(text: string, lengthMax: number): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > lengthMax ? `${line.slice(0, lengthMax).toWellFormed()}…` : line;
}

/** Whether the signature says all that the schema does of types; numbers' and texts' limits stand in the hints. */
export function isWhole(parameters: readonly Parameter[]): boolean {
  return parameters.length < PARAMETERS_MAX && parameters.every(({ type }) => !/\bany\b|…/.test(type));
}

function typeText(schema: JsonValue, root: JsonObject, depth: number): string {
  if (!isObject(schema) || depth > DEPTH_MAX) return "any";
  const reference = textAt(schema, "$ref");
  if (reference !== null) return typeText(referred(root, reference) ?? true, root, depth + 1);
  if ("const" in schema) return JSON.stringify(schema["const"]);
  if (Array.isArray(schema["enum"])) return choices(schema["enum"]);
  const several = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(several)) return union(several.map((one: JsonValue) => typeText(one, root, depth + 1)));
  const type = schema["type"];
  if (Array.isArray(type)) {
    return union(type.map((one: JsonValue) => typeText({ ...schema, type: one }, root, depth + 1)));
  }
  if (type === "array") {
    const item = typeText(schema["items"] ?? true, root, depth + 1);
    return /[ |]/.test(item) && !item.startsWith("{") ? `(${item})[]` : `${item}[]`;
  }
  if (type === "object" || isObject(schema["properties"])) return objectText(schema, root, depth);
  return typeof type === "string" ? type : "any";
}

function objectText(schema: JsonObject, root: JsonObject, depth: number): string {
  const properties = isObject(schema["properties"]) ? Object.entries(schema["properties"]) : [];
  if (properties.length === 0) return "object";
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const inner = properties.map(
    ([name, value]) => `${name}${required.includes(name) ? "" : "?"}: ${typeText(value, root, depth + 1)}`,
  );
  return `{${inner.join(", ")}}`;
}

function choices(values: readonly JsonValue[]): string {
  const shown = values.slice(0, CHOICES_MAX).map((value) => JSON.stringify(value));
  return union(values.length > CHOICES_MAX ? [...shown, "…"] : shown);
}

function union(types: readonly string[]): string {
  return [...new Set(types)].join("|");
}

/** Within the same schema alone; nothing is ever fetched. */
function referred(root: JsonObject, reference: string): JsonValue | null {
  if (!reference.startsWith("#/")) return null;
  let value: JsonValue = root;
  for (const part of reference.slice(2).split("/")) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (!isObject(value) || !Object.hasOwn(value, key)) return null;
    value = value[key] ?? null;
  }
  return value;
}
