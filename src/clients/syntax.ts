// One way to read and to change a configuration, whatever it is written in. A change is read back before it is given.

import { isDeepStrictEqual } from "node:util";
import { Fault, isObject, unreachable, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { changedJson, readJson } from "./json.ts";
import { readJson5 } from "./json5.ts";
import { changedToml, readToml } from "./toml.ts";
import { changedYaml, readYamlConfig } from "./yaml.ts";

export type Syntax = "json" | "json5" | "toml" | "yaml";

export interface ConfigText {
  readonly file: string;
  readonly syntax: Syntax;
  readonly text: string;
}

/** Throws `clients.unreadable` with the line. */
export function readConfig({ file, syntax, text }: ConfigText): JsonObject {
  switch (syntax) {
    case "json":
      return readJson(file, text);
    case "json5": {
      const value = readJson5(text);
      return isObject(value) ? value : readJson(file, text);
    }
    case "toml":
      return readToml(file, text);
    case "yaml":
      return readYamlConfig(file, text);
    default:
      return unreachable(syntax);
  }
}

/**
 * One value set, or removed with `undefined`; every other byte stays. Throws `clients.layout` where the file's layout
 * does not allow that.
 */
export function changedConfig(
  config: ConfigText,
  { path, value }: { readonly path: readonly string[]; readonly value: JsonValue | undefined },
): string {
  const before = readConfig(config);
  const existed = valueAt(before, path) !== undefined;
  const after = textWith(config, { path, value, existed });
  const expected = withValue(before, path, value);
  const isAsExpected =
    after !== null &&
    isDeepStrictEqual(withoutEmpty(readConfig({ ...config, text: after }), path), withoutEmpty(expected, path));
  if (after !== null && isAsExpected) return after;
  throw new Fault("clients.layout", {
    at: config.file,
    message: "its layout leaves no way to change one entry and nothing else, so it was not changed.",
    next: "Put the entry in by hand: freehold connect NAME --print",
  });
}

interface Change {
  readonly path: readonly string[];
  readonly value: JsonValue | undefined;
  readonly existed: boolean;
}

function textWith({ file, syntax, text }: ConfigText, { path, value, existed }: Change): string | null {
  switch (syntax) {
    case "json":
    case "json5": {
      const base = text.trim() === "" ? "{}\n" : text;
      try {
        readJson(file, base);
      } catch (error) {
        if (syntax === "json5" && error instanceof Fault) return null;
        throw error;
      }
      return changedJson(base, [...path], value);
    }
    case "toml":
      return changedToml({ file, text, path, value });
    case "yaml":
      return changedYaml({ text, path, value, existed });
    default:
      return unreachable(syntax);
  }
}

export function valueAt(top: JsonObject, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = top;
  for (const key of path) value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

function withValue(top: JsonObject, path: readonly string[], value: JsonValue | undefined): JsonObject {
  const [key, ...rest] = path;
  if (key === undefined) return top;
  const entries = Object.entries(top);
  const below = rest.length === 0 ? value : withValue(objectOr(top, key), rest, value);
  const others = entries.filter(([name]) => name !== key);
  return Object.fromEntries(below === undefined ? others : [...others, [key, below]]);
}

function objectOr(top: JsonObject, key: string): JsonObject {
  const below = Object.hasOwn(top, key) ? top[key] : undefined;
  return isObject(below) ? below : {};
}

/** TOML knows no empty table that nobody named, so emptiness along the path makes no difference. */
function withoutEmpty(top: JsonObject, path: readonly string[]): JsonObject {
  const [key, ...rest] = path;
  if (key === undefined || !Object.hasOwn(top, key)) return top;
  const below = top[key];
  const pruned = isObject(below) && rest.length > 0 ? withoutEmpty(below, rest) : below;
  const isEmpty = rest.length > 0 && (pruned === null || (isObject(pruned) && Object.keys(pruned).length === 0));
  const others = Object.entries(top).filter(([name]) => name !== key);
  return Object.fromEntries(isEmpty || pruned === undefined ? others : [...others, [key, pruned]]);
}
