// Hears of changed lists from a server of either era, for as long as its peer lives.

import { isObject } from "../kernel/index.ts";
import type { Hello } from "./handshake.ts";
import { CODES, type RpcReply } from "./messages.ts";
import type { Peer } from "./peer.ts";

const LISTS = [
  ["tools", "toolsListChanged"],
  ["prompts", "promptsListChanged"],
  ["resources", "resourcesListChanged"],
] as const;
const PAUSE_FIRST_MS = 1_000;
const PAUSE_LAST_MS = 60_000;

/** `missed` is called when the server could not be heard for a while. What it says comes as notifications. */
export function listenForChanges(peer: Peer, hello: Hello, missed: () => void): void {
  if (hello.era === "legacy") return peer.openStream();
  const wanted = LISTS.filter(([list]) => {
    const offered = hello.capabilities[list];
    return isObject(offered) && offered["listChanged"] === true;
  });
  if (wanted.length === 0) return;
  const notifications = Object.fromEntries(wanted.map(([, field]) => [field, true]));
  const paramsText = JSON.stringify({ notifications });
  let isOver = false;
  let timer: NodeJS.Timeout | null = null;
  let pauseMs = PAUSE_FIRST_MS;

  function ask(isAgain: boolean): void {
    timer = null;
    const startedMs = performance.now();
    const listening = peer.request({ method: "subscriptions/listen", paramsText, timeoutMs: 0 });
    const again = (reply: RpcReply): void => {
      if (isOver || isRefusal(reply)) return;
      pauseMs = performance.now() - startedMs > PAUSE_LAST_MS ? PAUSE_FIRST_MS : Math.min(pauseMs * 2, PAUSE_LAST_MS);
      timer = setTimeout(() => ask(true), pauseMs).unref();
    };
    // A peer's request never rejects, and neither does its end.
    listening.then(again, () => undefined);
    if (isAgain) missed();
  }

  const end = (): void => {
    isOver = true;
    if (timer !== null) clearTimeout(timer);
  };
  peer.closed.then(end, end);
  ask(false);
}

function isRefusal(reply: RpcReply): boolean {
  return reply.kind === "error" && (reply.code === CODES.methodNotFound || reply.code === CODES.invalidParams);
}
