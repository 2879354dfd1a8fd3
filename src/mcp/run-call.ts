// One request from its message to its answer, the same for both eras: limits, cancelling, progress, the era's form.

import type { IncomingMessage, ServerResponse } from "node:http";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { progressTo, reduceParams, sendRefusal, sendReply } from "./exchange.ts";
import { refuse, type Refusal } from "./http-gate.ts";
import { CODES, type RpcId, type RpcReply } from "./messages.ts";
import { replyFor } from "./results.ts";
import type { Served, ServeHttpOptions, WireClient } from "./wire-client.ts";

export interface Visit<I> {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly identity: I;
  readonly key: string;
}

export interface CallParts<I> {
  readonly options: ServeHttpOptions<I>;
  /** Calls under way by client, so that one client cannot take all of the daemon. */
  readonly inFlight: Map<string, number>;
}

export interface IncomingCall<I> {
  readonly visit: Visit<I>;
  readonly wire: WireClient;
  readonly id: RpcId;
  readonly method: string;
  readonly params: JsonObject;
  /** The session's running calls; null where ids mean nothing beyond their own connection. */
  readonly running: Map<RpcId, () => void> | null;
}

const IN_FLIGHT_MAX = 64;
const CANCELLED: RpcReply = { kind: "error", code: CODES.refused, message: "Cancelled." };
const PONG: RpcReply = { kind: "result", result: {} };

/** The answer goes out on the visit's response; nothing is left to wait for. */
export function runCall<I>(parts: CallParts<I>, call: IncomingCall<I>): void {
  const { visit, wire, id, running } = call;
  const { response } = visit;
  if (wire.era === "legacy" && call.method === "ping") return sendReply(response, { status: 200, id, reply: PONG });
  if (running?.has(id) === true) {
    return sendRefusal(response, refuse(400, "A request with this id is under way.", CODES.invalidRequest), id);
  }
  const place = takePlace(parts.inFlight, `${visit.key}.${wire.id}`);
  if (place === null) return sendRefusal(response, tooMany(), id);
  const stop = new AbortController();
  const cancel = (): void => {
    stop.abort();
    sendReply(response, { status: 200, id, reply: CANCELLED });
  };
  running?.set(id, cancel);
  // In 2026-07-28 leaving cancels; before, the specification forbids reading it so.
  if (wire.era === "modern") response.once("close", () => response.writableFinished || stop.abort());
  const finish = (reply: RpcReply): void => {
    place.release();
    running?.delete(id);
    sendReply(response, { status: statusOf(call, reply), id, reply });
  };
  ask(parts.options, call, stop.signal).then(finish, (error: unknown) => finish(failure(parts.options, error)));
}

async function ask<I>(options: ServeHttpOptions<I>, call: IncomingCall<I>, signal: AbortSignal): Promise<RpcReply> {
  const { visit, wire, method } = call;
  const params = reduceParams(call.params);
  const progress = progressTo(visit.request, visit.response, params);
  const { identity } = visit;
  const served: Served<I> = { identity, wire, method, params, signal, ...(progress === null ? {} : { progress }) };
  const reply = await options.respond(served);
  return replyFor({ era: wire.era, method, reply, serverInfo: options.serverInfo });
}

function failure<I>(options: ServeHttpOptions<I>, error: unknown): RpcReply {
  options.reportFailure?.(error);
  const code = error instanceof Fault ? ` (${error.code})` : "";
  return { kind: "error", code: CODES.internal, message: `Freehold could not serve this request${code}.` };
}

export function tooMany(): Refusal {
  return refuse(429, `More than ${IN_FLIGHT_MAX} requests are under way.`);
}

/** Modern answers carry these two errors in the HTTP status as well (2026-07-28, transports). */
function statusOf<I>(call: IncomingCall<I>, reply: RpcReply): number {
  if (call.wire.era === "legacy" || reply.kind !== "error") return 200;
  if (reply.code === CODES.methodNotFound) return 404;
  return reply.code === CODES.missingCapability ? 400 : 200;
}

export function takePlace(inFlight: Map<string, number>, client: string): { release(): void } | null {
  const taken = inFlight.get(client) ?? 0;
  if (taken >= IN_FLIGHT_MAX) return null;
  inFlight.set(client, taken + 1);
  return {
    release() {
      const left = (inFlight.get(client) ?? 1) - 1;
      if (left === 0) inFlight.delete(client);
      else inFlight.set(client, left);
    },
  };
}
