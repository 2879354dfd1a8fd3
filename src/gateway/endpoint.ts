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
import type { RpcReply, Served } from "../mcp/index.ts";
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
import { objectField, RESULT_TOOL, textContent, viewFor, type View } from "./views.ts";

export interface EndpointParts {
  readonly door: Door;
  policy(): ActivePolicy;
}

export const SERVER_CAPABILITIES: JsonObject = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true },
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
        case "tools/list":
          return { kind: "result", result: { tools: seen.tools } };
        case "prompts/list":
          return { kind: "result", result: { prompts: seen.prompts } };
        case "resources/list":
          return { kind: "result", result: { resources: seen.resources } };
        case "resources/templates/list":
          return { kind: "result", result: { resourceTemplates: seen.templates } };
        case "tools/call":
          return await callTool(parts, call, seen);
        case "prompts/get":
          return await getPrompt(parts, call, seen);
        case "resources/read":
          return await readResource(parts, call, seen);
        default:
          return { kind: "error", code: -32_601, message: `the gateway has no ${oneLine(method, 60)}` };
      }
    } catch (error) {
      return { kind: "error", code: -32_603, message: `the gateway failed: ${oneLine(reasonOf(error), 300)}` };
    }
  };
}

const INVALID_PARAMS = -32_602;

function invalid(message: string): RpcReply {
  return { kind: "error", code: INVALID_PARAMS, message };
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

async function getPrompt(parts: EndpointParts, call: Served<ClientIdentity>, view: View): Promise<RpcReply> {
  const wire = textAt(call.params, "name");
  const args = objectField(call.params, "arguments");
  const prompt = wire === null ? undefined : view.promptOf.get(wire);
  if (prompt === undefined || args === null) return invalid("there is no such prompt");
  const request = { ...common(call), tool: `${prompt.server}.@prompts`, args: { name: prompt.name, arguments: args } };
  return protocolReply(await parts.door.call(request));
}

async function readResource(parts: EndpointParts, call: Served<ClientIdentity>, view: View): Promise<RpcReply> {
  const uri = textAt(call.params, "uri");
  const server = uri === null ? null : view.serverOf(uri);
  if (uri === null || server === null) return invalid("there is no such resource");
  return protocolReply(await parts.door.call({ ...common(call), tool: `${server}.@resources`, args: { uri } }));
}

function common(call: Served<ClientIdentity>): Omit<Parameters<Door["call"]>[0], "tool" | "args"> {
  return {
    session: `${call.identity.key}.${call.wire.id}`,
    principal: call.identity.principal,
    signal: call.signal,
    ...(call.progress === undefined ? {} : { onProgress: call.progress }),
  };
}

/** A tool's refusal is a result with isError, so that clients which check output schemas accept it. */
function toolReply(answer: DoorAnswer): RpcReply {
  switch (answer.kind) {
    case "result":
      return { kind: "result", result: answer.result };
    case "waiting":
      return { kind: "result", result: textContent(waitingText(answer)) };
    case "withheld":
      return { kind: "result", result: textContent(`Withheld as ${answer.handle}: ${answer.reason}`) };
    case "denied":
      return { kind: "result", result: textContent(deniedText(answer)) };
    case "failed":
      return answer.code === -32_603
        ? { kind: "result", result: textContent(`The server failed: ${answer.reason}`) }
        : { kind: "error", code: answer.code, message: answer.reason };
  }
}

function protocolReply(answer: DoorAnswer): RpcReply {
  switch (answer.kind) {
    case "result":
      return { kind: "result", result: answer.result };
    case "waiting":
      return { kind: "error", code: -32_000, message: waitingText(answer) };
    case "withheld":
      return { kind: "error", code: -32_000, message: `Withheld as ${answer.handle}: ${answer.reason}` };
    case "denied":
      return { kind: "error", code: -32_000, message: deniedText(answer) };
    case "failed":
      return { kind: "error", code: answer.code, message: answer.reason };
  }
}

function waitingText({ question, heldUntilMs }: Extract<DoorAnswer, { kind: "waiting" }>): string {
  const what =
    heldUntilMs === undefined
      ? `Waiting for the owner, question ${question}`
      : `Held until ${new Date(heldUntilMs).toISOString().slice(0, 19)}Z as ${question}; the owner can cancel it`;
  return `${what}. Do not repeat the call; call ${RESULT_TOOL}.`;
}

function deniedText(answer: Extract<DoorAnswer, { kind: "denied" }>): string {
  const reason = answer.reason.replace(/\.$/, "");
  const more = `freehold why ${answer.request} tells the owner more.`;
  return `Denied (${answer.because}): ${reason}. Do not try another way; ${more}`;
}
