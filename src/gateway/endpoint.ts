// What clients may ask of the gateway over MCP, each answered from the lock or through the door.

import {
  oneLine,
  reasonOf,
  textAt,
  type Clock,
  type DoorAnswer,
  type JsonObject,
  type OwnersDoor,
  type Principal,
} from "../kernel/index.ts";
import { CODES, type RpcReply, type Served } from "../mcp/index.ts";
import type { Store } from "../store/index.ts";
import type { ClientIdentity } from "./auth.ts";
import { informOf, type Inform } from "./inform.ts";
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
import type { Called } from "./running-tasks.ts";
import { TASKS_EXTENSION } from "./task-shapes.ts";
import { objectField, RESULT_TOOL, textContent, viewFor, type View } from "./views.ts";
import { openWireTasks, type WireTasks } from "./wire-tasks.ts";

export interface EndpointParts {
  /** Of what only the owner's side has, no more than taking back what a client asked itself. */
  readonly door: Pick<OwnersDoor, "call" | "result" | "cancel">;
  /** To read questions; the door alone changes them. */
  readonly store: Pick<Store, "questions" | "settings">;
  readonly clock: Clock;
  policy(): ActivePolicy;
}

/** Each era is told of its own tasks alone. */
export const SERVER_CAPABILITIES: JsonObject = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  completions: {},
  logging: {},
  tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } },
  extensions: { [TASKS_EXTENSION]: {} },
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

  function isCleared({ kind, name }: Principal, compartments: readonly string[]): boolean {
    const cleared = receiverClearance(parts.policy().stack, kind, name);
    return compartments.every((one) => cleared.includes(one));
  }
  const tasks = openWireTasks({ ...parts, isCleared });
  const inform = informOf(parts);

  return async (call) => {
    const { method } = call;
    const seen = view(call.identity.principal);
    const calls = { ...parts, tasks, inform, view: seen };
    try {
      if (method !== "tools/call") {
        return (await offered(parts, call, seen)) ?? (await tasks.respond(call)) ?? unknownMethod(method);
      }
      if (tasks.isAugmented(call)) return await tasks.start(call, (own) => callTool(calls, own));
      const called = await callTool(calls, call);
      if (called.kind === "reply") return called.reply;
      const isTask = called.answer.kind === "waiting" && tasks.isWanted(call);
      return isTask ? tasks.created(call, called.answer.question) : toolReply(called.answer);
    } catch (error) {
      return { kind: "error", code: -32_603, message: `the gateway failed: ${oneLine(reasonOf(error), 300)}` };
    }
  };
}

function unknownMethod(method: string): RpcReply {
  return { kind: "error", code: CODES.methodNotFound, message: `the gateway has no ${oneLine(method, 60)}` };
}

interface Calls extends EndpointParts {
  readonly tasks: WireTasks;
  readonly inform: Inform;
  readonly view: View;
}

async function callTool(calls: Calls, call: Served<ClientIdentity>): Promise<Called> {
  const { view } = calls;
  const name = textAt(call.params, "name");
  const args = objectField(call.params, "arguments");
  if (name === null || args === null) return reply(invalid("tools/call needs a name and an object of arguments"));
  if (name === RESULT_TOOL) return reply(toolReply(await fetchResult(calls, call, args)));
  if (view.meta !== null) {
    if (name === CALL_TOOL) return callInner(calls, call, args);
    const text = askedText(view, view.meta, { name, args });
    if (text !== null) return reply(text);
  }
  const seen = view.toolOf.get(name);
  if (seen === undefined) return reply(invalid(`there is no tool ${oneLine(name, 80)}`));
  return { kind: "door", answer: await callDoor(calls, call, { tool: seen.tool, args }) };
}

function reply(given: RpcReply): Called {
  return { kind: "reply", reply: given };
}

/** A client that takes a task for its call does not wait in it, and is told by the task. */
async function callDoor(
  { door, tasks, inform }: Calls,
  call: Served<ClientIdentity>,
  what: { readonly tool: string; readonly args: JsonObject },
): Promise<DoorAnswer> {
  if (tasks.isWanted(call)) return door.call({ ...common(call), ...what, onWaiting: () => false });
  const gone = new AbortController();
  const onWaiting = (question: string): boolean => {
    inform({ call, question, gone: gone.signal });
    return true;
  };
  return door.call({ ...common(call), ...what, onWaiting }).finally(() => gone.abort());
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
async function callInner(calls: Calls, call: Served<ClientIdentity>, args: JsonObject): Promise<Called> {
  const { view } = calls;
  const seen = seenIn(view, args);
  if (seen === null) return reply(unknownTool(view.meta, args));
  const inner = innerArguments(args["arguments"]);
  if (inner === null) return reply(wrong(`'arguments' must be an object. ${argumentsHint(seen.definition)}`));
  const answer = await callDoor(calls, call, { tool: seen.tool, args: inner });
  const misfit = answer.kind === "denied" ? (calls.policy().tools.get(seen.tool)?.check(inner) ?? null) : null;
  if (misfit === null) return { kind: "door", answer };
  const hint = argumentsHint(seen.definition);
  return reply(wrong(`Denied (C0): its arguments do not fit: ${misfit.replace(/\.$/, "")}. ${hint}`));
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
