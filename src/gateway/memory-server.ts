// Memory behind the door: a server for each compartment that runs in this process, with its own definitions, cards and
// pins. What is recalled is a stranger's text of its compartment: nobody knows yet where a note came from.

import {
  isObject,
  pinOf,
  readJson,
  reasonOf,
  surfaceRoot,
  textAt,
  type JsonObject,
  type Surface,
  type ToolCard,
} from "../kernel/index.ts";
import type { LockedServer, StackServer } from "../manifest/index.ts";
import { CODES, LEGACY_LATEST, type Peer, type PeerCall, type RpcReply } from "../mcp/index.ts";
import type { Notes } from "../memory/index.ts";

export const MEMORY_PREFIX = "memory-";
export const RECALL = "recall";
export const REMEMBER = "remember";

const TOOLS: readonly JsonObject[] = [
  {
    name: RECALL,
    description: "Notes that fit some words, the best first.",
    inputSchema: { type: "object", properties: { query: { type: "string" } }, required: ["query"] },
    annotations: { readOnlyHint: true, openWorldHint: false },
  },
  {
    name: REMEMBER,
    description: "Keeps a note with today's date.",
    inputSchema: {
      type: "object",
      properties: { text: { type: "string", maxLength: 4_000 } },
      required: ["text"],
      additionalProperties: false,
    },
    annotations: { destructiveHint: false, openWorldHint: false },
  },
];

const SURFACE: Surface = {
  protocol: LEGACY_LATEST,
  instructions: null,
  serverInfo: { name: "freehold-memory", version: "1" },
  capabilities: { tools: {} },
  tools: TOOLS,
  prompts: [],
  resources: [],
  templates: [],
};

export interface MemoryServer {
  readonly declared: StackServer;
  readonly locked: LockedServer;
  readonly cards: readonly ToolCard[];
}

export function memoryServerName(compartment: string): string {
  return `${MEMORY_PREFIX}${compartment}`;
}

/** Null for a server of another kind. */
export function memoryCompartment(server: string): string | null {
  return server.startsWith(MEMORY_PREFIX) ? server.slice(MEMORY_PREFIX.length) : null;
}

/** As if the owner had declared, locked and accepted it. */
export function memoryServer(compartment: string): MemoryServer {
  const server = memoryServerName(compartment);
  const limits = { memoryMb: 0, pidsMax: 0 };
  const declared: StackServer = {
    source: null,
    connector: null,
    account: {},
    args: [],
    env: {},
    secrets: {},
    compartment,
    asks: [],
    idleStopMs: 0,
    sandbox: { read: [], write: [], network: "none", ...limits },
  };
  const locked: LockedServer = {
    source: "freehold:memory",
    kind: "path",
    version: null,
    integrity: null,
    tree: null,
    command: [],
    surface: SURFACE,
    surfaceRoot: surfaceRoot(SURFACE),
  };
  const cards = TOOLS.map((definition): ToolCard => {
    const name = textAt(definition, "name") ?? "";
    const common = { tool: `${server}.${name}`, ids: [], pin: pinOf(definition) };
    const result = { compartments: [compartment], secret: false, mode: "inline" } as const;
    return name === RECALL
      ? { ...common, effect: "read", result: { ...result, trust: "third-party" }, roles: { query: "critical" } }
      : { ...common, effect: "write-reversible", result: { ...result, trust: "system" }, roles: { text: "content" } };
  });
  return { declared, locked, cards };
}

/** A server's side of the protocol without a process: answers from the notes at once. */
export function memoryPeer(notes: Notes): Peer {
  const { promise: closed, resolve: close } = Promise.withResolvers<string>();
  return {
    transport: "stdio",
    async request(call) {
      try {
        return answer(notes, call);
      } catch (error) {
        return { kind: "error", code: CODES.internal, message: reasonOf(error) };
      }
    },
    notify: () => undefined,
    onNotification: () => () => undefined,
    setRequestResponder: () => undefined,
    mirror: () => undefined,
    speak: () => undefined,
    openStream: () => undefined,
    closed,
    close: () => close("it was closed"),
  };
}

function answer(notes: Notes, { method, paramsText }: PeerCall): RpcReply {
  const { protocol, serverInfo, capabilities, tools } = SURFACE;
  switch (method) {
    case "initialize":
      return { kind: "result", result: { protocolVersion: protocol, serverInfo, capabilities } };
    case "tools/list":
      return { kind: "result", result: { tools } };
    case "tools/call":
      return called(notes, paramsText);
    default:
      return { kind: "error", code: CODES.methodNotFound, message: "memory has tools alone" };
  }
}

/** The door has checked the arguments against the definitions above. */
function called(notes: Notes, paramsText: string): RpcReply {
  const params: unknown = readJson(paramsText);
  const name = isObject(params) ? textAt(params, "name") : null;
  const args = isObject(params) && isObject(params["arguments"]) ? params["arguments"] : {};
  if (name === REMEMBER) {
    const { date } = notes.append(textAt(args, "text") ?? "");
    return { kind: "result", result: textResult(`Noted on ${date}.`) };
  }
  const found = notes.recall(textAt(args, "query") ?? "");
  const lines = found.map(({ date, text }) => `${date} ${text}`);
  return { kind: "result", result: textResult(lines.length === 0 ? "No note fits." : lines.join("\n")) };
}

function textResult(text: string): JsonObject {
  return { content: [{ type: "text", text }] };
}
