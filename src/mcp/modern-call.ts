// A call of the modern era. Where the server asks something, the client gets `input_required`, the call stays here, and
// the client's next try with its answers takes it up (2026-07-28, multi round-trip requests).

import { randomBytes } from "node:crypto";
import { canonical, isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { META } from "./eras.ts";
import { openExchange, sendRefusal, sendReply, type Exchange } from "./exchange.ts";
import { CODES, type RpcId, type RpcReply } from "./messages.ts";
import {
  ANSWER_MAX_MS,
  kindOf,
  LOG_LEVELS,
  notAskable,
  QUESTIONS_MAX,
  unanswered,
  type ServerQuestion,
} from "./questions.ts";
import { replyFor } from "./results.ts";
import { handOn, takePlace, tooMany, type CallParts } from "./run-call.ts";
import type { Visit, WireClient } from "./wire-client.ts";

export interface ModernCall<I> {
  readonly visit: Visit<I>;
  readonly wire: WireClient;
  readonly id: RpcId;
  readonly method: string;
  readonly params: JsonObject;
}

export interface ModernParts<I> extends CallParts<I> {
  /** Calls that wait for their client, by the state that it must bring back. */
  readonly parked: Map<string, OpenCall<I>>;
}

const PARKED_MAX = 256;
/** Questions that a server asks in one breath go out together. */
const GATHER_MS = 5;
const STATE_BYTES = 24;
const MAY_ASK: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"]);

/** The answer goes out on the visit's response; nothing is left to wait for. */
export function runModernCall<I>(parts: ModernParts<I>, call: ModernCall<I>): void {
  const { visit, id, params, method } = call;
  const answers = answersIn(params);
  const refuse = (reply: RpcReply): void => sendReply(visit.response, { status: 200, id, reply });
  if (answers === null && MAY_ASK.has(method)) return refuse(invalid("inputResponses must hold objects by key."));
  const state = MAY_ASK.has(method) ? params["requestState"] : undefined;
  if (state === undefined) return OpenCall.start(parts, call, answers ?? {});
  const parked = typeof state === "string" ? parts.parked.get(state) : undefined;
  if (parked === undefined || !parked.isOf(call)) {
    return refuse({ ...invalid("Invalid or expired requestState."), data: { reason: "invalid_request_state" } });
  }
  parked.takeUp(call, answers ?? {});
}

/** For a client that is gone: what waits for it is given up. */
export function dropParked<I>(
  parked: ModernParts<I>["parked"],
  isFor: (identity: I, wire: WireClient) => boolean,
): void {
  for (const call of new Set(parked.values())) if (isFor(call.identity, call.wire)) call.drop();
}

function invalid(message: string): RpcReply & { readonly kind: "error" } {
  return { kind: "error", code: CODES.invalidParams, message };
}

/** Null when there are some that no server could read. */
function answersIn({ inputResponses }: JsonObject): JsonObject | null {
  if (inputResponses === undefined) return {};
  if (!isObject(inputResponses)) return null;
  return Object.values(inputResponses).every((answer) => isObject(answer)) ? inputResponses : null;
}

/** The same call again is the same method with the same parameters, whatever it brings along. */
function sameness({ visit, wire, method, params }: ModernCall<unknown>): string {
  const { inputResponses: _responses, requestState: _state, _meta, ...own } = params;
  return canonical([visit.key, wire.id, method, own]);
}

interface Waiting {
  readonly question: ServerQuestion;
  readonly resolve: (reply: RpcReply) => void;
}

/** Owns one call from its first try to its answer, over as many tries as it takes. */
class OpenCall<I> {
  readonly identity: I;
  readonly wire: WireClient;
  readonly #parts: ModernParts<I>;
  readonly #method: string;
  readonly #sameness: string;
  readonly #stop = new AbortController();
  readonly #waiting = new Map<string, Waiting>();
  #given: JsonObject;
  #exchange: Exchange | null = null;
  #outcome: RpcReply | null = null;
  #state: string | null = null;
  #gather: NodeJS.Timeout | null = null;
  #expiry: NodeJS.Timeout | null = null;

  static start<I>(parts: ModernParts<I>, call: ModernCall<I>, given: JsonObject): void {
    const place = takePlace(parts.inFlight, `${call.visit.key}.${call.wire.id}`);
    if (place === null) return sendRefusal(call.visit.response, tooMany(), call.id);
    const open = new OpenCall(parts, call, given);
    open.#attach(call);
    const { inputResponses: _responses, requestState: _state, ...params } = call.params;
    const level = isObject(params["_meta"]) ? params["_meta"][META.logLevel] : undefined;
    const carried = {
      identity: call.visit.identity,
      wire: call.wire,
      method: call.method,
      params: MAY_ASK.has(call.method) ? params : call.params,
      signal: open.#stop.signal,
      logLevel: typeof level === "string" && LOG_LEVELS.includes(level) ? level : null,
      ask: (question: ServerQuestion) => open.#ask(question),
      exchange: () => open.#exchange,
    };
    handOn(parts.options, carried, (reply) => {
      place.release();
      open.#finish(reply);
    });
  }

  private constructor(parts: ModernParts<I>, call: ModernCall<I>, given: JsonObject) {
    this.identity = call.visit.identity;
    this.wire = call.wire;
    this.#parts = parts;
    this.#method = call.method;
    this.#sameness = sameness(call);
    this.#given = given;
  }

  isOf(call: ModernCall<I>): boolean {
    return sameness(call) === this.#sameness;
  }

  takeUp(call: ModernCall<I>, answers: JsonObject): void {
    this.#leaveTable();
    this.#attach(call);
    if (this.#outcome !== null) return this.#finish(this.#outcome);
    for (const [key, { resolve }] of [...this.#waiting]) {
      const answer = answers[key];
      if (!isObject(answer)) continue;
      this.#waiting.delete(key);
      resolve({ kind: "result", result: answer });
    }
    if (this.#waiting.size > 0) this.#gatherSoon();
  }

  drop(): void {
    this.#leaveTable();
    this.#stop.abort();
    this.#giveUp("The client has left.");
  }

  #attach({ visit, id }: ModernCall<I>): void {
    const { response } = visit;
    const exchange = openExchange({ visit, id, streams: this.#parts.streams, log: null });
    this.#exchange = exchange;
    // In 2026-07-28 leaving cancels; a client that was sent a question has not left.
    response.once("close", () => {
      if (this.#exchange === exchange && !response.writableFinished) this.drop();
    });
  }

  #ask(question: ServerQuestion): Promise<RpcReply> {
    const refusal = notAskable(this.wire.capabilities, question);
    if (refusal !== null) return Promise.resolve(refusal);
    const isTooMuch = this.#waiting.size >= QUESTIONS_MAX || this.#parts.parked.size >= PARKED_MAX;
    if (isTooMuch || this.#stop.signal.aborted || !MAY_ASK.has(this.#method)) {
      return Promise.resolve(unanswered("The client cannot be asked now."));
    }
    const key = this.#freeKey(question);
    const given = this.#given[key];
    if (isObject(given)) {
      const { [key]: _used, ...rest } = this.#given;
      this.#given = rest;
      return Promise.resolve({ kind: "result", result: given });
    }
    const { promise, resolve } = Promise.withResolvers<RpcReply>();
    this.#waiting.set(key, { question, resolve });
    this.#gatherSoon();
    return promise;
  }

  #freeKey({ key, method }: ServerQuestion): string {
    const wanted = key ?? kindOf(method) ?? "question";
    let free = wanted;
    for (let turn = 2; this.#waiting.has(free); turn += 1) free = `${wanted}-${turn}`;
    return free;
  }

  #gatherSoon(): void {
    this.#gather ??= setTimeout(() => {
      this.#gather = null;
      this.#park();
    }, GATHER_MS);
  }

  #park(): void {
    if (this.#exchange === null || this.#waiting.size === 0) return;
    const state = randomBytes(STATE_BYTES).toString("base64url");
    this.#state = state;
    this.#parts.parked.set(state, this);
    this.#expiry = setTimeout(() => this.drop(), ANSWER_MAX_MS).unref();
    const inputRequests: Record<string, JsonValue> = {};
    for (const [key, { question }] of this.#waiting) {
      inputRequests[key] = { method: question.method, params: question.params };
    }
    this.#send({ kind: "result", result: { resultType: "input_required", inputRequests, requestState: state } });
  }

  #send(reply: RpcReply): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    const { serverInfo } = this.#parts.options;
    exchange?.reply(statusOf(reply), replyFor({ era: "modern", method: this.#method, reply, serverInfo }));
  }

  /** A call that ends while its client is away keeps its answer until the client comes back or is too late. */
  #finish(reply: RpcReply): void {
    this.#outcome = reply;
    this.#giveUp("The call has ended.");
    if (this.#exchange !== null) this.#send(reply);
  }

  #giveUp(reason: string): void {
    for (const { resolve } of this.#waiting.values()) resolve(unanswered(reason));
    this.#waiting.clear();
    if (this.#gather !== null) clearTimeout(this.#gather);
    this.#gather = null;
  }

  #leaveTable(): void {
    if (this.#state !== null) this.#parts.parked.delete(this.#state);
    if (this.#expiry !== null) clearTimeout(this.#expiry);
    this.#state = null;
    this.#expiry = null;
  }
}

/** Modern answers carry these two errors in the HTTP status as well (2026-07-28, transports). */
function statusOf(reply: RpcReply): number {
  if (reply.kind !== "error") return 200;
  if (reply.code === CODES.methodNotFound) return 404;
  return reply.code === CODES.missingCapability ? 400 : 200;
}
