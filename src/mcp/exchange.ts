// One posted request on its way to one answer: plain JSON, or an event stream once there is progress to tell.

import type { IncomingMessage, ServerResponse } from "node:http";
import { isObject, type JsonObject } from "../kernel/index.ts";
import { reduceMeta } from "./eras.ts";
import { accepts, type Refusal } from "./http-gate.ts";
import { errorText, notificationText, replyText, type RpcId, type RpcReply } from "./messages.ts";
import { sseText } from "./sse.ts";
import { startEvents } from "./streams.ts";

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

/** Null when the client did not ask for progress, or could not read it. */
export function progressTo(
  request: IncomingMessage,
  response: ServerResponse,
  params: JsonObject,
): ((progress: JsonObject) => void) | null {
  const meta = params["_meta"];
  const token = isObject(meta) ? meta["progressToken"] : undefined;
  if (token === undefined || !accepts(request, "text/event-stream")) return null;
  return (progress) => {
    if (response.writableEnded || response.destroyed) return;
    if (!response.headersSent) startEvents(response);
    response.write(sseText(notificationText("notifications/progress", { ...progress, progressToken: token })));
  };
}

/** Ends the exchange, as an event where a stream was begun. */
export function sendReply(
  response: ServerResponse,
  answer: { readonly status: number; readonly id: RpcId; readonly reply: RpcReply },
): void {
  if (response.writableEnded || response.destroyed) return;
  const text = replyText(answer.id, answer.reply);
  if (response.headersSent) response.end(sseText(text));
  else sendJson(response, answer.status, text);
}
