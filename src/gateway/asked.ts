// How a server's question looks to the program that is asked, and which kinds of questions the server may count on.

import { isObject, textAt, type Caller, type JsonObject } from "../kernel/index.ts";
import { META, type PeerCall, type RpcReply } from "../mcp/index.ts";
import type { Case } from "./case.ts";

/** What the owner declared in the stack. */
export function asksOf({ policy, server }: Case): readonly string[] {
  return policy.stack.servers[server]?.asks ?? [];
}

/** What a call says of who made it. Of what a program can be asked, the server learns what the owner declared. */
export function offersOf(one: Case, caller: Caller | null): Pick<PeerCall, "group" | "capabilities" | "meta"> {
  const level = caller?.logLevel ?? null;
  return {
    group: one.session.id,
    capabilities: caller === null ? {} : offered(caller.capabilities, asksOf(one)),
    ...(level === null ? {} : { meta: { [META.logLevel]: level } }),
  };
}

export function refused(message: string | null): RpcReply {
  return { kind: "error", code: -32_000, message: message ?? "refused" };
}

/** Of what the protocol names; addresses to open are never passed on. */
const OFFERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["elicitation", ["form"]],
  ["sampling", ["context", "tools"]],
  ["roots", ["listChanged"]],
]);

/** Made anew: what a program writes there is nobody's argument, and would reach the server unseen. */
function offered(capabilities: JsonObject, declared: readonly string[]): JsonObject {
  const kinds = declared.flatMap((kind) => {
    const given = capabilities[kind];
    if (!isObject(given)) return [];
    const named = (OFFERS.get(kind) ?? []).filter((name) => isObject(given[name]) || given[name] === true);
    return [[kind, Object.fromEntries(named.map((name) => [name, given[name] === true || {}]))] as const];
  });
  return Object.fromEntries(kinds);
}

/** A person who is shown a form must see whose it is: the words in it may claim anything. */
export function asItIsShown(server: string, method: string, params: JsonObject): JsonObject {
  if (method !== "elicitation/create") return params;
  const said = textAt(params, "message") ?? "";
  return { ...params, message: `[Untrusted: asked by the server '${server}', not by Freehold] ${said}` };
}
