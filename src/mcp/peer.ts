// One upstream server as seen from here: calls under way, their ids, limits and ends. Transports carry the text.
// Ids are integers of ours and never reused; an answer to anything not under way is dropped.

import { assert, isObject, reasonOf, type JsonObject } from "../kernel/index.ts";
import { reduceMeta } from "./eras.ts";
import { CODES, notificationText, replyText, requestText, type Message, type RpcId, type RpcReply } from "./messages.ts";

export interface PeerCall {
  readonly method: string;
  /** JSON of an object without `_meta`; sent byte for byte, the protocol's `_meta` in front as a first key. */
  readonly paramsText: string;
  /** 0 waits without limit (subscriptions). */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: JsonObject) => void;
  /** Trace context and other protocol keys to go on; reduced again here. */
  readonly meta?: JsonObject;
}

/** What every request carries once the era is known. */
export type Dialect =
  | { readonly era: "unknown" }
  | { readonly era: "legacy"; readonly protocol: string }
  | { readonly era: "modern"; readonly protocol: string; readonly meta: JsonObject };

export type Responder = (method: string, params: JsonObject) => Promise<RpcReply>;

export interface Peer {
  readonly transport: "stdio" | "http";
  /** Never rejects: what went wrong is the reply. */
  request(call: PeerCall): Promise<RpcReply>;
  notify(method: string, params: JsonObject): void;
  /** All notifications but progress of calls under way. Returns the way to stop listening. */
  onNotification(listener: (method: string, params: JsonObject) => void): () => void;
  /** Requests of the server to us. Default: method not found; `ping` is always answered. */
  setRequestResponder(respond: Responder): void;
  /** Set by the handshake. */
  speak(dialect: Dialect): void;
  /** Legacy HTTP: keeps a stream open for what the server says unasked. Elsewhere nothing. */
  openStream(): void;
  /** Resolves once, with the reason, when nothing more can come. */
  readonly closed: Promise<string>;
  close(): void;
}

/** What a transport does for the calls. */
export interface Wire {
  readonly transport: "stdio" | "http";
  sendRequest(request: { readonly id: number; readonly method: string; readonly paramsText: string; readonly text: string }): void;
  /** Notifications, and answers to the server's own requests. */
  sendOther(text: string, method: string | null): void;
  /** Nobody waits for this call any more. */
  drop(id: number): void;
  speak(dialect: Dialect): void;
  openStream(): void;
  /** Once. No call may be made to the wire afterwards. */
  shut(reason: string): void;
}

export interface PeerCore {
  readonly peer: Peer;
  accept(message: Message): "taken" | "unknown";
  settle(id: number, reply: RpcReply): void;
  isWaiting(id: number): boolean;
  /** Ends every call and the peer. */
  end(reason: string): void;
}

const CALLS_MAX = 1024;
const SERVER_REQUESTS_MAX = 16;
/** The specification forbids cancelling it. */
const UNCANCELLABLE = "initialize";

interface Waiting {
  readonly method: string;
  readonly resolve: (reply: RpcReply) => void;
  readonly timer: NodeJS.Timeout | null;
  readonly onProgress: ((progress: JsonObject) => void) | null;
  readonly unlisten: (() => void) | null;
}

export function createPeerCore(wire: Wire): PeerCore {
  const waiting = new Map<number, Waiting>();
  const listeners = new Set<(method: string, params: JsonObject) => void>();
  const theirs = new Set<RpcId>();
  const ended = Promise.withResolvers<string>();
  let respond: Responder = async (method) => notFound(method);
  let dialect: Dialect = { era: "unknown" };
  let lastId = 0;
  let endedBecause: string | null = null;

  function settle(id: number, reply: RpcReply): void {
    const call = waiting.get(id);
    if (call === undefined) return;
    waiting.delete(id);
    if (call.timer !== null) clearTimeout(call.timer);
    call.unlisten?.();
    call.resolve(reply);
  }

  function giveUp(id: number, reason: string): void {
    const call = waiting.get(id);
    if (call === undefined) return;
    settle(id, { kind: "broken", reason });
    if (endedBecause !== null) return;
    wire.drop(id);
    // Modern HTTP cancels by closing the stream, which drop() did.
    const silent = call.method === UNCANCELLABLE || (wire.transport === "http" && dialect.era === "modern");
    if (!silent) notify("notifications/cancelled", { requestId: id, reason });
  }

  function request(call: PeerCall): Promise<RpcReply> {
    if (endedBecause !== null) return Promise.resolve({ kind: "broken", reason: endedBecause });
    if (call.signal?.aborted === true) return Promise.resolve({ kind: "broken", reason: "cancelled" });
    if (waiting.size >= CALLS_MAX) return Promise.resolve({ kind: "broken", reason: `${CALLS_MAX} calls are under way` });
    assertNoMeta(call.paramsText);
    lastId += 1;
    const id = lastId;
    const { method, paramsText, timeoutMs, signal } = call;
    const meta = metaFor(call, id, dialect);
    const text = requestText({ id, method, paramsText, meta });
    const { promise, resolve } = Promise.withResolvers<RpcReply>();
    const timer =
      timeoutMs === 0 ? null : setTimeout(() => giveUp(id, `no answer to ${method} within ${timeoutMs} ms`), timeoutMs);
    const abort = (): void => giveUp(id, "cancelled");
    signal?.addEventListener("abort", abort, { once: true });
    const unlisten = signal === undefined ? null : (): void => signal.removeEventListener("abort", abort);
    waiting.set(id, { method, resolve, timer, onProgress: call.onProgress ?? null, unlisten });
    wire.sendRequest({ id, method, paramsText, text });
    return promise;
  }

  function notify(method: string, params: JsonObject): void {
    if (endedBecause === null) wire.sendOther(notificationText(method, params), method);
  }

  function accept(message: Message): "taken" | "unknown" {
    if (endedBecause !== null) return "taken";
    switch (message.kind) {
      case "reply":
        if (typeof message.id !== "number" || message.id < 1 || message.id > lastId) return "unknown";
        settle(message.id, message.reply);
        return "taken";
      case "notification":
        hear(message.method, message.params);
        return "taken";
      case "request":
        void answer(message);
        return "taken";
    }
  }

  function hear(method: string, params: JsonObject): void {
    if (method === "notifications/progress") {
      const { progressToken, _meta, ...progress } = params;
      if (typeof progressToken === "number") waiting.get(progressToken)?.onProgress?.(progress);
      return;
    }
    const { requestId } = params;
    if (method === "notifications/cancelled" && (typeof requestId === "string" || typeof requestId === "number")) {
      theirs.delete(requestId);
    }
    for (const listener of listeners) listener(method, params);
  }

  async function answer(message: Message & { readonly kind: "request" }): Promise<void> {
    const { id, method, params } = message;
    if (theirs.size >= SERVER_REQUESTS_MAX || theirs.has(id)) {
      const reply: RpcReply = { kind: "error", code: CODES.refused, message: "Too many requests, or an id used twice." };
      wire.sendOther(replyText(id, reply), null);
      return;
    }
    theirs.add(id);
    const reply: RpcReply = await (method === "ping" ? emptyReply() : respond(method, params)).catch((error: unknown) => ({
      kind: "broken" as const,
      reason: `The request failed here: ${reasonOf(error)}`,
    }));
    // Cancelled by the server meanwhile: an answer would be noise to it.
    if (theirs.delete(id) && endedBecause === null) wire.sendOther(replyText(id, reply), null);
  }

  function end(reason: string): void {
    if (endedBecause !== null) return;
    endedBecause = reason;
    for (const id of [...waiting.keys()]) settle(id, { kind: "broken", reason });
    wire.shut(reason);
    listeners.clear();
    ended.resolve(reason);
  }

  const peer: Peer = {
    transport: wire.transport,
    request,
    notify,
    onNotification(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    setRequestResponder(next) {
      respond = next;
    },
    speak(next) {
      dialect = next;
      wire.speak(next);
    },
    openStream: () => {
      if (endedBecause === null) wire.openStream();
    },
    closed: ended.promise,
    close: () => end("closed by Freehold"),
  };
  return { peer, accept, settle, isWaiting: (id) => waiting.has(id), end };
}

function notFound(method: string): RpcReply {
  return { kind: "error", code: CODES.methodNotFound, message: `Method not found: ${method.slice(0, 100)}` };
}

async function emptyReply(): Promise<RpcReply> {
  return { kind: "result", result: {} };
}

/** A second `_meta` would give the sent text two readings. */
function assertNoMeta(paramsText: string): void {
  assert(paramsText.startsWith("{") && paramsText.endsWith("}"), "params are not the text of an object");
  if (!paramsText.includes('"_meta"')) return;
  const params: unknown = JSON.parse(paramsText);
  assert(isObject(params) && !("_meta" in params), "params bring their own _meta");
}

function metaFor(call: PeerCall, id: number, dialect: Dialect): JsonObject | null {
  const given = call.meta === undefined ? null : reduceMeta(call.meta);
  const token = call.onProgress === undefined ? null : { progressToken: id };
  const own = dialect.era === "modern" ? dialect.meta : null;
  return given === null && token === null && own === null ? null : { ...given, ...own, ...token };
}

