// Answers, written in Anthropic's Messages dialect.

import type { EndReason, JsonObject } from "../kernel/index.ts";
import { callId, endOf, type Frame, type Piece, type PieceWriter, type Said } from "./answer-parts.ts";
import { objectIn } from "./read-answer.ts";
import { sseText } from "./sse.ts";

const REASONS: Readonly<Record<EndReason, string>> = {
  stop: "end_turn",
  length: "max_tokens",
  calls: "tool_use",
  refusal: "refusal",
  other: "end_turn",
};

export function writeMessages(frame: Frame): PieceWriter {
  return new MessagesWriter(frame);
}

/** Owns which block is open. */
class MessagesWriter implements PieceWriter {
  readonly #frame: Frame;
  /** Calls by their number: which block. */
  readonly #blockOf = new Map<number, number>();
  #hasBegun = false;
  #blocks = 0;
  #open: { readonly block: number; readonly what: string } | null = null;
  #end: EndReason = "other";

  constructor(frame: Frame) {
    this.#frame = frame;
  }

  piece(piece: Piece): string {
    switch (piece.kind) {
      case "text":
        return this.#in("text", { type: "text", text: "" }) + this.#delta({ type: "text_delta", text: piece.text });
      case "thinking": {
        const begun = this.#in("thinking", { type: "thinking", thinking: "", signature: "" });
        return begun + this.#delta({ type: "thinking_delta", thinking: piece.text });
      }
      case "call":
        return this.#call(piece);
      case "end":
        this.#end = piece.reason;
        return this.#begin() + this.#stop();
    }
  }

  close(usage: Said["usage"]): string {
    const reason = REASONS[endOf(this.#end, this.#blockOf.size > 0)];
    const delta = { stop_reason: reason, stop_sequence: null };
    const said = event({ type: "message_delta", delta, usage: messagesUsageOf(usage) });
    return this.#begin() + this.#stop() + said + event({ type: "message_stop" });
  }

  #call({ index, id, name, piece }: Extract<Piece, { kind: "call" }>): string {
    const known = this.#blockOf.get(index);
    const shown = { type: "tool_use", id: callId(id ?? "", index, this.#frame), name: name ?? "", input: {} };
    const begun = known === undefined ? this.#in(`call ${index}`, shown) : "";
    const block = known ?? this.#open?.block ?? 0;
    this.#blockOf.set(index, block);
    return begun + (piece === "" ? "" : this.#delta({ type: "input_json_delta", partial_json: piece }, block));
  }

  #begin(): string {
    if (this.#hasBegun) return "";
    this.#hasBegun = true;
    const { id, model } = this.#frame;
    const empty = { stop_reason: null, stop_sequence: null, usage: messagesUsageOf(null) };
    const message = { id: `msg_${id}`, type: "message", role: "assistant", model, content: [], ...empty };
    return event({ type: "message_start", message });
  }

  #in(what: string, block: JsonObject): string {
    const begun = this.#begin();
    if (this.#open?.what === what) return begun;
    const stopped = this.#stop();
    const index = this.#blocks;
    this.#blocks += 1;
    this.#open = { block: index, what };
    return begun + stopped + event({ type: "content_block_start", index, content_block: block });
  }

  #delta(delta: JsonObject, index = this.#open?.block ?? 0): string {
    return event({ type: "content_block_delta", index, delta });
  }

  #stop(): string {
    if (this.#open === null) return "";
    const { block: index } = this.#open;
    this.#open = null;
    return event({ type: "content_block_stop", index });
  }
}

function event(body: JsonObject & { readonly type: string }): string {
  return sseText(JSON.stringify(body), body.type);
}

/** A call whose arguments are no JSON object cannot be said here, where they are one. */
export function wholeMessages({ text, calls, end, usage }: Said, frame: Frame): JsonObject | null {
  const content: JsonObject[] = text === "" ? [] : [{ type: "text", text }];
  for (const [index, { id, name, args }] of calls.entries()) {
    const input = args.trim() === "" ? {} : objectIn(args);
    if (input === null) return null;
    content.push({ type: "tool_use", id: callId(id, index, frame), name, input });
  }
  const { id, model } = frame;
  const reason = { stop_reason: REASONS[endOf(end, calls.length > 0)], stop_sequence: null };
  const head = { id: `msg_${id}`, type: "message", role: "assistant", model };
  return { ...head, content, ...reason, usage: messagesUsageOf(usage) };
}

/** Zero where nobody said: the dialect has no other way to say nothing. */
function messagesUsageOf(usage: Said["usage"]): JsonObject {
  const { input, cacheRead, cacheWrite, output } = usage ?? { input: 0, cacheRead: 0, cacheWrite: 0, output: 0 };
  return {
    input_tokens: input - cacheRead - cacheWrite,
    cache_creation_input_tokens: cacheWrite,
    cache_read_input_tokens: cacheRead,
    output_tokens: output,
  };
}
