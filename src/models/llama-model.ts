// A model file as a model like any other. It is in a child of ours without network, so it is on this machine.

import { isObject, oneLine, parseStrict, type JsonObject } from "../kernel/index.ts";
import type { Conversation } from "./conversation.ts";
import { openLlamaAnswer } from "./llama-answer.ts";
import type { LastLine, Said } from "./llama-lines.ts";
import { orderFor } from "./llama-order.ts";
import { LlamaProcess, type LlamaParts, type LlamaResult } from "./llama-process.ts";
import type { LlamaFile } from "./llama-start.ts";
import { llamaWire, OUTPUT_TOKENS_DEFAULT, textsIn } from "./llama-wire.ts";
import type { LocalModel } from "./models.ts";
import type { ModelReply, Posting } from "./peer.ts";
import { objectIn } from "./read-answer.ts";
import { readChatBody } from "./read-bodies.ts";
import { isFault, stringAt, translated } from "./shapes.ts";

export interface EngineModelOptions extends LlamaFile, LlamaParts {
  /** Of the file: what it is, for receipts. */
  readonly sha256: string;
  /** Of one answer, by the owner. */
  readonly outputTokensMax?: number | null;
}

export interface EngineModel extends LocalModel {
  /** Of the running child; null while none runs. */
  pid(): number | null;
  close(): Promise<void>;
  /** Resolves once no child runs. */
  idle(): Promise<void>;
}

type Failed = Extract<ModelReply, { readonly kind: "failed" }>;
type Answered = Extract<ModelReply, { readonly kind: "answered" }>;
type Done = Extract<LastLine, { readonly kind: "done" }>;

interface Asking {
  readonly options: EngineModelOptions;
  readonly child: LlamaProcess;
  readonly id: string;
}

export function openEngineModel(options: EngineModelOptions): EngineModel {
  const child = new LlamaProcess(options, options);
  let answers = 0;
  return {
    dialect: "openai-chat",
    address: "here",
    wire: (request) => llamaWire(child, options, request),
    post(posting) {
      answers += 1;
      const asking = { options, child, id: `${options.name}-${answers}` };
      return posting.wire.dialect === "openai-embeddings" ? embed(asking, posting) : chat(asking, posting);
    },
    pid: () => child.pid,
    close: () => child.close(),
    idle: () => child.idle(),
  };
}

/** Which file a name stands for is looked up at each request: the lock may have changed meanwhile. */
export function currentModel(current: () => LocalModel): LocalModel {
  return {
    dialect: "openai-chat",
    address: "here",
    wire: async (request) => current().wire(request),
    post: async (posting) => current().post(posting),
  };
}

async function chat({ options, child, id }: Asking, { wire, signal, onEvent }: Posting): Promise<ModelReply> {
  const { name, nowMs } = options;
  const read = translated(() => {
    const asked = readChatBody(objectIn(wire.text) ?? {});
    return { asked, order: orderFor(asked, asked.maxTokens ?? OUTPUT_TOKENS_DEFAULT) };
  });
  if (isFault(read)) return failure(read.reason, { status: 400, isUnsent: true });
  const { asked, order } = read;
  const startedAtMs = nowMs();
  let firstMs: number | null = null;
  const answer = openLlamaAnswer({
    id,
    model: name,
    createdS: Math.floor(startedAtMs / 1_000),
    isStream: asked.isStream,
    schemas: Object.fromEntries(asked.tools.map((tool) => [tool.name, tool.schema])),
    onEvent: (event) => (signal.aborted ? undefined : onEvent(event)),
  });
  const onSaid = (line: Said): void => {
    firstMs ??= nowMs() - startedAtMs;
    answer.say(line);
  };
  const done = doneOf(await child.ask({ order: { do: "chat", order }, signal, onSaid }), name);
  const began = firstMs !== null && asked.isStream;
  if (done.kind === "failed") return { ...done, began };
  const usage = usageOf(done);
  if (signal.aborted) return { ...failure("whoever asked is gone", { status: null, isUnsent: false }), began, usage };
  const wrong = done.end === "length" ? null : formatFault(asked, answer.collected().text);
  if (wrong !== null) return { ...failure(`${name}: ${wrong}`, { status: 502, isUnsent: false }), began, usage };
  answer.end(done);
  const { text, calls, end } = answer.collected();
  const whole = { identity: `sha256:${options.sha256}`, text, calls, end: end ?? "other", usage, firstMs };
  return { kind: "answered", body: asked.isStream ? null : answer.body(), ...whole };
}

async function embed({ options, child }: Asking, { wire, signal }: Posting): Promise<ModelReply> {
  const { name, sha256 } = options;
  const body = objectIn(wire.text) ?? {};
  const texts = textsIn(body);
  const vectors: (readonly number[])[] = [];
  const onSaid = (line: Said): void => void (line.kind === "vector" && vectors.push(line.vector));
  const done = doneOf(await child.ask({ order: { do: "embed", texts }, signal, onSaid }), name);
  if (done.kind === "failed") return done;
  if (vectors.length !== texts.length) {
    return failure(`${name} gave too few vectors`, { status: 502, isUnsent: false });
  }
  const isPacked = stringAt(body, "encoding_format") === "base64";
  const data = vectors.map((vector, index): JsonObject => {
    return { object: "embedding", index, embedding: isPacked ? packed(vector) : [...vector] };
  });
  const counts = { prompt_tokens: done.input, total_tokens: done.input };
  const said: Pick<Answered, "text" | "calls" | "end" | "firstMs"> = {
    text: "",
    calls: [],
    end: "stop",
    firstMs: null,
  };
  const whole = { object: "list", model: name, data, usage: counts };
  return { kind: "answered", identity: `sha256:${sha256}`, body: whole, usage: usageOf(done), ...said };
}

/** As OpenAI packs it: 32-bit floats, little-endian. */
function packed(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString("base64");
}

function usageOf({ input, cached, output }: Done): NonNullable<Answered["usage"]> {
  return { input, cacheRead: cached, cacheWrite: 0, output, reasoning: 0 };
}

/** The grammar keeps the form alone: numbers may be too large for a number, and texts may hold half a character. */
function formatFault({ format }: Conversation, text: string): string | null {
  if (format === null) return null;
  if (text.includes("\uFFFD")) return "what it wrote is no valid UTF-8";
  const parsed = parseStrict(text);
  if (parsed.kind === "refused") return `what it wrote is no JSON that can be kept: ${oneLine(parsed.reason, 200)}`;
  return isObject(parsed.value) || format.kind === "schema" ? null : "what it wrote is no JSON object";
}

function doneOf(result: LlamaResult, name: string): Done | Failed {
  if (result.kind === "failed") {
    const { reason, retryAfterMs, isUnsent } = result;
    return { ...failure(reason, { status: 503, isUnsent }), retryAfterMs };
  }
  if (result.line.kind === "done") return result.line;
  const reason = result.line.kind === "failed" ? result.line.reason : "it counted instead of answering";
  return failure(`${name}: ${reason}`, { status: 500, isUnsent: false });
}

function failure(reason: string, of: { readonly status: number | null; readonly isUnsent: boolean }): Failed {
  return { kind: "failed", reason, body: null, retryAfterMs: null, began: false, usage: null, ...of };
}
