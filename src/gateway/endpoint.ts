// What clients may ask of the gateway over MCP, each answered from the lock or through the door.

import {
  oneLine,
  reasonOf,
  textAt,
  type Door,
  type DoorAnswer,
  type JsonObject,
  type Principal,
} from "../kernel/index.ts";
import { CODES, type RpcReply, type Served } from "../mcp/index.ts";
import type { ClientIdentity } from "./auth.ts";
import {
  argumentsHint,
  CALL_TOOL,
  DESCRIBE_TOOL,
  FIND_TOOL,
  innerArguments,
  type MetaTools,
  type SeenTool,
} from "./meta-tools.ts";
import { listingOf, receiverClearance, type ActivePolicy } from "./policy.ts";
import { offered } from "./offered.ts";
import { common, invalid, toolReply } from "./replies.ts";
import { objectField, RESULT_TOOL, textContent, viewFor, type View } from "./views.ts";

export interface EndpointParts {
  readonly door: Door;
  policy(): ActivePolicy;
}

export const SERVER_CAPABILITIES: JsonObject = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  completions: {},
  logging: {},
};

type Respond = (call: Served<ClientIdentity>) => Promise<RpcReply>;

export function openEndpoint(parts: EndpointParts): Respond {
  const views = new Map<string, { readonly digest: string; readonly view: View }>();

  /** Built once per client and accepted policy, so that a list costs nothing and stays the same. */
  function view(principal: Principal): View {
    const policy = parts.policy();
    const known = views.get(principal.name);
    if (known?.digest === policy.digest) return known.view;
    const clearance = receiverClearance(policy.stack, principal.kind, principal.name);
    const fresh = viewFor(policy, clearance, listingOf(policy.stack, principal.kind, principal.name));
    views.set(principal.name, { digest: policy.digest, view: fresh });
    return fresh;
  }

  return async (call) => {
    const { method } = call;
    const seen = view(call.identity.principal);
    try {
      switch (method) {
        case "tools/call":
          return await callTool(parts, call, seen);
        default:
          return (await offered(parts, call, seen)) ?? unknownMethod(method);
      }
    } catch (error) {
      return { kind: "error", code: -32_603, message: `the gateway failed: ${oneLine(reasonOf(error), 300)}` };
    }
  };
}

function unknownMethod(method: string): RpcReply {
  return { kind: "error", code: CODES.methodNotFound, message: `the gateway has no ${oneLine(method, 60)}` };
}

async function callTool(parts: EndpointParts, call: Served<ClientIdentity>, view: View): Promise<RpcReply> {
  const name = textAt(call.params, "name");
  const args = objectField(call.params, "arguments");
  if (name === null || args === null) return invalid("tools/call needs a name and an object of arguments");
  if (name === RESULT_TOOL) return toolReply(await fetchResult(parts, call, args));
  if (view.meta !== null) {
    if (name === CALL_TOOL) return callInner(parts, call, { view, args });
    const text = askedText(view, view.meta, { name, args });
    if (text !== null) return text;
  }
  const seen = view.toolOf.get(name);
  if (seen === undefined) return invalid(`there is no tool ${oneLine(name, 80)}`);
  return toolReply(await parts.door.call({ ...common(call), tool: seen.tool, args }));
}

interface Asked {
  readonly name: string;
  readonly args: JsonObject;
}

/** What the lock alone answers: nothing happens, and no server hears of it. Null for another tool. */
function askedText(view: View, meta: MetaTools, { name, args }: Asked): RpcReply | null {
  const said = (text: string): RpcReply => ({ kind: "result", result: { content: [{ type: "text", text }] } });
  if (name === FIND_TOOL) {
    const query = textAt(args, "query");
    return query === null ? wrong(`${FIND_TOOL} needs a query`) : said(meta.find(query));
  }
  if (name !== DESCRIBE_TOOL) return null;
  const seen = seenIn(view, args);
  return seen === null ? unknownTool(meta, args) : said(meta.describe(seen));
}

/** The door judges the tool that is named, with its own arguments, as if the client had called it itself. */
async function callInner(
  parts: EndpointParts,
  call: Served<ClientIdentity>,
  { view, args }: { readonly view: View; readonly args: JsonObject },
): Promise<RpcReply> {
  const seen = seenIn(view, args);
  if (seen === null) return unknownTool(view.meta, args);
  const inner = innerArguments(args["arguments"]);
  if (inner === null) return wrong(`'arguments' must be an object. ${argumentsHint(seen.definition)}`);
  const answer = await parts.door.call({ ...common(call), tool: seen.tool, args: inner });
  const misfit = answer.kind === "denied" ? (parts.policy().tools.get(seen.tool)?.check(inner) ?? null) : null;
  if (misfit === null) return toolReply(answer);
  return wrong(
    `Denied (C0): its arguments do not fit: ${misfit.replace(/\.$/, "")}. ${argumentsHint(seen.definition)}`,
  );
}

/** By its wire name, or as the owner's files write it. */
function seenIn(view: View, args: JsonObject): SeenTool | null {
  const name = textAt(args, "tool") ?? "";
  return view.toolOf.get(name) ?? view.toolOf.values().find(({ tool }) => tool === name) ?? null;
}

function unknownTool(meta: MetaTools | null, args: JsonObject): RpcReply {
  const name = oneLine(textAt(args, "tool") ?? "", 80);
  return wrong(`There is no tool ${name}.${meta?.nearest(name) ?? ""}`);
}

function wrong(text: string): RpcReply {
  return { kind: "result", result: textContent(text) };
}

function fetchResult(parts: EndpointParts, call: Served<ClientIdentity>, args: JsonObject): Promise<DoorAnswer> {
  const question = (textAt(args, "question") ?? "").trim().toUpperCase();
  const { session, principal } = common(call);
  return parts.door.result(question, { session, principal });
}
