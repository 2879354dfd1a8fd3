// Arguments against the pinned schema. Schemas come from strangers, so no pattern of theirs is ever run:
// a pattern can be made to hang, and the server checks its own patterns anyway.

import { Validator, type Schema } from "@cfworker/json-schema";
import { isObject, oneLine, type JsonObject, type JsonValue } from "../kernel/index.ts";

/** What does not fit, or null. */
export type SchemaCheck = (args: JsonObject) => string | null;

const DEPTH_MAX = 40;
/** Under these keys stand values, not schemas. */
const LITERAL: ReadonlySet<string> = new Set(["const", "enum", "default", "examples"]);

/** Compiled at the first call: a stack may pin hundreds of tools of which few are used. */
export function compileSchema(schema: JsonValue | undefined): SchemaCheck {
  let validator: Validator | null = null;
  return (args) => {
    if (schema === undefined || schema === true) return null;
    if (!isObject(schema)) return "the pinned schema is not an object";
    try {
      validator ??= new Validator(withoutPatterns(schema, 0) as Schema, dialect(schema), true);
      const outcome = validator.validate(args);
      if (outcome.valid) return null;
      const first = outcome.errors.at(-1);
      return oneLine(`${first?.instanceLocation ?? "#"}: ${first?.error ?? "does not fit"}`, 300);
    } catch (error) {
      return `the pinned schema cannot be checked: ${oneLine(String(error), 200)}`;
    }
  };
}

function dialect(schema: JsonObject): "7" | "2019-09" | "2020-12" {
  const named = typeof schema["$schema"] === "string" ? schema["$schema"] : "";
  if (named.includes("draft-07")) return "7";
  return named.includes("2019-09") ? "2019-09" : "2020-12";
}

function withoutPatterns(value: JsonValue, depth: number): JsonValue {
  if (depth > DEPTH_MAX) throw new Error("nested too deep");
  if (Array.isArray(value)) return value.map((item: JsonValue) => withoutPatterns(item, depth + 1));
  if (!isObject(value)) return value;
  const hasKeyPatterns = isObject(value["patternProperties"]);
  const kept: [string, JsonValue][] = [];
  for (const [key, item] of Object.entries(value)) {
    if ((key === "pattern" || key === "format") && typeof item === "string") continue;
    if (hasKeyPatterns && ["patternProperties", "additionalProperties", "unevaluatedProperties"].includes(key))
      continue;
    if (LITERAL.has(key)) kept.push([key, item]);
    else if (key === "properties" && isObject(item)) kept.push([key, eachProperty(item, depth)]);
    else kept.push([key, withoutPatterns(item, depth + 1)]);
  }
  return Object.fromEntries(kept);
}

/** Under `properties` the keys are names of arguments: one called "pattern" or "format" stays. */
function eachProperty(properties: JsonObject, depth: number): JsonObject {
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, withoutPatterns(schema, depth + 1)]),
  );
}
