// A call of the legacy era: progress, log messages and the server's questions go out on the stream of its own POST,
// the answers come in as messages of the session.

import type { JsonObject } from "../kernel/index.ts";
import { openExchange, sendRefusal, sendReply, type Exchange } from "./exchange.ts";
import { refuse } from "./http-gate.ts";
import { CODES, notificationText, requestText, type RpcId, type RpcReply } from "./messages.ts";
import {
  ANSWER_MAX_MS,
  LOG_LEVELS,
  notAskable,
  QUESTIONS_MAX,
  unanswered,
  type AskClient,
  type ServerQuestion,
} from "./questions.ts";
import { handOn, takePlace, tooMany, type CallParts } from "./run-call.ts";
import type { Visit } from "./wire-client.ts";
import type { WireSession } from "./wire-sessions.ts";

export interface LegacyCall<I> {
  readonly visit: Visit<I>;
  readonly session: WireSession<I>;
  readonly id: RpcId;
  readonly method: string;
  readonly params: JsonObject;
}

const EMPTY: RpcReply = { kind: "result", result: {} };
const CANCELLED: RpcReply = { kind: "error", code: CODES.refused, message: "Cancelled." };
const WATCHED_MAX = 100;

/** The answer goes out on the visit's response; nothing is left to wait for. */
export function runLegacyCall<I>(parts: CallParts<I>, call: LegacyCall<I>): void {
  const { visit, session, id, method, params } = call;
  const { response } = visit;
  if (method === "ping") return sendReply(response, { status: 200, id, reply: EMPTY });
  if (method === "logging/setLevel") return sendReply(response, { status: 200, id, reply: setLevel(call) });
  if (session.running.has(id)) {
    return sendRefusal(response, refuse(400, "A request with this id is under way.", CODES.invalidRequest), id);
  }
  const place = takePlace(parts.inFlight, `${visit.key}.${session.wire.id}`);
  if (place === null) return sendRefusal(response, tooMany(), id);
  const exchange = openExchange({ visit, id, streams: parts.streams, log: session.log });
  const stop = new AbortController();
  const finish = (reply: RpcReply): void => {
    place.release();
    session.running.delete(id);
    if (!stop.signal.aborted) exchange.reply(200, reply);
  };
  session.running.set(id, () => {
    stop.abort();
    exchange.reply(200, CANCELLED);
  });
  const { signal } = stop;
  const { identity } = visit;
  const { wire, logLevel } = session;
  const ask = askBy({ session, exchange, signal });
  const carried = { identity, wire, method, params, signal, logLevel, ask, exchange: () => exchange };
  handOn(parts.options, carried, (reply) => {
    watch(call, reply);
    finish(reply);
  });
}

function setLevel<I>({ session, params }: LegacyCall<I>): RpcReply {
  const { level } = params;
  if (typeof level !== "string" || !LOG_LEVELS.includes(level)) {
    return { kind: "error", code: CODES.invalidParams, message: `level must be one of ${LOG_LEVELS.join(", ")}.` };
  }
  session.logLevel = level;
  return EMPTY;
}

/** What is told to all who watch a resource goes to this session too, from here on or no longer. */
function watch<I>({ session, method, params }: LegacyCall<I>, reply: RpcReply): void {
  const { uri } = params;
  if (typeof uri !== "string" || reply.kind !== "result") return;
  if (method === "resources/subscribe" && session.watched.size < WATCHED_MAX) session.watched.add(uri);
  if (method === "resources/unsubscribe") session.watched.delete(uri);
}

function askBy<I>(parts: {
  readonly session: WireSession<I>;
  readonly exchange: Exchange;
  readonly signal: AbortSignal;
}): AskClient {
  const { session, exchange, signal } = parts;
  return (question: ServerQuestion) => {
    const refusal = notAskable(session.wire.capabilities, question);
    if (refusal !== null) return Promise.resolve(refusal);
    if (session.asked.size >= QUESTIONS_MAX || signal.aborted) {
      return Promise.resolve(unanswered("The client is asked too much at once, or has left."));
    }
    session.lastAsked += 1;
    const id = `freehold-${session.lastAsked}`;
    const { method, params, gone } = question;
    const { promise, resolve } = Promise.withResolvers<RpcReply>();
    const finish = (reply: RpcReply): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
      gone?.removeEventListener("abort", giveUp);
      session.asked.delete(id);
      resolve(reply);
    };
    const giveUp = (): void => {
      exchange.event(notificationText("notifications/cancelled", { requestId: id }));
      finish(unanswered("The client did not answer."));
    };
    const timer = setTimeout(giveUp, ANSWER_MAX_MS).unref();
    signal.addEventListener("abort", giveUp, { once: true });
    gone?.addEventListener("abort", giveUp, { once: true });
    session.asked.set(id, finish);
    const text = requestText({ id, method, paramsText: JSON.stringify(params), meta: null });
    if (!exchange.event(text)) finish(unanswered("The client does not listen to this call."));
    return promise;
  };
}
