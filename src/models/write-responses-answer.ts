// Answers, written in OpenAI's Responses dialect. Nothing is stored, and what the model thought is not given back.

import type { EndReason, JsonObject } from "../kernel/index.ts";
import { callId, type Frame, type Piece, type PieceWriter, type Said } from "./answer-parts.ts";
import { sseText } from "./sse.ts";

const INCOMPLETE: Partial<Record<EndReason, string>> = { length: "max_output_tokens", refusal: "content_filter" };

export function writeResponses(frame: Frame): PieceWriter {
  return new ResponsesWriter(frame);
}

type Open =
  | { readonly kind: "text"; readonly index: number; readonly texts: string[] }
  | {
      readonly kind: "call";
      readonly index: number;
      readonly call: number;
      readonly callId: string;
      readonly name: string;
      readonly texts: string[];
    };

/** Owns the items that were begun. */
class ResponsesWriter implements PieceWriter {
  readonly #frame: Frame;
  readonly #done: JsonObject[] = [];
  #sequence = 0;
  #open: Open | null = null;
  #end: EndReason = "other";

  constructor(frame: Frame) {
    this.#frame = frame;
  }

  piece(piece: Piece): string {
    switch (piece.kind) {
      case "text":
        return this.#text(piece.text);
      case "call":
        return this.#call(piece);
      case "thinking":
        return this.#begin();
      case "end":
        this.#end = piece.reason;
        return this.#begin() + this.#finish();
    }
  }

  close(usage: Said["usage"]): string {
    const begun = this.#begin() + this.#finish();
    const response = responseOf(this.#frame, { output: this.#done, end: this.#end, usage });
    const isWhole = response["status"] === "completed";
    return begun + this.#event(isWhole ? "response.completed" : "response.incomplete", { response });
  }

  #event(type: string, rest: JsonObject): string {
    const sequence = this.#sequence;
    this.#sequence += 1;
    return sseText(JSON.stringify({ type, sequence_number: sequence, ...rest }), type);
  }

  #begin(): string {
    if (this.#sequence > 0) return "";
    const response = responseOf(this.#frame, { output: [], end: null, usage: null });
    return this.#event("response.created", { response }) + this.#event("response.in_progress", { response });
  }

  #text(text: string): string {
    let begun = this.#begin();
    if (this.#open?.kind !== "text") {
      begun += this.#finish();
      this.#open = { kind: "text", index: this.#done.length, texts: [] };
      begun += this.#event("response.output_item.added", this.#about({ item: this.#item("in_progress") }, false));
      begun += this.#event("response.content_part.added", this.#about({ content_index: 0, part: partOf("") }));
    }
    this.#open.texts.push(text);
    return (
      begun + this.#event("response.output_text.delta", this.#about({ content_index: 0, delta: text, ...NO_LOGS }))
    );
  }

  #call({ index, id, name, piece }: Extract<Piece, { kind: "call" }>): string {
    let begun = this.#begin();
    if (this.#open?.kind !== "call" || this.#open.call !== index) {
      begun += this.#finish();
      const named = { callId: callId(id ?? "", index, this.#frame), name: name ?? "" };
      this.#open = { kind: "call", index: this.#done.length, call: index, ...named, texts: [] };
      begun += this.#event("response.output_item.added", this.#about({ item: this.#item("in_progress") }, false));
    }
    if (piece === "") return begun;
    this.#open.texts.push(piece);
    return begun + this.#event("response.function_call_arguments.delta", this.#about({ delta: piece }));
  }

  /** Which item is spoken of. */
  #about(rest: JsonObject, withId = true): JsonObject {
    const index = this.#open?.index ?? 0;
    return { ...(withId ? { item_id: itemId(this.#frame, index) } : {}), output_index: index, ...rest };
  }

  #item(status: "in_progress" | "completed"): JsonObject {
    const open = this.#open;
    if (open === null) return {};
    const { index } = open;
    const text = open.texts.join("");
    if (open.kind === "call") {
      return { ...callItem(this.#frame, index, { id: open.callId, name: open.name, args: text }), status };
    }
    return { ...messageItem(this.#frame, index, text), status, ...(status === "completed" ? {} : { content: [] }) };
  }

  #finish(): string {
    const open = this.#open;
    if (open === null) return "";
    const text = open.texts.join("");
    const item = this.#item("completed");
    const last =
      open.kind === "text"
        ? this.#event("response.output_text.done", this.#about({ content_index: 0, text, ...NO_LOGS })) +
          this.#event("response.content_part.done", this.#about({ content_index: 0, part: partOf(text) }))
        : this.#event("response.function_call_arguments.done", this.#about({ arguments: text, name: open.name }));
    const done = this.#event("response.output_item.done", this.#about({ item }, false));
    this.#done.push(item);
    this.#open = null;
    return last + done;
  }
}

const NO_LOGS = { logprobs: [] };

function itemId({ id }: Frame, index: number): string {
  return `item_${id}_${index}`;
}

function partOf(text: string): JsonObject {
  return { type: "output_text", text, annotations: [], logprobs: [] };
}

function messageItem(frame: Frame, index: number, text: string): JsonObject {
  const content = [partOf(text)];
  return { id: itemId(frame, index), type: "message", status: "completed", role: "assistant", content };
}

function callItem(frame: Frame, index: number, { id, name, args }: Said["calls"][number]): JsonObject {
  const named = { call_id: id, name, arguments: args };
  return { id: itemId(frame, index), type: "function_call", status: "completed", ...named };
}

export function wholeResponses({ text, calls, end, usage }: Said, frame: Frame): JsonObject {
  const said = text === "" ? [] : [messageItem(frame, 0, text)];
  const called = calls.map(({ id, name, args }, index) =>
    callItem(frame, said.length + index, { id: callId(id, index, frame), name, args }),
  );
  return responseOf(frame, { output: [...said, ...called], end, usage });
}

/** `end` is null while it is being answered. */
function responseOf(
  { id, model, createdAtS }: Frame,
  {
    output,
    end,
    usage,
  }: Pick<Said, "usage"> & { readonly output: readonly JsonObject[]; readonly end: EndReason | null },
): JsonObject {
  const reason = end === null ? undefined : INCOMPLETE[end];
  return {
    id: `resp_${id}`,
    object: "response",
    created_at: createdAtS,
    status: end === null ? "in_progress" : reason === undefined ? "completed" : "incomplete",
    background: false,
    error: null,
    incomplete_details: reason === undefined ? null : { reason },
    instructions: null,
    max_output_tokens: null,
    metadata: {},
    model,
    output: [...output],
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    store: false,
    temperature: null,
    text: { format: { type: "text" } },
    tool_choice: "auto",
    tools: [],
    top_p: null,
    truncation: "disabled",
    usage: usage === null ? null : responsesUsageOf(usage),
  };
}

function responsesUsageOf({ input, cacheRead, output, reasoning }: NonNullable<Said["usage"]>): JsonObject {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cacheRead },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}
