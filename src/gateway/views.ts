// What a client sees: pinned and accepted definitions from the lock, under wire names, within its compartments.

import { isObject, PROMPTS, RESOURCES, sha256, type JsonObject } from "../kernel/index.ts";
import type { ActivePolicy } from "./policy.ts";

export interface View {
  readonly tools: readonly JsonObject[];
  readonly prompts: readonly JsonObject[];
  readonly resources: readonly JsonObject[];
  readonly templates: readonly JsonObject[];
  /** Wire name to the door's tool. */
  readonly toolOf: ReadonlyMap<string, string>;
  readonly promptOf: ReadonlyMap<string, { readonly server: string; readonly name: string }>;
  /** The server a resource belongs to, by its address or the prefix of a template. */
  serverOf(uri: string): string | null;
}

const WIRE_NAME_MAX = 64;
export const RESULT_TOOL = "freehold_result";

const RESULT_DEFINITION: JsonObject = {
  name: RESULT_TOOL,
  title: "What became of a question",
  description: "Result of a call that waits for the owner. Give the question's name. Do not repeat the call itself.",
  inputSchema: {
    type: "object",
    properties: { question: { type: "string", description: "For example 7KQ" } },
    required: ["question"],
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true, openWorldHint: false },
};

export function viewFor(policy: ActivePolicy, clearance: readonly string[]): View {
  const tools: JsonObject[] = [RESULT_DEFINITION];
  const prompts: JsonObject[] = [];
  const resources: JsonObject[] = [];
  const templates: JsonObject[] = [];
  const toolOf = new Map<string, string>();
  const promptOf = new Map<string, { server: string; name: string }>();
  const owners: { readonly server: string; readonly prefix: string; readonly isExact: boolean }[] = [];
  const servers = Object.entries(policy.stack.servers).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [server, declared] of servers) {
    const surface = policy.lock.servers[server]?.surface;
    if (surface === undefined || !clearance.includes(declared.compartment)) continue;
    for (const definition of surface.tools) {
      const name = String(definition["name"]);
      const tool = `${server}.${name}`;
      if (!isAccepted(policy, tool)) continue;
      const wire = freeName(wireName(server, name), tool, toolOf);
      toolOf.set(wire, tool);
      tools.push({ ...definition, name: wire });
    }
    if (isAccepted(policy, `${server}.${PROMPTS}`)) {
      for (const prompt of surface.prompts) {
        const name = String(prompt["name"]);
        const wire = wireName(server, name);
        if (promptOf.has(wire)) continue;
        promptOf.set(wire, { server, name });
        prompts.push({ ...prompt, name: wire });
      }
    }
    if (isAccepted(policy, `${server}.${RESOURCES}`)) {
      for (const resource of surface.resources) {
        owners.push({ server, prefix: String(resource["uri"]), isExact: true });
        resources.push(resource);
      }
      for (const template of surface.templates) {
        const uri = String(template["uriTemplate"]);
        owners.push({ server, prefix: uri.split("{")[0] ?? uri, isExact: false });
        templates.push(template);
      }
    }
  }
  const serverOf = (uri: string): string | null =>
    owners.find((owner) => (owner.isExact ? uri === owner.prefix : uri.startsWith(owner.prefix)))?.server ?? null;
  return { tools, prompts, resources, templates, toolOf, promptOf, serverOf };
}

function isAccepted(policy: ActivePolicy, tool: string): boolean {
  const pin = policy.pins.get(tool);
  return pin !== undefined && policy.cards.get(tool)?.pin === pin;
}

/** `server__tool` in the letters every client takes; what is cut or changed keeps six digits of its hash. */
export function wireName(server: string, name: string): string {
  const plain = `${server}__${name}`;
  const safe = plain.replace(/[^A-Za-z0-9_-]/g, "_");
  if (safe === plain && safe.length <= WIRE_NAME_MAX) return safe;
  return `${safe.slice(0, WIRE_NAME_MAX - 7)}_${sha256(plain).slice(0, 6)}`;
}

/** Two tools never share a name: the second keeps a piece of its hash. */
function freeName(wire: string, tool: string, taken: ReadonlyMap<string, string>): string {
  if (!taken.has(wire)) return wire;
  return `${wire.slice(0, WIRE_NAME_MAX - 7)}_${sha256(tool).slice(0, 6)}`;
}

export function textContent(text: string): JsonObject {
  return { content: [{ type: "text", text }], isError: true };
}

export function stringField(value: JsonObject, key: string): string | null {
  const field = value[key];
  return typeof field === "string" ? field : null;
}

export function objectField(value: JsonObject, key: string): JsonObject | null {
  const field = value[key] ?? {};
  return isObject(field) ? field : null;
}
