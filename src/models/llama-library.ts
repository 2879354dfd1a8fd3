// What we use of node-llama-cpp 3.22, which is no dependency of ours: it is installed apart, and loaded in its child.

import type { JsonObject } from "../kernel/index.ts";

export interface LlamaLibrary {
  getLlama(options: {
    readonly gpu: false;
    readonly build: "never";
    readonly skipDownload: true;
    readonly progressLogs: false;
    readonly logLevel: "error";
    readonly maxThreads: number;
  }): Promise<Llama>;
  readonly LlamaChat: new (options: { readonly contextSequence: Sequence; readonly chatWrapper: Wrapper }) => Chat;
  resolveChatWrapper(model: LlamaModel): Wrapper;
}

export interface Llama {
  loadModel(options: {
    readonly modelPath: string;
    readonly defaultContextFlashAttention?: boolean;
  }): Promise<LlamaModel>;
  createGrammarForJsonSchema(schema: JsonObject): Promise<Grammar>;
  getGrammarFor(kind: "json"): Promise<Grammar>;
}

export interface LlamaModel {
  readonly trainContextSize: number;
  readonly tokenizer: unknown;
  tokenize(text: string): readonly number[];
  createContext(options: { readonly contextSize: number; readonly sequences: 1 }): Promise<{ getSequence(): Sequence }>;
  createEmbeddingContext(options: { readonly contextSize: number }): Promise<EmbeddingContext>;
}

export interface EmbeddingContext {
  getEmbeddingFor(text: string): Promise<{ readonly vector: readonly number[] }>;
}

export interface Wrapper {
  generateContextState(options: {
    readonly chatHistory: readonly JsonObject[];
    readonly availableFunctions?: JsonObject;
    readonly documentFunctionParams: boolean;
  }): { readonly contextText: { tokenize(tokenizer: unknown): readonly number[] } };
}

export interface Sequence {
  readonly tokenMeter: Meter;
}

interface Meter {
  readonly usedInputTokens: number;
  readonly usedOutputTokens: number;
}

/** Opaque. */
export interface Grammar {
  readonly rootRuleName?: string;
}

export interface Chat {
  generateResponse(history: readonly JsonObject[], options: GenerateOptions): Promise<Response>;
}

export interface GenerateOptions {
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly customStopTriggers: readonly string[];
  readonly signal: AbortSignal;
  readonly stopOnAbortSignal: true;
  readonly grammar?: Grammar;
  readonly functions?: JsonObject;
  readonly documentFunctionParams?: boolean;
  readonly maxParallelFunctionCalls?: number;
  /** Where the library would otherwise leave out what does not fit. */
  readonly contextShift: { readonly strategy: () => never };
  onResponseChunk(chunk: { readonly segmentType?: string; readonly text: string }): void;
}

interface Response {
  readonly functionCalls?: readonly { readonly functionName: string; readonly params: unknown }[];
  readonly metadata: { readonly stopReason: string };
}
