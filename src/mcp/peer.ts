// One upstream server as seen from here: calls under way, their ids, limits and ends. Transports carry the text.
// Ids are integers of ours and never reused; an answer to anything not under way is dropped.

import { assert, isObject, readJson, reasonOf, type JsonObject } from "../kernel/index.ts";
import { META, reduceMeta } from "./eras.ts";
import { answerInput, asksForInput, completed, INPUT_ROUNDS_MAX, withExtra } from "./input-rounds.ts";
import {
  CODES,
  errorText,
  notificationText,
  replyText,
  requestText,
  type Message,
  type Responder,
  type RpcId,
  type RpcReply,
} from "./messages.ts";
import type { MirroredTools } from "./param-headers.ts";
import { createWatches } from "./watches.ts";

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
  /**
   * Answers what the server asks in the middle of this call: elicitation, sampling, roots. The call goes on with the
   * answers, in one request. Without it, a result that asks for input is the reply.
   */
  readonly respond?: Responder;
  /** What this caller can be asked, in place of what the handshake said. Only 2026-07-28 says it with each call. */
  readonly capabilities?: JsonObject;
  /** Log messages about this call. */
  readonly onNotice?: (method: string, params: JsonObject) => void;
  /** Calls of one group may be taken for one another where the server does not say which of them it means. */
  readonly group?: string;
}

/** What every request carries once the era is known. */
export type Dialect =
  | { readonly era: "unknown" }
  | { readonly era: "legacy"; readonly protocol: string }
  | { readonly era: "modern"; readonly protocol: string; readonly meta: JsonObject };

export interface Peer {
  readonly transport: "stdio" | "http";
  /** Never rejects: what went wrong is the reply. */
  request(call: PeerCall): Promise<RpcReply>;
  notify(method: string, params: JsonObject): void;
  /** All notifications but progress of calls under way. Returns the way to stop listening. */
  onNotification(listener: (method: string, params: JsonObject) => void): () => void;
  /**
   * Requests of the server that belong to no call with a `respond` of its own: a stream says which call one belongs
   * to; elsewhere it is the only such call under way. Default: method not found; `ping` is always answered.
   */
  setRequestResponder(respond: Responder): void;
  /** Which arguments of which tools go into headers too, as read from the server's list. Only HTTP has a use for it. */
  mirror(tools: MirroredTools): void;
  /** Set by the handshake. */
  speak(dialect: Dialect): void;
  /** Legacy HTTP: keeps a stream open for what the server says unasked. Elsewhere nothing. */
  openStream(): void;
  /** Resolves once, with the reason, when nothing more can come. */
  readonly closed: Promise<string>;
  close(): void;
}

export interface Outgoing {
  readonly id: number;
  readonly method: string;
  readonly paramsText: string;
  /** The whole message. */
  readonly text: string;
}

/** What a transport does for the calls. */
export interface Wire {
  readonly transport: "stdio" | "http";
  sendRequest(request: Outgoing): void;
  /** Notifications, and answers to the server's own requests. */
  sendOther(text: string, method: string | null): void;
  /** Nobody waits for this call any more. */
  drop(id: number): void;
  speak(dialect: Dialect): void;
  mirror(tools: MirroredTools): void;
  openStream(): void;
  /** Once. No call may be made to the wire afterwards. */
  shut(): void;
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
  readonly respond: Responder | null;
  readonly onNotice: ((method: string, params: JsonObject) => void) | null;
  readonly group: string | null;
  readonly unlisten: (() => void) | null;
}

/** Owns the calls under way towards one server. A transport hands it what came in, and is its `wire`. */
export class PeerCore implements Peer {
  readonly transport: "stdio" | "http";
  readonly closed: Promise<string>;
  readonly #wire: Wire;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(method: string, params: JsonObject) => void>();
  /** The server's own requests that somebody here still answers. */
  readonly #theirs = new Set<RpcId>();
  readonly #ended = Promise.withResolvers<string>();
  readonly #watches = createWatches((params) =>
    this.#ask({ method: "subscriptions/listen", paramsText: JSON.stringify(params), timeoutMs: 0 }, null),
  );
  #respond: Responder = async (method) => notFound(method);
  #dialect: Dialect = { era: "unknown" };
  #lastId = 0;
  #endedBecause: string | null = null;

  constructor(wire: Wire) {
    this.#wire = wire;
    this.transport = wire.transport;
    this.closed = this.#ended.promise;
  }

  request(call: PeerCall): Promise<RpcReply> {
    const { method } = call;
    if (this.#dialect.era === "modern" && method === "resources/subscribe") {
      return Promise.resolve(this.#watches.add(call.paramsText));
    }
    return call.respond === undefined ? this.#ask(call, null) : this.#askInRounds(call, call.respond);
  }

  async #askInRounds(call: PeerCall, respond: Responder): Promise<RpcReply> {
    let extra: JsonObject | null = null;
    for (let round = 0; round < INPUT_ROUNDS_MAX; round += 1) {
      const reply = await this.#ask(call, extra);
      if (!asksForInput(reply)) return reply;
      const next = await answerInput(reply.result, respond);
      if (next.kind === "over") return next.reply;
      extra = next.extra;
    }
    return { kind: "broken", reason: `the server asked for input ${INPUT_ROUNDS_MAX} times and still had not enough` };
  }

  #ask(call: PeerCall, extra: JsonObject | null): Promise<RpcReply> {
    const refusal = this.#refusal(call);
    if (refusal !== null) return Promise.resolve({ kind: "broken", reason: refusal });
    assertNoMeta(call.paramsText);
    this.#lastId += 1;
    const id = this.#lastId;
    const { method, timeoutMs, signal, respond = null } = call;
    const paramsText = withExtra(call.paramsText, extra);
    const text = requestText({ id, method, paramsText, meta: metaFor(call, id, this.#dialect) });
    const { promise, resolve } = Promise.withResolvers<RpcReply>();
    const late = `no answer to ${method} within ${timeoutMs} ms`;
    const timer = timeoutMs === 0 ? null : setTimeout(() => this.#giveUp(id, late), timeoutMs);
    const abort = (): void => this.#giveUp(id, "cancelled");
    signal?.addEventListener("abort", abort, { once: true });
    const unlisten = signal === undefined ? null : (): void => signal.removeEventListener("abort", abort);
    const { onProgress = null, onNotice = null, group = respond === null ? null : String(id) } = call;
    this.#waiting.set(id, { method, resolve, timer, onProgress, respond, onNotice, group, unlisten });
    this.#wire.sendRequest({ id, method, paramsText, text });
    return promise;
  }

  #refusal(call: PeerCall): string | null {
    if (this.#endedBecause !== null) return this.#endedBecause;
    if (call.signal?.aborted === true) return "cancelled";
    return this.#waiting.size >= CALLS_MAX ? `${CALLS_MAX} calls are under way` : null;
  }

  notify(method: string, params: JsonObject): void {
    if (this.#endedBecause === null) this.#wire.sendOther(notificationText(method, params), method);
  }

  onNotification(listener: (method: string, params: JsonObject) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  setRequestResponder(respond: Responder): void {
    this.#respond = respond;
  }

  speak(dialect: Dialect): void {
    this.#dialect = dialect;
    this.#wire.speak(dialect);
  }

  mirror(tools: MirroredTools): void {
    this.#wire.mirror(tools);
  }

  openStream(): void {
    if (this.#endedBecause === null) this.#wire.openStream();
  }

  close(): void {
    this.end("closed by Freehold");
  }

  /** For the transport. `unknown` is an answer to what was never asked; `call` is the one whose stream it came on. */
  accept(message: Message, call: number | null = null): "taken" | "unknown" {
    if (this.#endedBecause !== null) return "taken";
    switch (message.kind) {
      case "reply":
        if (typeof message.id !== "number" || message.id < 1 || message.id > this.#lastId) return "unknown";
        // A request's stream carries the answer to that request alone (2025-11-25, transports).
        if (call !== null && message.id !== call) return "unknown";
        this.settle(message.id, message.reply);
        return "taken";
      case "notification":
        this.#hear(message, call);
        return "taken";
      case "request":
        this.#answer(message, call);
        return "taken";
    }
  }

  /** Late and double answers find nobody waiting. */
  settle(id: number, reply: RpcReply): void {
    const call = this.#waiting.get(id);
    if (call === undefined) return;
    this.#waiting.delete(id);
    if (call.timer !== null) clearTimeout(call.timer);
    call.unlisten?.();
    call.resolve(reply);
  }

  isWaiting(id: number): boolean {
    return this.#waiting.has(id);
  }

  /** Ends every call and the peer. */
  end(reason: string): void {
    if (this.#endedBecause !== null) return;
    this.#endedBecause = reason;
    this.#watches.end();
    for (const id of [...this.#waiting.keys()]) this.settle(id, { kind: "broken", reason });
    this.#wire.shut();
    this.#listeners.clear();
    this.#ended.resolve(reason);
  }

  #giveUp(id: number, reason: string): void {
    const call = this.#waiting.get(id);
    if (call === undefined) return;
    this.settle(id, { kind: "broken", reason });
    this.#wire.drop(id);
    // Modern HTTP cancels by closing the stream, which drop() did.
    const isSilent = call.method === UNCANCELLABLE || (this.transport === "http" && this.#dialect.era === "modern");
    if (!isSilent) this.notify("notifications/cancelled", { requestId: id, reason });
  }

  #hear({ method, params }: Message & { readonly kind: "notification" }, call: number | null): void {
    if (method === "notifications/progress") {
      const { progressToken, _meta, ...progress } = params;
      // On a request's stream it is about that request; elsewhere its token says which one it is about.
      const isAbout = typeof progressToken === "number" && (call === null || progressToken === call);
      if (isAbout && typeof progress["progress"] === "number") this.#waiting.get(progressToken)?.onProgress?.(progress);
      return;
    }
    const { requestId } = params;
    const isCancel = method === "notifications/cancelled";
    if (isCancel && (typeof requestId === "string" || typeof requestId === "number")) this.#theirs.delete(requestId);
    if (method === "notifications/message") this.#callOf(call)?.onNotice?.(method, params);
    for (const listener of this.#listeners) listener(method, params);
  }

  #answer(message: Message & { readonly kind: "request" }, call: number | null): void {
    const { id, method, params } = message;
    if (this.#theirs.size >= SERVER_REQUESTS_MAX || this.#theirs.has(id)) {
      const refusal = { code: CODES.refused, message: "Too many requests, or an id used twice." };
      return this.#wire.sendOther(errorText(id, refusal), null);
    }
    this.#theirs.add(id);
    const tell = (reply: RpcReply): void => {
      // Cancelled by the server meanwhile: an answer would be noise to it.
      if (this.#theirs.delete(id) && this.#endedBecause === null) this.#wire.sendOther(replyText(id, reply), null);
    };
    if (method === "ping") return tell({ kind: "result", result: {} });
    const respond = this.#responderFor(call);
    const complete = (reply: RpcReply): void =>
      tell(reply.kind === "result" ? { kind: "result", result: completed(method, params, reply.result) } : reply);
    respond(method, params).then(complete, (error: unknown) =>
      tell({ kind: "broken", reason: `The request failed here: ${reasonOf(error)}` }),
    );
  }

  #responderFor(call: number | null): Responder {
    return this.#callOf(call)?.respond ?? this.#respond;
  }

  /** The call that the server means: its stream says it, or all that are under way are of one group. */
  #callOf(call: number | null): Waiting | null {
    const own = call === null ? undefined : this.#waiting.get(call);
    if (own !== undefined) return own;
    const all = [...this.#waiting.values()].filter(({ group, respond }) => group !== null || respond !== null);
    const last = all.at(-1);
    return last !== undefined && all.every(({ group }) => group === last.group) ? last : null;
  }
}

function notFound(method: string): RpcReply {
  return { kind: "error", code: CODES.methodNotFound, message: `Method not found: ${method.slice(0, 100)}` };
}

/** A second `_meta` would give the sent text two readings. */
function assertNoMeta(paramsText: string): void {
  assert(paramsText.startsWith("{") && paramsText.endsWith("}"), "params are not the text of an object");
  if (!paramsText.includes('"_meta"')) return;
  const params: unknown = readJson(paramsText);
  assert(isObject(params) && !("_meta" in params), "params bring their own _meta");
}

function metaFor(call: PeerCall, id: number, dialect: Dialect): JsonObject | null {
  const given = call.meta === undefined ? null : metaIn(dialect, reduceMeta(call.meta));
  const token = call.onProgress === undefined ? null : { progressToken: id };
  const own = dialect.era === "modern" ? modernMeta(call, dialect.meta) : null;
  return given === null && token === null && own === null ? null : { ...given, ...own, ...token };
}

/** The old era names no log level with a call. */
function metaIn(dialect: Dialect, meta: JsonObject): JsonObject | null {
  if (dialect.era === "modern") return meta;
  const { [META.logLevel]: _level, ...rest } = meta;
  return Object.keys(rest).length === 0 ? null : rest;
}

function modernMeta(call: PeerCall, meta: JsonObject): JsonObject {
  return call.capabilities === undefined ? meta : { ...meta, [META.clientCapabilities]: call.capabilities };
}
