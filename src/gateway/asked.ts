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

/** Addresses to open are never passed on. */
function offered(capabilities: JsonObject, declared: readonly string[]): JsonObject {
  const kept = Object.entries(capabilities).filter(([kind]) => declared.includes(kind));
  return Object.fromEntries(
    kept.map(([kind, value]) => [kind, kind === "elicitation" && isObject(value) ? formsOnly(value) : value]),
  );
}

function formsOnly({ url: _url, ...rest }: JsonObject): JsonObject {
  return rest;
}

/** A person who is shown a form must see whose it is: the words in it may claim anything. */
export function asItIsShown(server: string, method: string, params: JsonObject): JsonObject {
  if (method !== "elicitation/create") return params;
  const said = textAt(params, "message") ?? "";
  return { ...params, message: `[Untrusted: asked by the server '${server}', not by Freehold] ${said}` };
}
