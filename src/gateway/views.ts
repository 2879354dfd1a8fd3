// What a client sees: pinned and accepted definitions from the lock, under wire names, within its compartments.

import { isObject, PROMPTS, RESOURCES, sha256, textAt, type JsonObject, type Surface } from "../kernel/index.ts";
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

interface Draft {
  readonly policy: ActivePolicy;
  readonly tools: JsonObject[];
  readonly prompts: JsonObject[];
  readonly resources: JsonObject[];
  readonly templates: JsonObject[];
  readonly toolOf: Map<string, string>;
  readonly promptOf: Map<string, { server: string; name: string }>;
  readonly owners: { readonly server: string; readonly prefix: string; readonly isExact: boolean }[];
}

export function viewFor(policy: ActivePolicy, clearance: readonly string[]): View {
  const draft: Draft = {
    policy,
    tools: [RESULT_DEFINITION],
    prompts: [],
    resources: [],
    templates: [],
    toolOf: new Map(),
    promptOf: new Map(),
    owners: [],
  };
  for (const server of Object.keys(policy.stack.servers).toSorted()) {
    const compartment = policy.stack.servers[server]?.compartment ?? "";
    const surface = policy.lock.servers[server]?.surface;
    if (surface === undefined || !clearance.includes(compartment)) continue;
    addTools(draft, server, surface);
    if (isAccepted(policy, `${server}.${PROMPTS}`)) addPrompts(draft, server, surface);
    if (isAccepted(policy, `${server}.${RESOURCES}`)) addResources(draft, server, surface);
  }
  const { tools, prompts, resources, templates, toolOf, promptOf, owners } = draft;
  const serverOf = (uri: string): string | null =>
    owners.find((owner) => (owner.isExact ? uri === owner.prefix : uri.startsWith(owner.prefix)))?.server ?? null;
  return { tools, prompts, resources, templates, toolOf, promptOf, serverOf };
}

function addTools(draft: Draft, server: string, surface: Surface): void {
  for (const definition of surface.tools) {
    const name = textAt(definition, "name") ?? "";
    const tool = `${server}.${name}`;
    if (!isAccepted(draft.policy, tool)) continue;
    const wire = freeName(wireName(server, name), tool, draft.toolOf);
    draft.toolOf.set(wire, tool);
    draft.tools.push({ ...definition, name: wire });
  }
}

function addPrompts(draft: Draft, server: string, surface: Surface): void {
  for (const prompt of surface.prompts) {
    const name = textAt(prompt, "name") ?? "";
    const wire = wireName(server, name);
    if (draft.promptOf.has(wire)) continue;
    draft.promptOf.set(wire, { server, name });
    draft.prompts.push({ ...prompt, name: wire });
  }
}

function addResources(draft: Draft, server: string, surface: Surface): void {
  for (const resource of surface.resources) {
    draft.owners.push({ server, prefix: textAt(resource, "uri") ?? "", isExact: true });
    draft.resources.push(resource);
  }
  for (const template of surface.templates) {
    const uri = textAt(template, "uriTemplate") ?? "";
    draft.owners.push({ server, prefix: uri.split("{")[0] ?? uri, isExact: false });
    draft.templates.push(template);
  }
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

export function objectField(value: JsonObject, key: string): JsonObject | null {
  const field = value[key] ?? {};
  return isObject(field) ? field : null;
}
