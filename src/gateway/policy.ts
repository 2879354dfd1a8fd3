// The accepted policy in the form the door reads: cards and rules by tool, definitions from the lock.

import { indexRules, type Digest, type JsonObject, type RuleIndex, type ToolCard } from "../kernel/index.ts";
import { pinsOf, PLAIN_VIEW, type Policy, type Stack, type StackLock } from "../manifest/index.ts";
import { memoryServer, memoryServerName } from "./memory-server.ts";
import { compileSchema, type SchemaCheck } from "./schema.ts";

export interface PinnedTool {
  readonly server: string;
  /** As the server names it. */
  readonly name: string;
  readonly definition: JsonObject;
  readonly check: SchemaCheck;
}

/** What is listed: everything, or a search beside the tools named here. */
export type Listing = { readonly names: "full" | "short" } & (
  | { readonly kind: "direct" }
  | { readonly kind: "search"; readonly beside: readonly string[] }
);

export interface ActivePolicy {
  readonly digest: Digest;
  readonly stack: Stack;
  readonly lock: StackLock;
  readonly cards: ReadonlyMap<string, ToolCard>;
  readonly rules: RuleIndex;
  readonly tools: ReadonlyMap<string, PinnedTool>;
  /** By full tool name, pseudo-tools included. */
  readonly pins: ReadonlyMap<string, Digest>;
}

export function activate(accepted: Policy): ActivePolicy {
  const policy = withMemory(accepted);
  const tools = new Map<string, PinnedTool>();
  const pins = new Map<string, Digest>();
  for (const [server, locked] of Object.entries(policy.lock.servers)) {
    for (const definition of locked.surface.tools) {
      const name = typeof definition["name"] === "string" ? definition["name"] : "";
      if (name === "") continue;
      tools.set(`${server}.${name}`, {
        server,
        name,
        definition,
        check: compileSchema(definition["inputSchema"]),
      });
    }
    for (const [tool, pin] of pinsOf(server, locked.surface)) pins.set(tool, pin);
  }
  const { digest, stack, lock, cards, rules } = policy;
  return { digest, stack, lock, cards, rules: indexRules(rules), tools, pins };
}

/** Freehold's own server for what is remembered in each compartment. */
function withMemory(policy: Policy): Policy {
  const own = Object.keys(policy.stack.compartments).map((one) => [memoryServerName(one), memoryServer(one)] as const);
  const [declared, locked] = [
    own.map(([name, server]) => [name, server.declared] as const),
    own.map(([name, server]) => [name, server.locked] as const),
  ];
  const cards = own.flatMap(([, server]) => server.cards.map((card) => [card.tool, card] as const));
  return {
    ...policy,
    stack: { ...policy.stack, servers: { ...policy.stack.servers, ...Object.fromEntries(declared) } },
    lock: { ...policy.lock, servers: { ...policy.lock.servers, ...Object.fromEntries(locked) } },
    cards: new Map([...policy.cards, ...cards]),
  };
}

/** What a client is listed: by default every tool it may see. */
export function listingOf(stack: Stack, kind: string, name: string): Listing {
  const client = kind === "client" && Object.hasOwn(stack.clients, name) ? stack.clients[name] : undefined;
  const { view, direct, names } = client ?? PLAIN_VIEW;
  return view === "direct" ? { kind: "direct", names } : { kind: "search", beside: direct, names };
}

/** A client may be shown what its compartments allow; the owner's own agent everything it can be cleared for. */
export function receiverClearance(stack: Stack, kind: string, name: string): readonly string[] {
  if (kind === "client") return Object.hasOwn(stack.clients, name) ? (stack.clients[name]?.compartments ?? []) : [];
  // Freehold's own reads only look whether a server answers; what it answers stays nowhere.
  if (kind === "owner" || kind === "agent" || kind === "freehold") return Object.keys(stack.compartments);
  return [];
}
