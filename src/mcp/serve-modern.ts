// The modern era: each request tells all about itself; nothing is remembered between two.

import { isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { capabilitiesIn, META, MODERN_VERSIONS } from "./eras.ts";
import { sendEmpty, sendRefusal, sendReply } from "./exchange.ts";
import { refuse } from "./http-gate.ts";
import type { Inbound } from "./inbound.ts";
import { CODES, type RpcReply } from "./messages.ts";
import { unanswered } from "./questions.ts";
import { replyFor } from "./results.ts";
import { handOn } from "./run-call.ts";
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

const WATCHED_MAX = 100;

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
  if (method === "subscriptions/listen") {
    return watchAll(asked.parts, { visit, wire, params }, (watched) =>
      subscriptions.open({ parts, visit, wire, id, params: watched }),
    );
  }
  if (!METHODS.has(method)) return sendRefusal(response, refuse(404, "Method not found.", CODES.methodNotFound), id);
  runModernCall(parts, { visit, wire, id, method, params });
}

interface Listening<I> {
  readonly visit: Visit<I>;
  readonly wire: WireClient;
  readonly params: JsonObject;
}

/** Each resource that is to be watched is asked for first: what may not be is left out of what is acknowledged. */
function watchAll<I>(
  parts: ModernParts<I>,
  { visit, wire, params }: Listening<I>,
  open: (params: JsonObject) => void,
): void {
  const { notifications } = params;
  const uris = isObject(notifications) ? notifications["resourceSubscriptions"] : undefined;
  if (!isObject(notifications) || !Array.isArray(uris)) return open(params);
  const wanted = uris.filter((uri: JsonValue) => typeof uri === "string").slice(0, WATCHED_MAX);
  const granted: string[] = [];
  let left = wanted.length;
  const done = (): void => {
    if (left === 0) open({ ...params, notifications: { ...notifications, resourceSubscriptions: granted } });
  };
  const gone = new AbortController();
  visit.response.once("close", () => gone.abort());
  for (const uri of wanted) {
    const carried = {
      identity: visit.identity,
      wire,
      method: "resources/subscribe",
      params: { uri },
      signal: gone.signal,
      logLevel: null,
      ask: () => Promise.resolve(unanswered("Nobody can be asked here.")),
      exchange: () => null,
    };
    handOn(parts.options, carried, (reply) => {
      left -= 1;
      if (reply.kind === "result") granted.push(uri);
      done();
    });
  }
  done();
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
    capabilities: capabilitiesIn("modern", options.capabilities),
    ...(instructions === null ? {} : { instructions }),
  };
  const { serverInfo } = options;
  return replyFor({ era: "modern", method: "server/discover", reply: { kind: "result", result }, serverInfo });
}
