// The modern era's `subscriptions/listen`: one long answer that tells of changes the client named (SEP-1865).

import { isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { META } from "./eras.ts";
import { sendRefusal } from "./exchange.ts";
import { accepts, noEvents, refuse } from "./http-gate.ts";
import { CODES, notificationText, replyText, type RpcId } from "./messages.ts";
import { takePlace, tooMany, type CallParts } from "./run-call.ts";
import type { EventStream, Streams } from "./streams.ts";
import type { Visit, WireClient } from "./wire-client.ts";

export interface Subscriptions<I> {
  open(asked: {
    readonly parts: CallParts<I>;
    readonly visit: Visit<I>;
    readonly wire: WireClient;
    readonly id: RpcId;
    readonly params: JsonObject;
  }): void;
  notify(isFor: (identity: I, wire: WireClient) => boolean, method: string, params: JsonObject): void;
  endWhere(isFor: (identity: I, wire: WireClient) => boolean): void;
}

interface Subscription<I> {
  readonly identity: I;
  readonly wire: WireClient;
  readonly id: RpcId;
  readonly filter: JsonObject;
  readonly stream: EventStream;
}

const URIS_MAX = 100;
const CHANGES: ReadonlyMap<string, { readonly field: string; readonly capability: string }> = new Map([
  ["notifications/tools/list_changed", { field: "toolsListChanged", capability: "tools" }],
  ["notifications/prompts/list_changed", { field: "promptsListChanged", capability: "prompts" }],
  ["notifications/resources/list_changed", { field: "resourcesListChanged", capability: "resources" }],
]);

export function createSubscriptions<I>(options: {
  readonly streams: Streams;
  readonly capabilities: JsonObject;
  readonly serverInfo: JsonObject;
}): Subscriptions<I> {
  const open = new Set<Subscription<I>>();
  const said = (id: RpcId): JsonObject => ({ [META.subscriptionId]: id });

  return {
    open({ parts, visit, wire, id, params }) {
      const { response, request, identity } = visit;
      const { notifications } = params;
      if (!isObject(notifications)) {
        return sendRefusal(response, refuse(400, "subscriptions/listen needs notifications.", CODES.invalidParams), id);
      }
      if (!accepts(request, "text/event-stream")) return sendRefusal(response, noEvents(), id);
      const place = takePlace(parts.inFlight, `${visit.key}.${wire.id}`);
      if (place === null) return sendRefusal(response, tooMany(), id);
      const stream = options.streams.open(response, () => {
        place.release();
        open.delete(subscription);
      });
      if (stream === null) {
        place.release();
        return sendRefusal(response, refuse(503, "Too many open streams."), id);
      }
      const filter = granted(notifications, options.capabilities);
      const subscription: Subscription<I> = { identity, wire, id, filter, stream };
      open.add(subscription);
      stream.send(
        notificationText("notifications/subscriptions/acknowledged", { _meta: said(id), notifications: filter }),
      );
    },
    notify(isFor, method, params) {
      for (const { identity, wire, id, filter, stream } of open) {
        if (!wants(filter, method, params) || !isFor(identity, wire)) continue;
        stream.send(notificationText(method, { ...params, _meta: said(id) }));
      }
    },
    endWhere(isFor) {
      for (const { identity, wire, id, stream } of [...open]) {
        if (!isFor(identity, wire)) continue;
        const result = { resultType: "complete", _meta: { ...said(id), [META.serverInfo]: options.serverInfo } };
        stream.send(replyText(id, { kind: "result", result }));
        stream.end();
      }
    },
  };
}

/** Only what we can tell of is acknowledged, so that a client does not wait for the rest. */
function granted(asked: JsonObject, capabilities: JsonObject): JsonObject {
  const filter: Record<string, JsonValue> = {};
  for (const { field, capability } of CHANGES.values()) {
    const offered = capabilities[capability];
    if (asked[field] === true && isObject(offered) && offered["listChanged"] === true) filter[field] = true;
  }
  const { resourceSubscriptions: uris } = asked;
  const { resources } = capabilities;
  if (Array.isArray(uris) && isObject(resources) && resources["subscribe"] === true) {
    filter["resourceSubscriptions"] = uris.filter((uri: JsonValue) => typeof uri === "string").slice(0, URIS_MAX);
  }
  return filter;
}

function wants(filter: JsonObject, method: string, params: JsonObject): boolean {
  const change = CHANGES.get(method);
  if (change !== undefined) return filter[change.field] === true;
  const { resourceSubscriptions: uris } = filter;
  const { uri } = params;
  return method === "notifications/resources/updated" && uri !== undefined && Array.isArray(uris) && uris.includes(uri);
}
