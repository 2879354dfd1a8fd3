// Runs one model file: `llama-child LIBRARY MODEL CONTEXT THREADS`. Started in the sandbox, without network; it may
// read the library, our own two rooms and the model. Orders come on stdin, answers go to stdout, a line each.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { isObject, oneLine, readJson, type JsonObject } from "../kernel/index.ts";
import type {
  Chat,
  EmbeddingContext,
  GenerateOptions,
  Llama,
  LlamaLibrary,
  LlamaModel,
  Sequence,
  Wrapper,
} from "./llama-library.ts";
import type { Command, LlamaOrder } from "./llama-lines.ts";

interface Loaded {
  readonly library: LlamaLibrary;
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly wrapper: Wrapper;
  readonly contextTokens: number;
  /** Made when they are first needed: a model is asked for one or for the other. */
  chat: Promise<OpenChat> | null;
  embedding: Promise<EmbeddingContext> | null;
}

interface OpenChat {
  readonly chat: Chat;
  readonly sequence: Sequence;
}

function tell(line: JsonObject): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function main([library = "", file = "", context = "0", threads = "1"]: readonly string[]): Promise<void> {
  // Lines are all that may stand on stdout.
  Object.assign(console, { log: console.error, info: console.error, debug: console.error });
  const underway = new Map<number, AbortController>();
  const loaded = load({ library, file, contextTokens: Number(context), maxThreads: Number(threads) });
  // What cannot be loaded is told, and the reason with it.
  await loaded.catch((error: unknown) => {
    tell({ kind: "unready", reason: reasonOf(error) });
    process.exit(1);
  });
  tell({ kind: "ready", contextTokens: (await loaded).contextTokens });
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on("line", (text) => void obey(loaded, { command: commandIn(text), underway }));
  lines.on("close", () => process.exit(0));
}

/** Written by our own other half. */
function commandIn(text: string): Command {
  return readJson(text) as unknown as Command;
}

interface Obeying {
  readonly command: Command;
  readonly underway: Map<number, AbortController>;
}

/** Never rejects: what fails is told. */
async function obey(loading: Promise<Loaded>, { command, underway }: Obeying): Promise<void> {
  const { id } = command;
  if (command.do === "cancel") return underway.get(id)?.abort();
  const ending = new AbortController();
  underway.set(id, ending);
  try {
    const loaded = await loading;
    if (command.do === "embed") await embed(loaded, id, command.texts);
    else if (command.do === "count") tell({ kind: "counted", id, tokens: countOf(loaded, command.order) });
    else await chat(loaded, { id, order: command.order, signal: ending.signal });
  } catch (error) {
    tell({ kind: "failed", id, reason: reasonOf(error) });
  } finally {
    underway.delete(id);
  }
}

interface Loading {
  readonly library: string;
  readonly file: string;
  readonly contextTokens: number;
  readonly maxThreads: number;
}

async function load({ library: path, file, contextTokens, maxThreads }: Loading): Promise<Loaded> {
  const library = (await import(pathToFileURL(path).href)) as LlamaLibrary;
  const quiet = { progressLogs: false, logLevel: "error" } as const;
  const llama = await library.getLlama({ gpu: false, build: "never", skipDownload: true, ...quiet, maxThreads });
  const model = await llama.loadModel({ modelPath: file });
  const wrapper = library.resolveChatWrapper(model);
  const fitting = Math.min(contextTokens, model.trainContextSize);
  return { library, llama, model, wrapper, contextTokens: fitting, chat: null, embedding: null };
}

function countOf({ wrapper, model }: Loaded, { history, functions }: LlamaOrder): number {
  const { contextText } = wrapper.generateContextState({
    chatHistory: history,
    ...(functions === null ? {} : { availableFunctions: functions }),
    documentFunctionParams: true,
  });
  return contextText.tokenize(model.tokenizer).length;
}

async function openChat({ library, model, wrapper, contextTokens }: Loaded): Promise<OpenChat> {
  const context = await model.createContext({ contextSize: contextTokens, sequences: 1 });
  const sequence = context.getSequence();
  return { chat: new library.LlamaChat({ contextSequence: sequence, chatWrapper: wrapper }), sequence };
}

interface Asked {
  readonly id: number;
  readonly order: LlamaOrder;
  readonly signal: AbortSignal;
}

async function chat(loaded: Loaded, { id, order, signal }: Asked): Promise<void> {
  const input = countOf(loaded, order);
  if (input >= loaded.contextTokens) throw new Error(`${input} tokens are more than its ${loaded.contextTokens}`);
  const { chat: opened, sequence } = await (loaded.chat ??= openChat(loaded));
  const before = meterOf(sequence);
  const response = await opened.generateResponse(order.history, {
    ...(await limitsOf(loaded.llama, order)),
    signal,
    stopOnAbortSignal: true,
    onResponseChunk({ segmentType, text }) {
      if (text !== "") tell({ kind: segmentType === undefined ? "text" : "thinking", id, text });
    },
  });
  for (const { functionName: name, params } of response.functionCalls ?? []) {
    tell({ kind: "call", id, name, args: isObject(params) ? params : {} });
  }
  const after = meterOf(sequence);
  const cached = Math.max(0, input - (after.usedInputTokens - before.usedInputTokens));
  const counts = { input, cached, output: after.usedOutputTokens - before.usedOutputTokens };
  tell({ kind: "done", id, end: endOf(response.metadata.stopReason), ...counts });
}

function meterOf({ tokenMeter }: Sequence): { readonly usedInputTokens: number; readonly usedOutputTokens: number } {
  return { usedInputTokens: tokenMeter.usedInputTokens, usedOutputTokens: tokenMeter.usedOutputTokens };
}

type Limits = Omit<GenerateOptions, "signal" | "stopOnAbortSignal" | "onResponseChunk">;

async function limitsOf(llama: Llama, order: LlamaOrder): Promise<Limits> {
  const { grammar, functions, topP, topK } = order;
  const called = { functions: functions ?? {}, documentFunctionParams: true };
  const single = order.isParallel ? {} : { maxParallelFunctionCalls: 1 };
  const written =
    grammar?.kind === "schema"
      ? { grammar: await llama.createGrammarForJsonSchema(grammar.schema) }
      : grammar === null
        ? {}
        : { grammar: await llama.getGrammarFor("json") };
  return {
    maxTokens: order.maxTokens,
    temperature: order.temperature,
    ...(topP === null ? {} : { topP }),
    ...(topK === null ? {} : { topK }),
    customStopTriggers: order.stops,
    contextShift: { strategy: full },
    ...written,
    ...(functions === null ? {} : { ...called, ...single }),
  };
}

function full(): never {
  throw new Error("its context is full: nothing is left out silently");
}

function endOf(reason: string): string {
  return reason === "maxTokens" ? "length" : reason === "functionCalls" ? "calls" : "stop";
}

async function embed(loaded: Loaded, id: number, texts: readonly string[]): Promise<void> {
  const { model, contextTokens } = loaded;
  const counts = texts.map((text) => model.tokenize(text).length);
  const longest = Math.max(...counts);
  if (longest >= contextTokens) throw new Error(`a text has ${longest} tokens, and the model reads ${contextTokens}`);
  const context = await (loaded.embedding ??= model.createEmbeddingContext({ contextSize: contextTokens }));
  for (const text of texts) tell({ kind: "vector", id, vector: [...(await context.getEmbeddingFor(text)).vector] });
  const input = counts.reduce((sum, count) => sum + count, 0);
  tell({ kind: "done", id, end: "stop", input: Math.max(1, input), cached: 0, output: 0 });
}

function reasonOf(error: unknown): string {
  return oneLine(error instanceof Error ? error.message : String(error), 300);
}

await main(process.argv.slice(2));
