// The modern era: each request tells all about itself; nothing is remembered between two.

import { isObject, type JsonObject } from "../kernel/index.ts";
import { META, MODERN_VERSIONS } from "./eras.ts";
import { sendEmpty, sendRefusal, sendReply } from "./exchange.ts";
import { refuse } from "./http-gate.ts";
import type { Inbound } from "./inbound.ts";
import { CODES, type RpcReply } from "./messages.ts";
import { replyFor } from "./results.ts";
import { runModernCall, type ModernParts } from "./modern-call.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { ServeHttpOptions, Visit, WireClient } from "./wire-client.ts";

/** Requests of the era that the endpoint hands on; any other is unknown, those of older eras included. */
const METHODS: ReadonlySet<string> = new Set([
  "tools/list",
  "tools/call",
  "prompts/list",
  "prompts/get",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "completion/complete",
  "tasks/get",
  "tasks/update",
  "tasks/cancel",
]);

/** Sent by the stdio shim: one random id for each process, so that two agents with one token stay apart. */
const PROCESS_HEADER = "freehold-process";

export function serveModern<I>(asked: {
  readonly parts: ModernParts<I>;
  readonly subscriptions: Subscriptions<I>;
  readonly visit: Visit<I>;
  readonly inbound: Inbound & { readonly kind: "modern" };
}): void {
  const { parts, subscriptions, visit, inbound } = asked;
  const { message } = inbound;
  const { response } = visit;
  if (message.kind !== "request") return sendEmpty(response, 202);
  const { id, method, params } = message;
  const wire = clientOf(visit, inbound);
  if (method === "server/discover") {
    return sendReply(response, { status: 200, id, reply: discover(parts.options, visit.identity) });
  }
  if (method === "subscriptions/listen") return subscriptions.open({ parts, visit, wire, id, params });
  if (!METHODS.has(method)) return sendRefusal(response, refuse(404, "Method not found.", CODES.methodNotFound), id);
  runModernCall(parts, { visit, wire, id, method, params });
}

function clientOf<I>(visit: Visit<I>, inbound: Inbound & { readonly kind: "modern" }): WireClient {
  const { [META.clientInfo]: info, [META.clientCapabilities]: capabilities } = inbound.envelope;
  const process = visit.request.headers[PROCESS_HEADER];
  return {
    id: typeof process === "string" && /^[0-9a-f]{32}$/.test(process) ? process : "stateless",
    era: "modern",
    protocol: inbound.protocol,
    clientInfo: isObject(info) ? info : {},
    capabilities: isObject(capabilities) ? capabilities : {},
  };
}

function discover<I>(options: ServeHttpOptions<I>, identity: I): RpcReply {
  const instructions = options.instructions?.(identity) ?? null;
  const result: JsonObject = {
    supportedVersions: [...MODERN_VERSIONS],
    capabilities: options.capabilities,
    ...(instructions === null ? {} : { instructions }),
  };
  const { serverInfo } = options;
  return replyFor({ era: "modern", method: "server/discover", reply: { kind: "result", result }, serverInfo });
}
