// JSON schemas as the grammar of llama.cpp takes them. The grammar fills in every property that is named: right for an
// answer, but a tool's argument that may be left out becomes one that may be null, and such a null is taken out again.

import { isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { at, isList, listAt, numberAt, objectAt, objectsAt, stringAt, untranslatable, type Draft } from "./shapes.ts";

const DEPTH_MAX = 24;
/** Each repetition is a rule of the grammar. */
const REPEATS_MAX = 1_000;
const BASIC = ["string", "number", "integer", "boolean", "null"];
const FORMATS = ["date-time", "time", "date"];
const ANYTHING: JsonObject = {
  oneOf: [
    { type: ["string", "number", "boolean", "null"] },
    { type: "object", additionalProperties: true },
    { type: "array", items: { type: ["string", "number", "boolean", "null"] } },
  ],
};

interface Within {
  readonly depth: number;
  /** What may be left out may be null. */
  readonly isArgument: boolean;
}

/** Bounds on numbers and patterns are not in it: who needs them checks the answer. */
export function answerSchema(schema: JsonObject): JsonObject {
  return grammarSchema(schema, { depth: 0, isArgument: false });
}

export function argumentSchema(schema: JsonObject): JsonObject {
  return grammarSchema(schema, { depth: 0, isArgument: true });
}

function grammarSchema(schema: JsonValue | undefined, above: Within): JsonObject {
  const within = { ...above, depth: above.depth + 1 };
  if (within.depth > DEPTH_MAX) return untranslatable(`a schema is nested deeper than ${DEPTH_MAX}`);
  if (!isObject(schema) || at(schema, "$ref") !== undefined) return ANYTHING;
  const described = stringAt(schema, "description");
  return { ...shapeOf(schema, within), ...(described === null ? {} : { description: described }) };
}

function shapeOf(schema: JsonObject, within: Within): JsonObject {
  const fixed = at(schema, "const");
  if (fixed !== undefined) return isBasic(fixed) ? { const: fixed } : ANYTHING;
  const listed = listAt(schema, "enum");
  if (listed.length > 0) return { enum: listed.filter(isBasic) };
  const choices = [...objectsAt(schema, "anyOf"), ...objectsAt(schema, "oneOf")];
  if (choices.length > 0) return { oneOf: choices.map((one) => grammarSchema(one, within)) };
  const [only, ...others] = objectsAt(schema, "allOf");
  if (only !== undefined) {
    return others.length === 0 ? grammarSchema(only, within) : untranslatable("this model cannot keep 'allOf'");
  }
  const type = at(schema, "type");
  if (isList(type)) return { oneOf: type.map((one) => shapeOf({ ...schema, type: one }, within)) };
  if (type === "object" || (type === undefined && objectAt(schema, "properties") !== null)) {
    return objectShape(schema, within);
  }
  if (type === "array") return arrayShape(schema, within);
  if (type === "string") return stringShape(schema);
  return typeof type === "string" && BASIC.includes(type) ? { type } : ANYTHING;
}

function objectShape(schema: JsonObject, within: Within): JsonObject {
  const properties = objectAt(schema, "properties") ?? {};
  const more = at(schema, "additionalProperties");
  const shaped = Object.entries(properties).map(([name, one]): [string, JsonObject] => {
    const shape = grammarSchema(one, within);
    return [name, within.isArgument && isOptional(schema, name) ? { oneOf: [shape, { type: "null" }] } : shape];
  });
  // Without named properties anything is meant, unless it is said that nothing is.
  const isOpen = more === true || (more === undefined && shaped.length === 0);
  const rest = isObject(more) ? grammarSchema(more, within) : isOpen;
  return { type: "object", properties: Object.fromEntries(shaped), additionalProperties: rest };
}

function arrayShape(schema: JsonObject, within: Within): JsonObject {
  const draft: Draft = { type: "array", items: grammarSchema(at(schema, "items"), within) };
  return { ...draft, ...repeats(schema, ["minItems", "maxItems"]) };
}

function stringShape(schema: JsonObject): JsonObject {
  const format = stringAt(schema, "format");
  if (format !== null && FORMATS.includes(format)) return { type: "string", format };
  return { type: "string", ...repeats(schema, ["minLength", "maxLength"]) };
}

function repeats(schema: JsonObject, keys: readonly string[]): JsonObject {
  const found = keys.map((key) => [key, numberAt(schema, key)] as const);
  return Object.fromEntries(found.filter(([, count]) => count !== null && count >= 0 && count <= REPEATS_MAX));
}

function isBasic(value: JsonValue): boolean {
  return value === null || typeof value !== "object";
}

function isOptional(schema: JsonObject, name: string): boolean {
  return !listAt(schema, "required").includes(name);
}

/** What the model wrote, without the nulls that only the grammar wanted. */
export function withoutFilling(value: JsonValue, schema: JsonValue | undefined): JsonValue {
  if (!isObject(schema)) return value;
  if (isList(value)) return value.map((one) => withoutFilling(one, at(schema, "items")));
  const properties = objectAt(schema, "properties");
  if (!isObject(value) || properties === null) return value;
  const kept = Object.entries(value).filter(
    ([name, one]) => one !== null || !isOptional(schema, name) || allowsNull(properties[name]),
  );
  return Object.fromEntries(kept.map(([name, one]) => [name, withoutFilling(one, properties[name])]));
}

function allowsNull(schema: JsonValue | undefined): boolean {
  if (!isObject(schema)) return true;
  const { type, const: fixed } = schema;
  const listed = listAt(schema, "enum");
  if (fixed !== undefined || listed.length > 0) return fixed === null || listed.includes(null);
  const choices = [...objectsAt(schema, "anyOf"), ...objectsAt(schema, "oneOf")];
  if (type === undefined) return choices.length === 0 || choices.some(allowsNull);
  return type === "null" || (Array.isArray(type) && type.includes("null"));
}
