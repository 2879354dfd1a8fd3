// Two input schemas: what a caller must do otherwise, what passes that did not, and what is only written otherwise.

import { canonical, isObject, oneLine, type JsonObject, type JsonValue } from "../kernel/index.ts";
import type { GradedChange } from "./grades.ts";

type Schema = JsonValue | undefined;

const DEPTH_MAX = 12;
const FOUND_MAX = 100;
/** Words about a value, not conditions on it. */
const ANNOTATING = new Set(["$schema", "$id", "$comment", "examples", "deprecated", "readOnly", "writeOnly"]);
const TEXTS = new Set(["description", "title"]);
const LOWER_BOUNDS = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];
const UPPER_BOUNDS = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];

export function diffSchemas(was: Schema, is: Schema): readonly GradedChange[] {
  if (isEmptied(was, is)) {
    const lost = Object.keys(propertiesOf(was)).map(shown).join(", ");
    return [
      { grade: "breaking", says: `serves an empty input schema: ${lost} ${lost.includes(",") ? "are" : "is"} gone` },
    ];
  }
  return diffAt({ was, is, path: "", depth: 0 }).slice(0, FOUND_MAX);
}

/** It named arguments, and now says nothing by which a call could be judged. */
export function isEmptied(was: Schema, is: Schema): boolean {
  return Object.keys(propertiesOf(was)).length > 0 && Object.keys(propertiesOf(is)).length === 0;
}

interface At {
  readonly was: Schema;
  readonly is: Schema;
  /** Dotted, from the arguments; empty for the whole. */
  readonly path: string;
  readonly depth: number;
}

function diffAt(at: At): readonly GradedChange[] {
  const { path, depth } = at;
  if (canonical(at.was ?? null) === canonical(at.is ?? null)) return [];
  const [was, is] = [isObject(at.was) ? at.was : null, isObject(at.is) ? at.is : null];
  if (was === null || is === null || depth > DEPTH_MAX) return [breaking(path, "is described in another way")];
  const found = [
    ...diffProperties(was, is, at),
    ...diffTypes(was, is, path),
    ...diffEnums(was, is, path),
    ...diffBounds(was, is, path),
    ...diffExtra(was, is, path),
    ...(was["items"] === undefined && is["items"] === undefined
      ? []
      : diffAt({ was: was["items"], is: is["items"], path: `${path}[]`, depth: depth + 1 })),
    ...diffRest(was, is, path),
  ];
  return found.length > 0 ? found : [{ grade: "notation", says: `${whole(path)} written otherwise` }];
}

function diffProperties(was: JsonObject, is: JsonObject, { path, depth }: At): readonly GradedChange[] {
  const [before, after] = [propertiesOf(was), propertiesOf(is)];
  const [must, mustNow] = [requiredOf(was), requiredOf(is)];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name): readonly GradedChange[] => {
    const inner = path === "" ? name : `${path}.${name}`;
    const isNew = !Object.hasOwn(before, name);
    if (!Object.hasOwn(after, name)) return [breaking(inner, "is gone")];
    if (mustNow.has(name) && !must.has(name))
      return [breaking(inner, isNew ? "is new and required" : "is required now")];
    if (isNew) return [{ grade: "expanded", says: `${shown(inner)} is a new optional argument` }];
    const eased: readonly GradedChange[] =
      must.has(name) && !mustNow.has(name) ? [{ grade: "loosened", says: `${shown(inner)} may be left out now` }] : [];
    return [...eased, ...diffAt({ was: before[name], is: after[name], path: inner, depth: depth + 1 })];
  });
}

function diffTypes(was: JsonObject, is: JsonObject, path: string): readonly GradedChange[] {
  const [before, after] = [typesOf(was), typesOf(is)];
  if (before === null && after === null) return [];
  if (before === null) return [breaking(path, `must be ${after?.join(" or ")} now`)];
  if (after === null) return [loosened(path, "may be of any type")];
  const [lost, won] = [minus(before, after), minus(after, before)];
  return [
    ...(lost.length === 0 ? [] : [breaking(path, `may no longer be ${lost.join(" or ")}`)]),
    ...(won.length === 0 ? [] : [loosened(path, `may be ${won.join(" or ")} too`)]),
  ];
}

function typesOf(schema: JsonObject): readonly string[] | null {
  const { type } = schema;
  const all = typeof type === "string" ? [type] : Array.isArray(type) ? type.map(String) : null;
  return all?.includes("number") === true ? [...new Set([...all, "integer"])] : all;
}

function diffEnums(was: JsonObject, is: JsonObject, path: string): readonly GradedChange[] {
  const values = (schema: JsonObject): readonly string[] | null => {
    const listed = Array.isArray(schema["enum"]) ? schema["enum"] : "const" in schema ? [schema["const"]] : null;
    return listed === null ? null : listed.map((value: JsonValue | undefined) => canonical(value ?? null));
  };
  const [before, after] = [values(was), values(is)];
  if (before === null && after === null) return [];
  if (before === null) return [breaking(path, `must be one of ${listed(after ?? [])}`)];
  if (after === null) return [loosened(path, "may be any value")];
  const [lost, won] = [minus(before, after), minus(after, before)];
  return [
    ...(lost.length === 0 ? [] : [breaking(path, `may no longer be ${listed(lost)}`)]),
    ...(won.length === 0 ? [] : [loosened(path, `may be ${listed(won)} too`)]),
  ];
}

function diffBounds(was: JsonObject, is: JsonObject, path: string): readonly GradedChange[] {
  return [...LOWER_BOUNDS, ...UPPER_BOUNDS].flatMap((name): readonly GradedChange[] => {
    const bound = (schema: JsonObject): number | null => (typeof schema[name] === "number" ? schema[name] : null);
    const [before, after] = [bound(was), bound(is)];
    if (before === after) return [];
    const sign = LOWER_BOUNDS.includes(name) ? 1 : -1;
    const isNarrower = after !== null && (before === null || (after - before) * sign > 0);
    return [
      isNarrower ? breaking(path, `has ${name} ${after}`) : loosened(path, `has ${name} ${after ?? "no longer"}`),
    ];
  });
}

function diffExtra(was: JsonObject, is: JsonObject, path: string): readonly GradedChange[] {
  const isClosed = (schema: JsonObject): boolean => schema["additionalProperties"] === false;
  if (isClosed(was) === isClosed(is)) return [];
  return [isClosed(is) ? breaking(path, "takes no further arguments") : loosened(path, "takes any further argument")];
}

const TOLD = new Set([
  ...["properties", "required", "type", "enum", "const", "items", "additionalProperties"],
  ...LOWER_BOUNDS,
  ...UPPER_BOUNDS,
]);

/** Conditions that are not compared part by part: any difference may break a caller. */
function diffRest(was: JsonObject, is: JsonObject, path: string): readonly GradedChange[] {
  return [...new Set([...Object.keys(was), ...Object.keys(is)])].flatMap((name): readonly GradedChange[] => {
    if (TOLD.has(name) || canonical(was[name] ?? null) === canonical(is[name] ?? null)) return [];
    if (TEXTS.has(name)) return [{ grade: "text", says: `${name} of ${whole(path).replace(/ is$/, "")} is other` }];
    // What is left out by a caller means something else now.
    if (name === "default") return [{ grade: "text", says: `${whole(path)} given another default` }];
    if (ANNOTATING.has(name)) return [{ grade: "notation", says: `${whole(path)} written with another ${name}` }];
    if (is[name] === undefined) return [loosened(path, `is no longer bound by ${oneLine(name, 40)}`)];
    return [breaking(path, `is bound by another ${oneLine(name, 40)}`)];
  });
}

function requiredOf(schema: JsonObject): ReadonlySet<string> {
  return new Set(Array.isArray(schema["required"]) ? schema["required"].map(String) : []);
}

function propertiesOf(schema: Schema): JsonObject {
  const properties = isObject(schema) ? schema["properties"] : undefined;
  return isObject(properties) ? properties : {};
}

/** Canonical texts, without the quotes that only programs need. */
function listed(values: readonly string[]): string {
  return oneLine(values.map((value) => value.replace(/^"(.*)"$/, "$1")).join(", "), 120);
}

function minus(from: readonly string[], taken: readonly string[]): readonly string[] {
  return from.filter((item) => !taken.includes(item));
}

function breaking(path: string, what: string): GradedChange {
  return { grade: "breaking", says: path === "" ? `its input ${what}` : `${shown(path)} ${what}` };
}

function loosened(path: string, what: string): GradedChange {
  return { ...breaking(path, what), grade: "loosened" };
}

function whole(path: string): string {
  return path === "" ? "its input is" : `${shown(path)} is`;
}

function shown(name: string): string {
  return `'${oneLine(name, 120)}'`;
}
