// The only place that writes a call to an upstream server or a model, and the only one that spends a permit.
// Invariant: the bytes sent are the canonical bytes the permit was issued for; a permit sends once.

import { assert, type Permit } from "../kernel/index.ts";
import type { Peer, PeerCall, RpcReply } from "../mcp/index.ts";
import type { ModelPeer, ModelReply, Posting } from "../models/index.ts";

/** `paramsText` is the canonical JSON of the parameters. */
export interface Sending extends Omit<PeerCall, "method"> {
  readonly permit: Permit;
  readonly peer: Peer;
}

export function send({ permit, peer, ...call }: Sending): Promise<RpcReply> {
  if (permit.spend(call.paramsText)) return peer.request({ ...call, method: permit.method });
  return Promise.resolve({ kind: "broken", reason: "the permit is for another call, or was used before" });
}

export function postToModel({
  permit,
  peer,
  ...posting
}: Posting & { readonly permit: Permit; readonly peer: ModelPeer }): Promise<ModelReply> {
  assert(permit.server === `model:${peer.name}` && permit.spend(posting.wire.text), "a permit of another call");
  return peer.post(posting);
}
