// The room of models: wire formats, routes, places, prices, the local engine.

export { NO_MODELS } from "./peer.ts";
export type { ModelPeer, ModelReply, Models, Posting, Pricing, ProvenPlace, Wire, WireFault } from "./peer.ts";
