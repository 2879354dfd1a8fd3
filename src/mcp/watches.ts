// Single resources watched at a server of the new era: each is a subscription that stays open for as long as the
// server does. The old era asks for the same with one request.

import { isObject, readJson, type JsonObject } from "../kernel/index.ts";
import { CODES, type RpcReply } from "./messages.ts";

export interface Watches {
  /** With the parameters of `resources/subscribe`. */
  add(paramsText: string): RpcReply;
  end(): void;
}

const WATCHED_MAX = 200;
const PAUSE_FIRST_MS = 1_000;
const PAUSE_LAST_MS = 60_000;
const DONE: RpcReply = { kind: "result", result: {} };

/** `listen` sends one `subscriptions/listen` and settles when that ends. */
export function createWatches(listen: (params: JsonObject) => Promise<RpcReply>): Watches {
  const watched = new Set<string>();
  const timers = new Map<string, NodeJS.Timeout>();
  let isOver = false;

  async function watch(uri: string, pauseMs: number): Promise<void> {
    timers.delete(uri);
    const reply = await listen({ notifications: { resourceSubscriptions: [uri] } });
    if (isOver) return;
    if (reply.kind === "error") watched.delete(uri);
    else timers.set(uri, setTimeout(() => start(uri, Math.min(pauseMs * 2, PAUSE_LAST_MS)), pauseMs).unref());
  }

  function start(uri: string, pauseMs: number): void {
    // A server that cannot be asked is no longer watched; the next one who subscribes tries again.
    watch(uri, pauseMs).catch(() => watched.delete(uri));
  }

  return {
    add(paramsText) {
      const params: unknown = readJson(paramsText);
      const uri = isObject(params) ? params["uri"] : undefined;
      if (typeof uri !== "string") return { kind: "error", code: CODES.invalidParams, message: "no uri" };
      if (watched.has(uri)) return DONE;
      if (watched.size >= WATCHED_MAX) {
        return { kind: "error", code: CODES.refused, message: `${WATCHED_MAX} resources are watched already` };
      }
      watched.add(uri);
      start(uri, PAUSE_FIRST_MS);
      return DONE;
    },
    end() {
      isOver = true;
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    },
  };
}
