// Answers, written in OpenAI's chat dialect.

import type { EndReason, JsonObject } from "../kernel/index.ts";
import { callId, endOf, type Frame, type Piece, type PieceWriter, type Said } from "./answer-parts.ts";
import { sseText } from "./sse.ts";

const REASONS: Readonly<Record<EndReason, string>> = {
  stop: "stop",
  length: "length",
  calls: "tool_calls",
  refusal: "content_filter",
  other: "stop",
};

export function writeChat(frame: Frame, withUsage: boolean): PieceWriter {
  let hasBegun = false;
  let hasCalls = false;
  const chunk = (rest: JsonObject): string =>
    sseText(JSON.stringify({ ...head(frame, "chat.completion.chunk"), ...rest }));
  const choice = (delta: JsonObject, reason: string | null = null): string => {
    const role = hasBegun ? "" : chunk({ choices: [{ index: 0, delta: ROLE, finish_reason: null }] });
    hasBegun = true;
    return role + chunk({ choices: [{ index: 0, delta, finish_reason: reason }] });
  };
  return {
    piece(piece: Piece) {
      switch (piece.kind) {
        case "text":
          return choice({ content: piece.text });
        case "thinking":
          return choice({ reasoning_content: piece.text });
        case "call": {
          hasCalls = true;
          const { index, id, name } = piece;
          const named = name === undefined ? {} : { name };
          const first = id === undefined ? {} : { id: callId(id, index, frame), type: "function" };
          return choice({ tool_calls: [{ index, ...first, function: { ...named, arguments: piece.piece } }] });
        }
        case "end":
          return choice({}, REASONS[endOf(piece.reason, hasCalls)]);
      }
    },
    close: (usage) =>
      (withUsage && usage !== null ? chunk({ choices: [], usage: chatUsageOf(usage) }) : "") + sseText("[DONE]"),
  };
}

const ROLE = { role: "assistant", content: "" };

export function wholeChat({ text, calls, end, usage }: Said, frame: Frame): JsonObject {
  const called = calls.map(({ id, name, args }, index) => ({
    id: callId(id, index, frame),
    type: "function",
    function: { name, arguments: args },
  }));
  const message = {
    role: "assistant",
    content: text === "" && called.length > 0 ? null : text,
    refusal: null,
    ...(called.length === 0 ? {} : { tool_calls: called }),
  };
  return {
    ...head(frame, "chat.completion"),
    choices: [{ index: 0, message, logprobs: null, finish_reason: REASONS[endOf(end, called.length > 0)] }],
    ...(usage === null ? {} : { usage: chatUsageOf(usage) }),
  };
}

function head({ id, model, createdAtS }: Frame, object: string): JsonObject {
  return { id: `chatcmpl-${id}`, object, created: createdAtS, model };
}

function chatUsageOf({ input, cacheRead, output, reasoning }: NonNullable<Said["usage"]>): JsonObject {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cacheRead },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}
