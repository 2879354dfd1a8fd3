// How a server's question looks to the program that is asked, and which kinds of questions the server may count on.

import { isObject, textAt, type JsonObject } from "../kernel/index.ts";

/** Of what the program can be asked, what the owner declared. Addresses to open are never passed on. */
export function offered(capabilities: JsonObject, declared: readonly string[]): JsonObject {
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
