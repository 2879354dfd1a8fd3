// Answers in Anthropic's Messages dialect, streamed or whole.

import { isObject, type EndReason, type JsonObject, type ModelUsage } from "../kernel/index.ts";
import {
  Collector,
  countAt,
  errorIn,
  identityIn,
  objectIn,
  objectOrEmpty,
  type AnswerReader,
  type Collected,
  type Piece,
  type ProviderError,
} from "./read-answer.ts";
import { unreadable } from "./read-chat.ts";
import { at, isList, numberAt, objectAt, objectsAt, stringAt, type Draft } from "./shapes.ts";
import type { SseMessage } from "./sse.ts";

const REASONS: Readonly<Record<string, EndReason>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "calls",
  refusal: "refusal",
};

export function readMessagesAnswer(): AnswerReader {
  return new MessagesReader();
}

/** Owns what is known of the message so far. */
class MessagesReader implements AnswerReader {
  readonly #into = new Collector();
  /** By the block's number in the stream: which call it is. */
  readonly #callOf = new Map<number, number>();
  #usage: Draft = {};
  #reason: EndReason | null = null;

  collected(): Collected {
    return this.#into.collected();
  }

  message({ data }: SseMessage): readonly Piece[] | ProviderError {
    const body = objectIn(data);
    const found = body === null ? unreadable() : this.#read(body);
    if ("message" in found) return found;
    for (const piece of found) this.#into.take(piece);
    return found;
  }

  whole(body: JsonObject): ProviderError | null {
    const error = errorIn(body);
    if (error !== null) return error;
    const content = at(body, "content");
    if (!isList(content)) return unreadable();
    this.#into.identity = identityIn(body, null);
    objectsAt(body, "content").forEach((block, index) => {
      for (const piece of this.#started(index, block)) this.#into.take(piece);
      for (const piece of this.#stopped(index)) this.#into.take(piece);
    });
    const said = objectAt(body, "usage");
    if (said !== null) this.#into.usage = messagesUsage(said);
    this.#into.end = REASONS[stringAt(body, "stop_reason") ?? ""] ?? "other";
    return null;
  }

  #read(body: JsonObject): readonly Piece[] | ProviderError {
    const index = numberAt(body, "index") ?? 0;
    switch (stringAt(body, "type")) {
      case "message_start": {
        const message = objectOrEmpty(body, "message");
        this.#into.identity = identityIn(message, null);
        this.#usage = { ...objectAt(message, "usage") };
        return [];
      }
      case "content_block_start":
        return this.#started(index, objectOrEmpty(body, "content_block"));
      case "content_block_delta":
        return this.#grown(index, objectOrEmpty(body, "delta"));
      case "content_block_stop":
        return this.#stopped(index);
      case "message_delta":
        this.#ending(body);
        return [];
      case "message_stop":
        return [{ kind: "end", reason: this.#reason ?? "other" }];
      case "error":
        return errorIn(body) ?? unreadable();
      default:
        return [];
    }
  }

  #started(index: number, block: JsonObject): readonly Piece[] {
    const type = stringAt(block, "type");
    if (type === "text" || type === "thinking") return piecesOf(type, stringAt(block, type));
    if (type !== "tool_use") return [];
    const call = this.#callOf.size;
    this.#callOf.set(index, call);
    const input = at(block, "input");
    // Whole where it is not streamed; a stream begins with an empty object that means nothing.
    const piece = isObject(input) && Object.keys(input).length > 0 ? JSON.stringify(input) : "";
    return [{ kind: "call", index: call, id: stringAt(block, "id") ?? "", name: stringAt(block, "name") ?? "", piece }];
  }

  #grown(index: number, delta: JsonObject): readonly Piece[] {
    const call = this.#callOf.get(index);
    switch (stringAt(delta, "type")) {
      case "text_delta":
        return piecesOf("text", stringAt(delta, "text"));
      case "thinking_delta":
        return piecesOf("thinking", stringAt(delta, "thinking"));
      case "input_json_delta": {
        const piece = stringAt(delta, "partial_json") ?? "";
        return call === undefined || piece === "" ? [] : [{ kind: "call", index: call, piece }];
      }
      default:
        return [];
    }
  }

  /** A call without arguments streams none, and is one of an empty object. */
  #stopped(index: number): readonly Piece[] {
    const call = this.#callOf.get(index);
    return call === undefined || this.#into.hasArgs(call) ? [] : [{ kind: "call", index: call, piece: "{}" }];
  }

  #ending(body: JsonObject): void {
    const why = stringAt(objectOrEmpty(body, "delta"), "stop_reason");
    if (why !== null) this.#reason = REASONS[why] ?? "other";
    const usage = objectAt(body, "usage");
    if (usage === null) return;
    // Totals so far: what is said last holds.
    this.#usage = { ...this.#usage, ...usage };
    this.#into.usage = messagesUsage(this.#usage);
  }
}

function piecesOf(kind: "text" | "thinking", text: string | null): readonly Piece[] {
  return text === null || text === "" ? [] : [{ kind, text }];
}

/** The three kinds of input are told apart there, and are one sum here. */
function messagesUsage(usage: JsonObject): ModelUsage | null {
  const fresh = countAt(usage, "input_tokens");
  const cacheRead = countAt(usage, "cache_read_input_tokens");
  const cacheWrite = countAt(usage, "cache_creation_input_tokens");
  const output = countAt(usage, "output_tokens");
  const details = objectOrEmpty(usage, "output_tokens_details");
  const reasoning = countAt(details, "thinking_tokens") ?? 0;
  if (fresh === null || cacheRead === null || cacheWrite === null || output === null) return null;
  return { input: fresh + cacheRead + cacheWrite, cacheRead, cacheWrite, output, reasoning };
}
