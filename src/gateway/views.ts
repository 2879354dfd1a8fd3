// What a client sees: pinned and accepted definitions from the lock, under wire names, within its compartments.

import {
  isObject,
  PROMPTS,
  RESOURCES,
  sha256,
  textAt,
  type Effect,
  type JsonObject,
  type Surface,
} from "../kernel/index.ts";
import { memoryCompartment } from "./memory-server.ts";
import { META_DEFINITIONS, openMetaTools, type MetaTools, type SeenTool } from "./meta-tools.ts";
import type { ActivePolicy, Listing } from "./policy.ts";

export interface View {
  /** As listed: all of them, or the few that stand for them. */
  readonly tools: readonly JsonObject[];
  readonly prompts: readonly JsonObject[];
  readonly resources: readonly JsonObject[];
  readonly templates: readonly JsonObject[];
  /** Wire name to each tool that may be called, listed or not. */
  readonly toolOf: ReadonlyMap<string, SeenTool>;
  /** Null in a view that lists all. */
  readonly meta: MetaTools | null;
  readonly promptOf: ReadonlyMap<string, { readonly server: string; readonly name: string }>;
  /** The server a resource belongs to, by its address or the prefix of a template. */
  serverOf(uri: string): string | null;
}

/** Clients put their own name for the server before ours, and models take names of at most 64 letters. */
const CLIENT_PREFIX = "mcp__freehold__";
const WIRE_NAME_MAX = 64 - CLIENT_PREFIX.length;
const HASH_DIGITS = 6;
export const RESULT_TOOL = "freehold_result";

const RESULT_DEFINITION: JsonObject = {
  name: RESULT_TOOL,
  title: "What became of a question",
  description: "Outcome of a call that waits for the owner, by its question. Do not repeat the call itself.",
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
  readonly nameOf: (server: string, name: string) => string;
  readonly seen: SeenTool[];
  readonly prompts: JsonObject[];
  readonly resources: JsonObject[];
  readonly templates: JsonObject[];
  readonly toolOf: Map<string, SeenTool>;
  readonly promptOf: Map<string, { server: string; name: string }>;
  readonly owners: { readonly server: string; readonly prefix: string; readonly isExact: boolean }[];
}

export function viewFor(policy: ActivePolicy, clearance: readonly string[], listing: Listing): View {
  const servers = Object.keys(policy.stack.servers)
    .toSorted()
    // The agent reaches it by two tools of its own; other programs have no part in it.
    .filter((server) => memoryCompartment(server) === null)
    .filter((server) => clearance.includes(policy.stack.servers[server]?.compartment ?? ""));
  const draft: Draft = {
    policy,
    nameOf: listing.names === "short" ? shortNames(policy, servers) : wireName,
    seen: [],
    prompts: [],
    resources: [],
    templates: [],
    toolOf: new Map(),
    promptOf: new Map(),
    owners: [],
  };
  for (const server of servers) {
    const surface = policy.lock.servers[server]?.surface;
    if (surface === undefined) continue;
    addTools(draft, server, surface);
    if (isAccepted(policy, `${server}.${PROMPTS}`)) addPrompts(draft, server, surface);
    if (isAccepted(policy, `${server}.${RESOURCES}`)) addResources(draft, server, surface);
  }
  const { seen, prompts, resources, templates, toolOf, promptOf, owners } = draft;
  const serverOf = (uri: string): string | null =>
    owners.find((owner) => (owner.isExact ? uri === owner.prefix : uri.startsWith(owner.prefix)))?.server ?? null;
  return { ...listed(seen, listing), prompts, resources, templates, toolOf, promptOf, serverOf };
}

function listed(seen: readonly SeenTool[], listing: Listing): Pick<View, "tools" | "meta"> {
  const definitions = (tools: readonly SeenTool[]): readonly JsonObject[] =>
    tools.map(({ definition, wire }) => ({ ...definition, name: wire }));
  if (listing.kind === "direct") return { tools: [RESULT_DEFINITION, ...definitions(seen)], meta: null };
  const beside = seen.filter(({ tool }) => listing.beside.includes(tool));
  return { tools: [...META_DEFINITIONS, RESULT_DEFINITION, ...definitions(beside)], meta: openMetaTools(seen) };
}

function addTools(draft: Draft, server: string, surface: Surface): void {
  for (const definition of surface.tools) {
    const name = textAt(definition, "name") ?? "";
    const tool = `${server}.${name}`;
    if (!isAccepted(draft.policy, tool)) continue;
    const wire = freeName(draft.nameOf(server, name), tool, draft.toolOf);
    const seen = { wire, tool, definition, cardWords: cardWords(draft.policy, tool) };
    draft.toolOf.set(wire, seen);
    draft.seen.push(seen);
  }
}

/** The effect first, as the card names it, then what it means and whose data it holds. */
function cardWords({ cards }: ActivePolicy, tool: string): string {
  const card = cards.get(tool);
  if (card === undefined) return "";
  const egress = Object.values(card.roles).includes("egress") ? ["web address"] : [];
  return [card.effect, EFFECT_WORDS[card.effect], ...egress, ...card.result.compartments].join(" ");
}

const EFFECT_WORDS: Readonly<Record<Effect, string>> = {
  read: "get show",
  "write-reversible": "change undo",
  write: "change",
  send: "message out",
  spend: "pay buy money",
  credential: "password login",
  exec: "run program",
};

function addPrompts(draft: Draft, server: string, surface: Surface): void {
  for (const prompt of surface.prompts) {
    const name = textAt(prompt, "name") ?? "";
    const wire = freeName(draft.nameOf(server, name), `${server}.${name}`, draft.promptOf);
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
  return safe === plain && safe.length <= WIRE_NAME_MAX ? safe : marked(safe, plain);
}

/** A name of its own for what no other server and not Freehold itself calls the same; the full one for the rest. */
function shortNames(policy: ActivePolicy, servers: readonly string[]): Draft["nameOf"] {
  const bearers = new Map<string, Set<string>>();
  for (const server of servers) {
    const { tools = [], prompts = [] } = policy.lock.servers[server]?.surface ?? {};
    for (const item of [...tools, ...prompts]) {
      const name = textAt(item, "name") ?? "";
      bearers.set(name, (bearers.get(name) ?? new Set()).add(server));
    }
  }
  const own = [RESULT_DEFINITION, ...META_DEFINITIONS].map((definition) => definition["name"]);
  const isPlain = (name: string): boolean => /^[A-Za-z0-9_-]+$/.test(name) && name.length <= WIRE_NAME_MAX;
  return (server, name) =>
    isPlain(name) && !own.includes(name) && bearers.get(name)?.size === 1 ? name : wireName(server, name);
}

/** Two tools never share a name, also where one was made to look like another's mark. */
function freeName(wire: string, tool: string, taken: ReadonlyMap<string, unknown>): string {
  let free = wire;
  for (let turn = 0; taken.has(free); turn += 1) free = marked(wire, `${tool} ${turn}`);
  return free;
}

function marked(name: string, of: string): string {
  return `${name.slice(0, WIRE_NAME_MAX - HASH_DIGITS - 1)}_${sha256(of).slice(0, HASH_DIGITS)}`;
}

export function textContent(text: string): JsonObject {
  return { content: [{ type: "text", text }], isError: true };
}

export function objectField(value: JsonObject, key: string): JsonObject | null {
  const field = value[key] ?? {};
  return isObject(field) ? field : null;
}
