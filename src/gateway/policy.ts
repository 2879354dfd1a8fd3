// The accepted policy in the form the door reads: cards and rules by tool, definitions from the lock.

import { indexRules, type Digest, type JsonObject, type RuleIndex, type ToolCard } from "../kernel/index.ts";
import { pinsOf, PLAIN_VIEW, type Policy, type Stack, type StackLock } from "../manifest/index.ts";
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

export function activate(policy: Policy): ActivePolicy {
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

/** What a client is listed: by default every tool it may see. */
export function listingOf(stack: Stack, kind: string, name: string): Listing {
  const client = kind === "client" && Object.hasOwn(stack.clients, name) ? stack.clients[name] : undefined;
  const { view, direct, names } = client ?? PLAIN_VIEW;
  return view === "direct" ? { kind: "direct", names } : { kind: "search", beside: direct, names };
}

/** A client may be shown what its compartments allow; the owner's own agent everything it can be cleared for. */
export function receiverClearance(stack: Stack, kind: string, name: string): readonly string[] {
  if (kind === "client") return Object.hasOwn(stack.clients, name) ? (stack.clients[name]?.compartments ?? []) : [];
  if (kind === "owner" || kind === "agent") return Object.keys(stack.compartments);
  return [];
}
