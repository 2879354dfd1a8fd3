// One posted request on its way to one answer: plain JSON, or an event stream once there is something to tell before.

import type { ServerResponse } from "node:http";
import type { JsonObject } from "../kernel/index.ts";
import { reduceMeta } from "./eras.ts";
import type { EventLog } from "./event-log.ts";
import { accepts, type Refusal } from "./http-gate.ts";
import { errorText, replyText, type RpcId, type RpcReply } from "./messages.ts";
import type { Streams } from "./streams.ts";
import type { Visit } from "./wire-client.ts";

export function sendJson(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}

export function sendEmpty(response: ServerResponse, status: number): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { "content-length": 0 }).end();
}

/** `id` is null when the request was not read so far. */
export function sendRefusal(response: ServerResponse, refusal: Refusal, id: RpcId | null): void {
  if (response.headersSent || response.destroyed) return;
  for (const [name, value] of Object.entries(refusal.headers ?? {})) response.setHeader(name, value);
  sendJson(response, refusal.status, errorText(id, refusal));
}

/** `params` with no more in `_meta` than the protocol defines. */
export function reduceParams(params: JsonObject): JsonObject {
  if (!("_meta" in params)) return params;
  const { _meta, ...rest } = params;
  const kept = reduceMeta(_meta);
  return Object.keys(kept).length === 0 ? rest : { _meta: kept, ...rest };
}

/** Ends an exchange that tells nothing before. */
export function sendReply(
  response: ServerResponse,
  answer: { readonly status: number; readonly id: RpcId; readonly reply: RpcReply },
): void {
  sendJson(response, answer.status, replyText(answer.id, answer.reply));
}

export interface Exchange {
  /** False: the client cannot read events here, or too many streams are open. */
  event(text: string): boolean;
  /** Ends the exchange, as an event where a stream was begun. */
  reply(status: number, reply: RpcReply): void;
}

/** With a log, what is told is also kept there for a client that comes back; without, it is told or lost. */
export function openExchange<I>(parts: {
  readonly visit: Visit<I>;
  readonly id: RpcId;
  readonly streams: Streams;
  readonly log: EventLog | null;
}): Exchange {
  const { visit, id, streams, log } = parts;
  const { request, response } = visit;
  let stream: { send(text: string): void; end(): void } | null = null;

  function begin(): boolean {
    if (stream !== null) return true;
    if (response.headersSent || response.destroyed || !accepts(request, "text/event-stream")) return false;
    const sink = streams.open(response, () => {
      if (log === null) stream = GONE;
    });
    if (sink === null) return false;
    stream = log === null ? sink : log.open(sink);
    return true;
  }

  return {
    event(text) {
      if (!begin()) return false;
      stream?.send(text);
      return true;
    },
    reply(status, reply) {
      if (stream === null) return sendJson(response, status, replyText(id, reply));
      stream.send(replyText(id, reply));
      stream.end();
    },
  };
}

const GONE = { send: (): void => undefined, end: (): void => undefined };
