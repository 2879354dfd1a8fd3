// Arguments for a rehearsal, made from a tool's schema alone: the same for each version, and nobody's data.

import { isObject, textAt, type JsonObject, type JsonValue, type Surface } from "../kernel/index.ts";

export interface PracticeCall {
  /** How it is called in reports: the tool, and which arguments. */
  readonly label: string;
  readonly tool: string;
  /** `${files}` stands for the folder that a run lends the server. */
  readonly args: JsonObject;
  /** What only reads is called twice, so that what is never the same is known. */
  readonly isRead: boolean;
}

export const FILES = "${files}";
export const SAMPLE = "freehold.txt";

const TOOLS_MAX = 64;
const DEPTH_MAX = 6;
const FOLDER_TOOL = /(?:^|[_-])(?:list|tree|search|find|create|dir(?:ectory)?|folder)/i;
const FILE_TOOL = /file/i;
const FOLDER = /(?:^|[_-])(?:dir|directory|folder|root|cwd)(?:$|[_-])|(?:Dir|Directory|Folder|Root)$/;
const PATH = /path|file(?:name)?$|^(?:source|destination|uri)$/i;
const EMAIL = /(?:^|[_-])(?:to|cc|bcc|from|reply[_-]?to|e?mail|recipients?|sender|address)(?:$|[_-])|[eE]mail/;
const ADDRESS = /ur[li]$|^(?:link|endpoint|href|website|host)$/i;
const DATE = /date|(?:^|[_-])(?:day|since|until|start|end|due)(?:$|[_-])/i;

/** What only reads stands first: it sees what the others have not touched yet. Resources are not called. */
export function practiceCalls(surface: Surface, isRead: (tool: string) => boolean): readonly PracticeCall[] {
  const calls = surface.tools.slice(0, TOOLS_MAX).flatMap((definition): readonly PracticeCall[] => {
    const tool = textAt(definition, "name") ?? "";
    const schema = isObject(definition["inputSchema"]) ? definition["inputSchema"] : {};
    const few = argsFor(schema, { tool, which: "required", depth: 0 });
    const all = argsFor(schema, { tool, which: "all", depth: 0 });
    const shared = { tool, isRead: isRead(tool) };
    const first = { ...shared, label: tool, args: few };
    return JSON.stringify(few) === JSON.stringify(all)
      ? [first]
      : [first, { ...shared, label: `${tool} with all arguments`, args: all }];
  });
  return [...calls.filter((call) => call.isRead), ...calls.filter((call) => !call.isRead)];
}

function argsFor(schema: JsonObject, place: Omit<Place, "name">): JsonObject {
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const names = Object.keys(properties).filter((name) => place.which === "all" || required.includes(name));
  return Object.fromEntries(
    names.map((name) => {
      const property = properties[name];
      return [name, valueFor(isObject(property) ? property : {}, { ...place, name })];
    }),
  );
}

interface Place {
  readonly name: string;
  readonly tool: string;
  readonly which: "required" | "all";
  readonly depth: number;
}

function valueFor(schema: JsonObject, place: Place): JsonValue {
  const { depth } = place;
  if ("const" in schema) return schema["const"] ?? null;
  const [first] = listIn(schema, "enum");
  if (first !== undefined) return first;
  const choice = [...listIn(schema, "anyOf"), ...listIn(schema, "oneOf")].find(isObject);
  if (choice !== undefined && depth < DEPTH_MAX) return valueFor(choice, { ...place, depth: depth + 1 });
  const type = listIn(schema, "type")[0] ?? schema["type"];
  switch (type) {
    case "boolean":
      return true;
    case "integer":
    case "number":
      return numberFor(schema, place.name);
    case "array": {
      const items = isObject(schema["items"]) ? schema["items"] : { type: "string" };
      return depth < DEPTH_MAX ? [valueFor(items, { ...place, depth: depth + 1 })] : [];
    }
    case "object":
      return depth < DEPTH_MAX ? argsFor(schema, { ...place, depth: depth + 1 }) : {};
    default:
      return textFor(schema, place);
  }
}

function listIn(schema: JsonObject, field: string): readonly JsonValue[] {
  const list = schema[field] ?? null;
  return isList(list) ? list : [];
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Small: a number may be seconds or steps. */
function numberFor(schema: JsonObject, name: string): number {
  const least = typeof schema["minimum"] === "number" ? schema["minimum"] : 1;
  const above = typeof schema["exclusiveMinimum"] === "number" ? schema["exclusiveMinimum"] + 1 : 1;
  const most = typeof schema["maximum"] === "number" ? schema["maximum"] : Infinity;
  return Math.min(most, Math.max(least, above, /line|head|tail|limit|count/i.test(name) ? 2 : 1));
}

function textFor(schema: JsonObject, { name, tool }: Place): string {
  const format = textAt(schema, "format") ?? "";
  if (typeof schema["default"] === "string") return schema["default"];
  if (format === "email") return "rehearsal@example.org";
  if (format === "date-time") return "2026-01-02T10:00:00Z";
  if (format === "date") return "2026-01-02";
  if (format === "uri" || ADDRESS.test(name)) return "https://example.org/rehearsal";
  if (FOLDER.test(name)) return FILES;
  if (PATH.test(name)) return pathFor(name, tool);
  if (EMAIL.test(name)) return "rehearsal@example.org";
  if (DATE.test(name)) return "2026-01-02";
  const text = /pattern|query|search|oldText/i.test(name) ? "sample" : "rehearsal";
  const length = typeof schema["minLength"] === "number" ? Math.min(schema["minLength"], 1_000) : 0;
  return text.padEnd(length, "x");
}

function pathFor(name: string, tool: string): string {
  if (name === "destination") return `${FILES}/freehold-moved.txt`;
  if (/create/i.test(tool) && FOLDER_TOOL.test(tool)) return `${FILES}/made`;
  return FOLDER_TOOL.test(tool) && !FILE_TOOL.test(tool) ? FILES : `${FILES}/${SAMPLE}`;
}
