// What may come out of a text that is kept behind a handle: a boolean, a number, a date, or one of a few words given
// beforehand. Invariants: what comes out has the asked type exactly; no string of the text's own ever does.

import { isObject, type JsonValue } from "./json.ts";

export type ExtractType =
  | { readonly kind: "boolean" | "number" | "integer" | "date" }
  | { readonly kind: "enum"; readonly values: readonly string[] };

export type Extracted =
  | { readonly kind: "value"; readonly value: boolean | number | string }
  | { readonly kind: "refused"; readonly reason: string };

const DATE = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)?$/;
const ENUM_VALUES_MAX = 20;
const ENUM_VALUE = /^[\p{L}\p{N}][\p{L}\p{N} _-]{0,39}$/u;
const STEPS_MAX = 20;

/** `path` is dotted; a number in it picks from a list: `result.0.start`. */
export function extract(structured: JsonValue | undefined, path: string, type: ExtractType): Extracted {
  const words = type.kind === "enum" ? type.values : [];
  if (words.length > ENUM_VALUES_MAX || !words.every((word) => ENUM_VALUE.test(word))) {
    return { kind: "refused", reason: `an enum is at most ${ENUM_VALUES_MAX} short words` };
  }
  const found = structured === undefined ? undefined : at(structured, path);
  const value = found === undefined ? null : typed(found, type);
  return value === null
    ? { kind: "refused", reason: `there is no ${type.kind} at that path` }
    : { kind: "value", value };
}

function at(structured: JsonValue, path: string): JsonValue | undefined {
  let here: JsonValue | undefined = structured;
  const steps = path === "" ? [] : path.split(".");
  if (steps.length > STEPS_MAX) return undefined;
  for (const step of steps) {
    if (Array.isArray(here)) here = /^\d{1,6}$/.test(step) ? (here[Number(step)] as JsonValue | undefined) : undefined;
    else here = isObject(here) && Object.hasOwn(here, step) ? here[step] : undefined;
    if (here === undefined) return undefined;
  }
  return here;
}

function typed(value: JsonValue, type: ExtractType): boolean | number | string | null {
  switch (type.kind) {
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "number":
      return typeof value === "number" ? value : null;
    case "integer":
      return typeof value === "number" && Number.isSafeInteger(value) ? value : null;
    case "date":
      return typeof value === "string" && DATE.test(value) ? value : null;
    case "enum":
      return typeof value === "string" && type.values.includes(value) ? value : null;
  }
}
