// The only place that writes a call to an upstream server, and the only one that spends a permit.
// Invariant: the bytes sent are the canonical bytes the permit was issued for; a permit sends once.

import type { JsonObject, Permit } from "../kernel/index.ts";
import type { Peer, RpcReply } from "../mcp/index.ts";

export interface Sending {
  readonly permit: Permit;
  readonly peer: Peer;
  /** Canonical JSON of the parameters. */
  readonly paramsText: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: JsonObject) => void;
}

export function send(sending: Sending): Promise<RpcReply> {
  const { permit, peer, paramsText, timeoutMs, signal, onProgress } = sending;
  if (!permit.spend(paramsText)) {
    return Promise.resolve({ kind: "broken", reason: "the permit is for another call, or was used before" });
  }
  return peer.request({
    method: permit.method,
    paramsText,
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
}
