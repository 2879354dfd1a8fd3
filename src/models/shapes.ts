// Parts of a stranger's JSON by their expected type, and what could not be said in another dialect.

import { isObject, oneLine, type JsonObject, type JsonValue } from "../kernel/index.ts";
import type { WireFault } from "./peer.ts";

/** A mutable draft of an object that is to be written. */
export type Draft = Record<string, JsonValue>;

/** What a dialect cannot say ends the translation; caught where the translation began. */
export class Untranslatable extends Error {}

/** What cannot be said is refused by name, never left out. */
export function untranslatable(reason: string): never {
  throw new Untranslatable(oneLine(reason, 300));
}

export function translated<T>(translate: () => T): T | WireFault {
  try {
    return translate();
  } catch (error) {
    if (error instanceof Untranslatable) return { kind: "malformed", reason: error.message };
    throw error;
  }
}

export function isFault(value: object): value is WireFault {
  return "kind" in value && (value.kind === "malformed" || value.kind === "too-long") && "reason" in value;
}

/** The value under a key of its own; undefined for none and for null, which bodies use alike. */
export function at(object: JsonObject, key: string): JsonValue | undefined {
  return (Object.hasOwn(object, key) ? object[key] : undefined) ?? undefined;
}

export function objectAt(object: JsonObject, key: string): JsonObject | null {
  const value = at(object, key);
  return isObject(value) ? value : null;
}

export function listAt(object: JsonObject, key: string): readonly JsonValue[] {
  const value = at(object, key);
  return isList(value) ? value : [];
}

export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function objectsAt(object: JsonObject, key: string): readonly JsonObject[] {
  return listAt(object, key).filter((item) => isObject(item));
}

export function stringAt(object: JsonObject, key: string): string | null {
  const value = at(object, key);
  return typeof value === "string" ? value : null;
}

export function numberAt(object: JsonObject, key: string): number | null {
  const value = at(object, key);
  return typeof value === "number" ? value : null;
}

/** A list of objects, or the body is refused. */
export function mustObjects(value: JsonValue | undefined, what: string): readonly JsonObject[] {
  if (value === undefined) return [];
  if (!isList(value)) return untranslatable(`${what} is no list`);
  return value.map((item) => mustObject(item, `an entry of ${what}`));
}

export function mustObject(value: JsonValue | undefined, what: string): JsonObject {
  return isObject(value) ? value : untranslatable(`${what} is no object`);
}

export function mustString(value: JsonValue | undefined, what: string): string {
  return typeof value === "string" ? value : untranslatable(`${what} is no text`);
}

/** Fields that are not known by name are refused: what they would change, nobody here can say. */
export function onlyKnown(object: JsonObject, known: readonly string[], what: string): void {
  const unknown = Object.keys(object).find((key) => !known.includes(key) && at(object, key) !== undefined);
  if (unknown !== undefined) untranslatable(`${what} has '${unknown}', which this model's dialect cannot say`);
}
