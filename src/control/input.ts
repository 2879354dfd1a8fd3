// Fields of an operation's input. What is missing or of another type is the caller's fault and says which field.

import { Fault, isObject, type JsonObject } from "../kernel/index.ts";

const TEXT_LENGTH_MAX = 2_000_000;

export function text(input: JsonObject, field: string): string {
  const value = input[field];
  if (typeof value !== "string" || value.length > TEXT_LENGTH_MAX) throw wrong(field, "a text");
  return value;
}

export function maybeText(input: JsonObject, field: string): string | null {
  return input[field] === undefined || input[field] === null ? null : text(input, field);
}

export function maybeNumber(input: JsonObject, field: string): number | null {
  const value = input[field];
  if (value === undefined || value === null) return null;
  if (typeof value !== "number" || !Number.isFinite(value)) throw wrong(field, "a number");
  return value;
}

export function texts(input: JsonObject, field: string): readonly string[] {
  const value = input[field] ?? [];
  if (!Array.isArray(value) || value.length > 1_000) throw wrong(field, "a list of texts");
  return value.map((item: unknown) => {
    if (typeof item !== "string") throw wrong(field, "a list of texts");
    return item;
  });
}

export function textMap(input: JsonObject, field: string): Readonly<Record<string, string>> {
  const value = input[field] ?? {};
  if (!isObject(value)) throw wrong(field, "a map of texts");
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (typeof item !== "string") throw wrong(field, "a map of texts");
      return [key, item];
    }),
  );
}

export function maybeObject(input: JsonObject, field: string): JsonObject | null {
  const value = input[field];
  if (value === undefined || value === null) return null;
  if (!isObject(value)) throw wrong(field, "an object");
  return value;
}

function wrong(field: string, expected: string): Fault {
  return new Fault("control.input", { message: `'${field}' must be ${expected}.` });
}
