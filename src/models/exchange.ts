// One request to a model and what came of it: pieces while they come, and always one reply at the end.

import type { ClientRequest, IncomingMessage } from "node:http";
import { oneLine, type Dialect, type JsonObject, type ModelEvent } from "../kernel/index.ts";
import type { ModelReply, Posting } from "./peer.ts";
import {
  isProviderError,
  objectIn,
  errorIn,
  type AnswerReader,
  type Piece,
  type ProviderError,
} from "./read-answer.ts";
import { createSseReader, type SseMessage } from "./sse.ts";

type Failed = Extract<ModelReply, { kind: "failed" }>;
type Failure = Pick<Failed, "reason"> & Partial<Omit<Failed, "kind" | "reason">>;

/** How long a model may take, and how much it may say. */
export interface PostLimits {
  readonly connectMs: number;
  /** Until the first byte: a model may have to be loaded, and one that does not stream thinks all of its answer. */
  readonly firstMs: number;
  /** Between two bytes of a stream. */
  readonly idleMs: number;
  readonly totalMs: number;
  readonly answerBytesMax: number;
  /** Of one message of a stream. */
  readonly messageCharsMax: number;
  /** What is still read for its usage when nobody waits any more. */
  readonly afterMs: number;
  readonly afterBytesMax: number;
}

export interface ExchangeParts {
  /** Not ended yet. */
  readonly request: ClientRequest;
  readonly posting: Posting;
  readonly reader: AnswerReader;
  readonly limits: PostLimits;
  readonly dialect: Dialect;
  /** Never said in a reason. */
  readonly secret: string | null;
  readonly isLocal: boolean;
}

const REFUSAL_BYTES_MAX = 64 * 1024;
const REASON_CHARS_MAX = 400;
/** Greetings that are kept back until the answer begins, so that another model can still answer instead. */
const HELD_MAX = 16;
const RETRY_AFTER_MS_MAX = 86_400_000;
/** A connection that is used again must have said all; what does not end by then is cut. */
const DRAIN_MS = 1_000;
const DONE = "[DONE]";

export function notSent(reason: string): ModelReply {
  return failedReply({ reason: oneLine(reason, REASON_CHARS_MAX), isUnsent: true });
}

function failedReply({ reason, ...more }: Failure): Failed {
  const nothing = { status: null, body: null, retryAfterMs: null, isUnsent: false, began: false, usage: null };
  return { kind: "failed", reason, ...nothing, ...more };
}

/** Owns the request and its timers. */
export class Exchange {
  readonly reply: Promise<ModelReply>;
  readonly #parts: ExchangeParts;
  readonly #settle: (reply: ModelReply) => void;
  readonly #startedAtMs = performance.now();
  readonly #total: NodeJS.Timeout;
  #pause: NodeJS.Timeout;
  #isConnected = false;
  #isSettled = false;
  #firstMs: number | null = null;
  #status: number | null = null;
  #bytes = 0;
  #bytesMax: number;
  /** Null once the answer has begun to be told. */
  #held: ModelEvent[] | null = [];

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    const { promise, resolve } = Promise.withResolvers<ModelReply>();
    this.reply = promise;
    this.#settle = resolve;
    const { request, posting, limits } = parts;
    this.#bytesMax = limits.answerBytesMax;
    this.#total = this.#failAfter(limits.totalMs, "it took too long over all");
    this.#pause = this.#failAfter(limits.firstMs, "nothing came in time");
    request.once("socket", () => (this.#isConnected = true));
    request.once("response", (response) => this.#read(response));
    request.on("error", (error) => this.#fail({ reason: this.#brokenReason(error) }));
    request.once("close", () => this.#fail({ reason: "the connection closed before an answer" }));
    posting.signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  #failAfter(ms: number, reason: string): NodeJS.Timeout {
    return setTimeout(() => this.#fail({ reason }), ms);
  }

  #brokenReason(error: Error): string {
    return this.#isConnected ? `the connection broke: ${error.message}` : error.message;
  }

  /** Nothing is told any more. What is paid for is read on, for a while, for what it cost. */
  readonly #onAbort = (): void => {
    const { isLocal, limits } = this.#parts;
    if (isLocal || !this.#isConnected) return this.#fail({ reason: "ended by whoever asked" });
    this.#bytesMax = Math.min(this.#bytesMax, this.#bytes + limits.afterBytesMax);
    clearTimeout(this.#pause);
    this.#pause = this.#failAfter(limits.afterMs, "ended by whoever asked");
  };

  #fail(failure: Failure): void {
    if (this.#isSettled) return;
    const { reader, request, secret } = this.#parts;
    const { usage, end } = reader.collected();
    const reason = oneLine(this.#withoutKey(failure.reason), REASON_CHARS_MAX);
    const began = this.#held === null;
    const isUnsent = !this.#isConnected;
    // What counts only a part is too little.
    const status = (this.#status ?? 0) >= 300 ? this.#status : null;
    const said = { status, began, isUnsent, usage: end === null ? null : usage };
    this.#finish(failedReply({ ...said, ...failure, reason, body: withoutKey(failure.body ?? null, secret) }));
    request.destroy();
  }

  #finish(reply: ModelReply): void {
    this.#isSettled = true;
    clearTimeout(this.#total);
    clearTimeout(this.#pause);
    this.#parts.posting.signal.removeEventListener("abort", this.#onAbort);
    this.#settle(reply);
  }

  #withoutKey(text: string): string {
    const { secret } = this.#parts;
    return secret === null ? text : text.replaceAll(secret, "[key]");
  }

  #read(response: IncomingMessage): void {
    const status = response.statusCode ?? 0;
    this.#status = status;
    response.on("error", (error) => this.#fail({ reason: this.#brokenReason(error) }));
    const encoding = response.headers["content-encoding"] ?? "identity";
    if (status >= 300 && status < 400) return this.#fail({ reason: `HTTP ${status}: redirects are not followed` });
    if (encoding !== "identity") return this.#fail({ reason: `it answered as ${encoding}, which was not asked for` });
    const isEvents = /^text\/event-stream\b/i.test(response.headers["content-type"] ?? "");
    if (status < 200 || status > 299) return this.#collect(response, (text) => this.#refused(response, text));
    if (!isEvents) return this.#collect(response, (text) => this.#whole(text));
    if (!this.#parts.posting.wire.isStream) return this.#fail({ reason: "it streams, though it was not asked to" });
    this.#stream(response);
  }

  /** The whole body; more than the limit fails. */
  #collect(response: IncomingMessage, done: (text: string) => void): void {
    const chunks: Buffer[] = [];
    const isRefusal = (this.#status ?? 0) > 299;
    response.on("data", (chunk: Buffer) => {
      if (this.#isSettled || !this.#count(chunk)) return;
      // Of a refusal, the beginning tells what there is to tell.
      if (!isRefusal || this.#bytes <= REFUSAL_BYTES_MAX) chunks.push(chunk);
      else this.#failRefused(response, null);
    });
    response.once("end", () => {
      if (!this.#isSettled) done(Buffer.concat(chunks).toString("utf8"));
    });
  }

  /** False when it is too much; the exchange has failed then. */
  #count(chunk: Buffer): boolean {
    this.#firstMs ??= Math.round(performance.now() - this.#startedAtMs);
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#bytesMax) {
      if (!this.#isGone()) this.#rest();
      return true;
    }
    this.#fail({ reason: this.#isGone() ? "ended by whoever asked" : `its answer is over ${this.#bytesMax} bytes` });
    return false;
  }

  #isGone(): boolean {
    return this.#parts.posting.signal.aborted;
  }

  #isResting = false;

  /** From the first byte on, only the pause between two counts. */
  #rest(): void {
    if (this.#isResting) return void this.#pause.refresh();
    this.#isResting = true;
    clearTimeout(this.#pause);
    this.#pause = this.#failAfter(this.#parts.limits.idleMs, "it fell silent in the middle of its answer");
  }

  #refused(response: IncomingMessage, text: string): void {
    this.#failRefused(response, objectIn(this.#withoutKey(text)));
  }

  #failRefused({ statusCode = 0, headers }: IncomingMessage, body: JsonObject | null): void {
    const message = body === null ? "" : (errorIn(body)?.message ?? "");
    const retryAfterMs = retryAfterOf(headers);
    const reason = `HTTP ${statusCode}${message === "" ? "" : `: ${message}`}`;
    this.#fail({ reason, body, retryAfterMs, isUnbilled: isUnbilled(statusCode) });
  }

  #whole(text: string): void {
    const { reader, posting } = this.#parts;
    const body = objectIn(text);
    const error = body === null ? { message: "its answer is no JSON", status: null, body: null } : reader.whole(body);
    if (error !== null || body === null) return this.#failed(error);
    const { text: said, calls, end } = reader.collected();
    // Asked to stream, it answered at once: its pieces are told all the same.
    if (posting.wire.isStream) {
      if (said !== "") this.#tell({ kind: "text", text: said });
      calls.forEach(({ id, name, args }, index) => this.#tell({ kind: "call", index, id, name, piece: args }));
      this.#tell({ kind: "end", reason: end ?? "other" });
    }
    this.#answered(body);
  }

  #failed(error: (Omit<ProviderError, "body"> & { readonly body: JsonObject | null }) | null): void {
    const { message = "it answered nothing", status = null, body = null } = error ?? {};
    this.#fail({ reason: message, ...(status === null ? {} : { status }), body });
  }

  #answered(body: JsonObject | null): void {
    if (this.#isSettled) return;
    const { identity, text, calls, end, usage } = this.#parts.reader.collected();
    if (this.#isGone()) return this.#fail({ reason: "ended by whoever asked" });
    const said = { text, calls, end: end ?? ("other" as const), usage };
    const firstMs = this.#firstMs;
    this.#finish({ kind: "answered", identity: identity ?? null, body, ...said, firstMs });
  }

  #stream(response: IncomingMessage): void {
    const { limits, reader } = this.#parts;
    const lines = createSseReader(limits.messageCharsMax, (message) => this.#message(message, response));
    response.on("data", (chunk: Buffer) => {
      if (this.#isSettled || !this.#count(chunk)) return;
      const isWithin = lines.feed(chunk);
      if (!isWithin) this.#fail({ reason: `a message of its stream is over ${limits.messageCharsMax} characters` });
    });
    response.once("end", () => {
      if (reader.collected().end === null) this.#fail({ reason: "its stream ended before its answer did" });
      else this.#answered(null);
    });
  }

  #message(message: SseMessage, response: IncomingMessage): void {
    if (this.#isSettled) return;
    const { reader, dialect } = this.#parts;
    const read = reader.message(message);
    if (isProviderError(read)) return this.#failed(read);
    if (message.data !== DONE) this.#tellMessage({ kind: "raw", dialect, ...message }, read);
    else for (const piece of read) this.#tell(piece);
    const isLast = dialect === "openai-chat" ? message.data === DONE : read.some(({ kind }) => kind === "end");
    if (!isLast) return;
    this.#answered(null);
    const late = setTimeout(() => response.destroy(), DRAIN_MS).unref();
    response.once("close", () => clearTimeout(late));
  }

  #tellMessage(raw: ModelEvent, read: readonly Piece[]): void {
    if (this.#held !== null && read.length === 0 && this.#held.length < HELD_MAX) return void this.#held.push(raw);
    this.#tell(raw);
    for (const piece of read) this.#tell(piece);
  }

  #tell(event: ModelEvent): void {
    const { signal, onEvent } = this.#parts.posting;
    if (signal.aborted) return;
    const held = this.#held ?? [];
    this.#held = null;
    for (const one of held) onEvent(one);
    onEvent(event);
  }
}

/** Wrong, not allowed, too much, overloaded: nobody charges for that. What failed in its work may be charged. */
function isUnbilled(status: number): boolean {
  return (status >= 400 && status < 500 && status !== 408 && status !== 499) || status === 529;
}

function withoutKey(body: JsonObject | null, secret: string | null): JsonObject | null {
  if (body === null || secret === null) return body;
  const text = JSON.stringify(body);
  return text.includes(secret) ? objectIn(text.replaceAll(secret, "[key]")) : body;
}

/** RFC 9110, 10.2.3: seconds or a date; some say milliseconds beside it. */
function retryAfterOf(headers: IncomingMessage["headers"]): number | null {
  const exact = headers["retry-after-ms"];
  const written = headers["retry-after"];
  const ms =
    typeof exact === "string" && /^\d{1,9}(?:\.\d{1,9})?$/.test(exact)
      ? Number(exact)
      : written === undefined
        ? Number.NaN
        : /^\d{1,9}$/.test(written)
          ? Number(written) * 1_000
          : Date.parse(written) - Date.now();
  return Number.isFinite(ms) ? Math.min(RETRY_AFTER_MS_MAX, Math.max(0, Math.ceil(ms))) : null;
}
