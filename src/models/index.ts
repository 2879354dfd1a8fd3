// The room of models: wire formats, routes, places, prices, the local engine.

export { currentModel, openEngineModel } from "./llama-model.ts";
export type { EngineModel, EngineModelOptions } from "./llama-model.ts";
export { recordingPeer, replayingPeer } from "./cassette.ts";
export type { Declarations, ModelDeclaration } from "./declaration.ts";
export { findRunners } from "./find.ts";
export { openModels } from "./models.ts";
export type { LocalModel, OpenModels } from "./models.ts";
export { NO_MODELS } from "./peer.ts";
export type { ModelPeer, ModelReply, Models, Posting, Pricing, ProvenPlace, Wire, WireFault } from "./peer.ts";
export { sseText } from "./sse.ts";
export { writeStream, writeWhole } from "./write-answer.ts";
export type { StreamWriter } from "./write-answer.ts";
