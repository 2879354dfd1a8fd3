// A server behind a filter for all it says, and the count of what it has not answered.

import type { JsonObject } from "../kernel/index.ts";
import type { RpcReply } from "./messages.ts";
import type { Peer, PeerCall } from "./peer.ts";

export interface PeerFilter {
  text(text: string): string;
  object(object: JsonObject): JsonObject;
}

/** The same server, of which every word passes the filter first. */
export function filteredPeer(peer: Peer, filter: PeerFilter): Peer {
  return {
    transport: peer.transport,
    closed: peer.closed.then((reason) => filter.text(reason)),
    async request(call) {
      return filteredReply(await peer.request({ ...call, ...filteredEars(call, filter) }), filter);
    },
    onNotification: (listener) => peer.onNotification((method, params) => listener(method, filter.object(params))),
    setRequestResponder: (respond) =>
      peer.setRequestResponder((method, params) => respond(method, filter.object(params))),
    notify: (method, params) => peer.notify(method, params),
    mirror: (tools) => peer.mirror(tools),
    speak: (dialect) => peer.speak(dialect),
    openStream: () => peer.openStream(),
    close: () => peer.close(),
  };
}

/** What the server says in the middle of a call. */
function filteredEars(call: PeerCall, filter: PeerFilter): Pick<PeerCall, "onProgress" | "onNotice" | "respond"> {
  const { onProgress, onNotice, respond } = call;
  return {
    ...(onProgress && { onProgress: (said) => onProgress(filter.object(said)) }),
    ...(onNotice && { onNotice: (method, params) => onNotice(method, filter.object(params)) }),
    ...(respond && { respond: (method, params, key) => respond(method, filter.object(params), key) }),
  };
}

function filteredReply(reply: RpcReply, filter: PeerFilter): RpcReply {
  switch (reply.kind) {
    case "result":
      return { ...reply, result: filter.object(reply.result) };
    case "error": {
      // In one go: an error may be spread over its text and its data.
      const { message, ...data } = filter.object({ message: reply.message, data: reply.data ?? null });
      const own = { ...reply, message: typeof message === "string" ? message : "" };
      return reply.data === undefined ? own : { ...own, ...data };
    }
    case "broken":
      return { ...reply, reason: filter.text(reply.reason) };
  }
}

/** What the daemon says of itself when a call went unanswered; see peer.ts. */
const SILENCE = /^no answer to /;

export interface CountedPeer {
  readonly peer: Peer;
  /** Calls and subscriptions made over it that are not answered. */
  underway(): number;
}

export function countedPeer(peer: Peer, onSilence: () => void): CountedPeer {
  let underway = 0;
  return {
    underway: () => underway,
    peer: {
      ...peer,
      async request(call) {
        underway += 1;
        const reply = await peer.request(call);
        underway -= 1;
        if (reply.kind === "broken" && SILENCE.test(reply.reason)) onSilence();
        return reply;
      },
    },
  };
}
