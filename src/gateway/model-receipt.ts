// What stays of an answer of a model: where it went, how much, at what price. Not what it said.

import {
  sha256,
  type JsonObject,
  type Label,
  type ModelRequest,
  type ModelUsage,
  type Place,
} from "../kernel/index.ts";
import type { ModelPeer, ModelReply, Wire } from "../models/index.ts";

export interface Asked {
  readonly request: ModelRequest;
  readonly peer: ModelPeer;
  readonly place: Place;
  readonly wire: Wire;
  readonly label: Label;
}

export interface Settled {
  readonly reply: ModelReply;
  /** Null: charged at the bound. */
  readonly usage: ModelUsage | null;
  readonly costNanoUsd: number;
  readonly startedAtMs: number;
  readonly atMs: number;
}

export function receiptOf({ peer, place, wire, label, request }: Asked, settled: Settled): JsonObject {
  const { reply, usage, costNanoUsd, startedAtMs, atMs } = settled;
  const isAnswered = reply.kind === "answered";
  const isUnsent = !isAnswered && reply.isUnsent;
  return {
    address: peer.address,
    costNanoUsd,
    ...(isAnswered && reply.doubt !== undefined ? { doubt: reply.doubt } : {}),
    firstMs: isAnswered ? reply.firstMs : null,
    identity: isAnswered ? reply.identity : null,
    label: { ...label },
    latencyMs: atMs - startedAtMs,
    place,
    price: peer.price?.source ?? null,
    reply: isAnswered ? "result" : isUnsent ? "not-sent" : "broken",
    route: request.model === null ? "first cleared" : request.model === peer.name ? "asked for" : "stands in",
    sentBytes: isUnsent ? 0 : Buffer.byteLength(wire.text),
    sentSha256: isUnsent ? null : sha256(wire.text),
    sources: { ...request.sources },
    usage: usage === null ? null : { ...usage },
  };
}
