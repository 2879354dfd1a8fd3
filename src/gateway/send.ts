// The only place that writes a call to an upstream server, and the only one that spends a permit.
// Invariant: the bytes sent are the canonical bytes the permit was issued for; a permit sends once.

import type { Permit } from "../kernel/index.ts";
import type { Peer, PeerCall, RpcReply } from "../mcp/index.ts";

/** `paramsText` is the canonical JSON of the parameters. */
export interface Sending extends Omit<PeerCall, "method"> {
  readonly permit: Permit;
  readonly peer: Peer;
}

export function send({ permit, peer, ...call }: Sending): Promise<RpcReply> {
  if (permit.spend(call.paramsText)) return peer.request({ ...call, method: permit.method });
  return Promise.resolve({ kind: "broken", reason: "the permit is for another call, or was used before" });
}
