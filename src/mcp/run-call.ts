// One request handed on and answered, the same for both eras: limits, the era's form, failures.

import { Fault, isObject, type JsonObject } from "../kernel/index.ts";
import { reduceParams, type Exchange } from "./exchange.ts";
import { refuse, type Refusal } from "./http-gate.ts";
import { CODES, notificationText, type RpcReply } from "./messages.ts";
import { isLoudEnough, type AskClient } from "./questions.ts";
import { replyFor } from "./results.ts";
import type { Streams } from "./streams.ts";
import type { Served, ServeHttpOptions, WireClient } from "./wire-client.ts";

export interface CallParts<I> {
  readonly options: ServeHttpOptions<I>;
  /** Calls under way by client, so that one client cannot take all of the daemon. */
  readonly inFlight: Map<string, number>;
  readonly streams: Streams;
}

/** A call as it is handed on, whatever carries it. */
export interface Carried<I> {
  readonly identity: I;
  readonly wire: WireClient;
  readonly method: string;
  readonly params: JsonObject;
  readonly signal: AbortSignal;
  /** The lightest log message that the client wants; null for none. */
  readonly logLevel: string | null;
  readonly ask: AskClient;
  /** Where the client listens now; null while it does not. */
  exchange(): Exchange | null;
}

const IN_FLIGHT_MAX = 64;

/** `done` gets the one answer, also where handing on failed. */
export function handOn<I>(options: ServeHttpOptions<I>, call: Carried<I>, done: (reply: RpcReply) => void): void {
  respondTo(options, call).then(done, (error: unknown) => {
    options.reportFailure?.(error);
    const code = error instanceof Fault ? ` (${error.code})` : "";
    done({ kind: "error", code: CODES.internal, message: `Freehold could not serve this request${code}.` });
  });
}

async function respondTo<I>(options: ServeHttpOptions<I>, call: Carried<I>): Promise<RpcReply> {
  const { identity, wire, method, signal, logLevel, ask } = call;
  const params = reduceParams(call.params);
  const say = (said: string, content: JsonObject): void => {
    call.exchange()?.event(notificationText(said, content));
  };
  const tell = (said: string, content: JsonObject): void => {
    const isWanted = said === "notifications/message" && logLevel !== null && isLoudEnough(content, logLevel);
    if (isWanted) say(said, content);
  };
  const meta = params["_meta"];
  const progressToken = isObject(meta) ? meta["progressToken"] : undefined;
  const progress =
    progressToken === undefined
      ? {}
      : { progress: (content: JsonObject) => say("notifications/progress", { ...content, progressToken }) };
  const served: Served<I> = { identity, wire, method, params, signal, logLevel, ask, tell, ...progress };
  const reply = await options.respond(served);
  return replyFor({ era: wire.era, method, reply, serverInfo: options.serverInfo });
}

export function tooMany(): Refusal {
  return refuse(429, `More than ${IN_FLIGHT_MAX} requests are under way.`);
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
