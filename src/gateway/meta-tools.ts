// The few tools that stand for many: find one, read about it, call it. They answer from the view, which holds pinned
// and accepted definitions of what this client may see; a call goes to the door as the tool it names.

import { isObject, parseStrict, textAt, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { indexTools, type ToolIndex } from "./find-tools.ts";
import { cut, isWhole, parametersOf, signatureOf } from "./signature.ts";

export const FIND_TOOL = "freehold_find";
export const DESCRIBE_TOOL = "freehold_describe";
export const CALL_TOOL = "freehold_call";

const FOUND_MAX = 5;
const SAID_LENGTH_MAX = 110;
const OPTIONAL_OF_FIRST_MAX = 6;
const OPTIONAL_OF_HINT_MAX = 30;
const DESCRIPTION_LENGTH_MAX = 2_000;
const SCHEMA_LENGTH_MAX = 64_000;
const SERVERS_NAMED_MAX = 50;

/** What the view holds of one tool. */
export interface SeenTool {
  /** On the wire. */
  readonly wire: string;
  /** `server.tool`. */
  readonly tool: string;
  readonly definition: JsonObject;
  /** Words of the card: what it does, whose data, where it reaches. */
  readonly cardWords: string;
}

/** Never changes between two calls of one release, so that a prompt cache keeps what stands before it. */
export const META_DEFINITIONS: readonly JsonObject[] = [
  {
    name: FIND_TOOL,
    description: "Find tools by what they do. Lists name(arguments): purpose.",
    inputSchema: { type: "object", properties: { query: { type: "string" } }, required: ["query"] },
    annotations: { readOnlyHint: true },
  },
  {
    name: DESCRIBE_TOOL,
    description: "All about one found tool. Needed only where its arguments are not clear.",
    inputSchema: { type: "object", properties: { tool: { type: "string" } }, required: ["tool"] },
    annotations: { readOnlyHint: true },
  },
  {
    name: CALL_TOOL,
    description: "Call a found tool.",
    inputSchema: {
      type: "object",
      properties: { tool: { type: "string" }, arguments: { type: "object" } },
      required: ["tool", "arguments"],
    },
  },
];

export interface MetaTools {
  find(query: string): string;
  describe(tool: SeenTool): string;
  /** A hint for a name that the view does not have: " Did you mean …?", or nothing. */
  nearest(name: string): string;
}

/** Of the call's inner tool, in one line: for arguments that did not fit. */
export function argumentsHint(definition: JsonObject): string {
  return `It takes (${signatureOf(parametersOf(definition), OPTIONAL_OF_HINT_MAX)}).`;
}

/** The inner arguments: an object, or one written as text, as some models do. Null where they are neither. */
export function innerArguments(value: JsonValue | undefined): JsonObject | null {
  if (value === undefined) return {};
  if (isObject(value)) return value;
  if (typeof value !== "string") return null;
  const parsed = parseStrict(value);
  return parsed.kind === "value" && isObject(parsed.value) ? parsed.value : null;
}

export function openMetaTools(seen: readonly SeenTool[]): MetaTools {
  const byWire = new Map(seen.map((tool) => [tool.wire, tool]));
  let index: ToolIndex | null = null;
  const search = (query: string, countMax: number): readonly SeenTool[] => {
    // Built when it is first needed: a client that lists all its tools never does.
    index ??= indexTools(seen.map(findable));
    return index.find(query, countMax).flatMap((wire) => byWire.get(wire) ?? []);
  };
  return {
    find(query) {
      const found = search(query, FOUND_MAX);
      return found.length === 0 ? nothingFound(seen) : found.map(foundLine).join("\n");
    },
    describe: described,
    nearest(name) {
      const near = search(name, 3).map((tool) => tool.wire);
      return near.length === 0 ? "" : ` Did you mean ${near.join(", ")}?`;
    },
  };
}

function findable({ wire, tool, definition, cardWords }: SeenTool): Parameters<typeof indexTools>[0][number] {
  const [purpose, more] = split(definition);
  const all = parametersOf(definition);
  const parameters = all.map((one) => one.name).join(" ");
  const hints = all.map((one) => `${one.type} ${one.hint}`).join(" ");
  const title = textAt(definition, "title") ?? "";
  return {
    name: wire,
    server: tool.slice(0, tool.indexOf(".")),
    fields: { name: `${tool} ${title}`, purpose, more, parameters, hints, card: cardWords },
  };
}

function foundLine({ wire, definition }: SeenTool, at: number): string {
  const signature = signatureOf(parametersOf(definition), at === 0 ? OPTIONAL_OF_FIRST_MAX : 0);
  return `${wire}(${signature}): ${purposeOf(definition)}`;
}

function purposeOf(definition: JsonObject): string {
  return cut(split(definition)[0], SAID_LENGTH_MAX);
}

/** The first sentence that says something, without signs before it, and the rest. */
function split(definition: JsonObject): readonly [string, string] {
  const text = (textAt(definition, "description") ?? textAt(definition, "title") ?? "").replace(/^[^\p{L}\p{N}]+/u, "");
  const end = /[.!?](?:\s|$)|\n/.exec(text)?.index ?? text.length;
  return [text.slice(0, end).trim(), text.slice(end + 1).trim()];
}

/** The description and each parameter with what is said of it; the schema itself where that says not all. */
function described({ wire, definition, cardWords }: SeenTool): string {
  const parameters = parametersOf(definition);
  const lines = parameters.map(
    ({ name, isRequired, type, hint }) => `${name}${isRequired ? "" : "?"}: ${type}${hint === "" ? "" : ` - ${hint}`}`,
  );
  const description = (textAt(definition, "description") ?? "").trim().slice(0, DESCRIPTION_LENGTH_MAX);
  const effect = cardWords.split(" ")[0] ?? "";
  const schema = JSON.stringify(definition["inputSchema"] ?? {});
  const rest = isWhole(parameters) || schema.length > SCHEMA_LENGTH_MAX ? "" : schema;
  return [`${wire} (${effect})`, description, ...lines, rest].filter((line) => line !== "").join("\n");
}

function nothingFound(seen: readonly SeenTool[]): string {
  const counts = new Map<string, number>();
  for (const { tool } of seen) {
    const server = tool.slice(0, tool.indexOf("."));
    counts.set(server, (counts.get(server) ?? 0) + 1);
  }
  const servers = [...counts].slice(0, SERVERS_NAMED_MAX).map(([server, count]) => `${server} ${count}`);
  return `Nothing fits. Try other words. Tools by server: ${servers.join(", ") || "none"}`;
}
