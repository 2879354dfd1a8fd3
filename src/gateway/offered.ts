// What a client is offered beside tools: lists in pages, prompts, resources, completion, and being told of changes.

import { COMPLETION, isObject, PROMPTS, RESOURCES, textAt, type Door, type JsonObject } from "../kernel/index.ts";
import { CODES, LEGACY_LATEST, type RpcReply, type Served } from "../mcp/index.ts";
import type { ClientIdentity } from "./auth.ts";
import type { ActivePolicy } from "./policy.ts";
import { common, invalid, protocolReply } from "./replies.ts";
import { taskTools } from "./task-shapes.ts";
import { objectField, RESULT_TOOL, type View } from "./views.ts";

interface Parts {
  readonly door: Pick<Door, "call">;
  policy(): ActivePolicy;
}

type Call = Served<ClientIdentity>;

/** Larger than most views, so that most clients get all at once. */
const PAGE_ITEMS = 500;
const CURSOR = /^([0-9a-f]{16})-(\d{1,7})$/;
const NOTHING: RpcReply = { kind: "result", result: { completion: { values: [], hasMore: false } } };

/** Null for a method that is none of these. */
export async function offered(parts: Parts, call: Call, view: View): Promise<RpcReply | null> {
  switch (call.method) {
    case "tools/list":
      return page(parts, call, { tools: toolsFor(call, view) });
    case "prompts/list":
      return page(parts, call, { prompts: view.prompts });
    case "resources/list":
      return page(parts, call, { resources: view.resources });
    case "resources/templates/list":
      return page(parts, call, { resourceTemplates: view.templates });
    case "prompts/get":
      return getPrompt(parts, call, view);
    case "resources/read":
      return readResource(parts, call, view);
    case "resources/subscribe":
      return watchResource(parts, call, view);
    case "resources/unsubscribe":
      return { kind: "result", result: {} };
    case "completion/complete":
      return complete(parts, call, view);
    default:
      return null;
  }
}

/** With the mark of tasks for clients of 2025-11-25 that know them; in 2026-07-28 no tool says so. */
function toolsFor({ wire }: Call, { tools }: View): readonly JsonObject[] {
  const knows = wire.protocol === LEGACY_LATEST && isObject(wire.capabilities["tasks"]);
  return knows ? taskTools(tools, [RESULT_TOOL]) : tools;
}

/** A cursor is good for the policy it was made under: after a change the client starts anew. */
function page(parts: Parts, { params }: Call, list: Readonly<Record<string, readonly JsonObject[]>>): RpcReply {
  const version = parts.policy().digest.slice(0, 16);
  const { cursor = `${version}-0` } = params;
  const [, made, at] = (typeof cursor === "string" ? CURSOR.exec(cursor) : null) ?? [];
  if (made !== version || at === undefined) return invalid("the cursor is not of this list as it is now");
  const from = Number(at);
  const result: Record<string, JsonObject[] | string> = {};
  for (const [field, items] of Object.entries(list)) {
    result[field] = items.slice(from, from + PAGE_ITEMS);
    if (items.length > from + PAGE_ITEMS) result["nextCursor"] = `${version}-${from + PAGE_ITEMS}`;
  }
  return { kind: "result", result };
}

async function getPrompt({ door }: Parts, call: Call, view: View): Promise<RpcReply> {
  const prompt = view.promptOf.get(textAt(call.params, "name") ?? "");
  const args = objectField(call.params, "arguments");
  if (prompt === undefined || args === null) return invalid("there is no such prompt");
  const tool = `${prompt.server}.${PROMPTS}`;
  return protocolReply(await door.call({ ...common(call), tool, args: { name: prompt.name, arguments: args } }));
}

async function readResource({ door }: Parts, call: Call, view: View): Promise<RpcReply> {
  const uri = textAt(call.params, "uri") ?? "";
  const server = view.serverOf(uri);
  if (server === null) return invalid("there is no such resource", { uri });
  return protocolReply(await door.call({ ...common(call), tool: `${server}.${RESOURCES}`, args: { uri } }));
}

async function watchResource(parts: Parts, call: Call, view: View): Promise<RpcReply> {
  const uri = textAt(call.params, "uri") ?? "";
  const server = view.serverOf(uri);
  const can = parts.policy().lock.servers[server ?? ""]?.surface.capabilities["resources"];
  if (server === null || !isObject(can) || can["subscribe"] !== true) {
    return invalid("there is no such resource that can be watched", { uri });
  }
  const args = { uri, watch: true };
  const reply = protocolReply(await parts.door.call({ ...common(call), tool: `${server}.${RESOURCES}`, args }));
  return reply.kind === "result" ? { kind: "result", result: {} } : reply;
}

async function complete(parts: Parts, call: Call, view: View): Promise<RpcReply> {
  const { ref, argument, context } = call.params;
  if (!isObject(ref) || !isObject(argument)) return invalid("completion/complete needs ref and argument");
  const target = completedBy(view, ref);
  if (target === null) return invalid("there is no such prompt or resource template");
  const tool = `${target.server}.${COMPLETION}`;
  // Clients complete as people type: a server without an accepted card for it has nothing to say.
  if (!parts.policy().cards.has(tool)) return NOTHING;
  const args = { ref: target.ref, argument, ...(isObject(context) ? { context } : {}) };
  const reply = protocolReply(await parts.door.call({ ...common(call), tool, args }));
  return reply.kind === "error" && reply.code === CODES.methodNotFound ? NOTHING : reply;
}

/** Under the server's own name for it. */
function completedBy(view: View, ref: JsonObject): { readonly server: string; readonly ref: JsonObject } | null {
  if (ref["type"] === "ref/prompt") {
    const prompt = view.promptOf.get(textAt(ref, "name") ?? "");
    return prompt === undefined ? null : { server: prompt.server, ref: { type: "ref/prompt", name: prompt.name } };
  }
  const uri = textAt(ref, "uri") ?? "";
  const server = ref["type"] === "ref/resource" ? view.serverOf(uri) : null;
  return server === null ? null : { server, ref: { type: "ref/resource", uri } };
}
