// What the child says, as an answer in OpenAI's chat dialect: streamed in chunks, or whole.

import type { JsonObject, ModelEvent } from "../kernel/index.ts";
import type { LastLine, Said } from "./llama-lines.ts";
import { withoutFilling } from "./llama-schema.ts";
import { isProviderError, type Collected } from "./read-answer.ts";
import { CHAT_DONE, readChatAnswer } from "./read-chat.ts";

type Done = Extract<LastLine, { readonly kind: "done" }>;

export interface AnswerParts {
  readonly id: string;
  /** As the model is named in the answer. */
  readonly model: string;
  readonly createdS: number;
  readonly isStream: boolean;
  /** The schema of each tool, as it was given. */
  readonly schemas: JsonObject;
  readonly onEvent: (event: ModelEvent) => void;
}

export interface LlamaAnswer {
  say(line: Said): void;
  end(line: Done): void;
  collected(): Collected;
  /** Of an answer that is not streamed. */
  body(): JsonObject;
}

const REASONS = { stop: "stop", length: "length", calls: "tool_calls" } as const;

export function openLlamaAnswer(parts: AnswerParts): LlamaAnswer {
  const reader = readChatAnswer();
  const { id, model, createdS: created } = parts;
  let calls = 0;
  let thinking = "";
  let usage: JsonObject = {};
  let finish: string | null = null;

  function emit(data: string): void {
    if (parts.isStream) parts.onEvent({ kind: "raw", dialect: "openai-chat", event: null, data });
    const pieces = reader.message({ event: null, data });
    if (isProviderError(pieces)) return;
    if (parts.isStream) for (const piece of pieces) parts.onEvent(piece);
  }

  function chunk(choice: JsonObject): void {
    const choices = [{ index: 0, delta: {}, finish_reason: null, ...choice }];
    emit(JSON.stringify({ id, object: "chat.completion.chunk", created, model, choices }));
  }

  return {
    say(line) {
      if (line.kind === "text") chunk({ delta: { role: "assistant", content: line.text } });
      if (line.kind === "thinking") {
        thinking += line.text;
        chunk({ delta: { role: "assistant", reasoning_content: line.text } });
      }
      if (line.kind !== "call") return;
      const args = JSON.stringify(withoutFilling(line.args, parts.schemas[line.name]));
      const call = {
        index: calls,
        id: `${id}-${calls}`,
        type: "function",
        function: { name: line.name, arguments: args },
      };
      calls += 1;
      chunk({ delta: { role: "assistant", tool_calls: [call] } });
    },
    end({ end, input, cached, output }) {
      finish = REASONS[end];
      usage = {
        prompt_tokens: input,
        completion_tokens: output,
        total_tokens: input + output,
        prompt_tokens_details: { cached_tokens: cached },
      };
      chunk({ finish_reason: finish });
      emit(JSON.stringify({ id, object: "chat.completion.chunk", created, model, choices: [], usage }));
      emit(CHAT_DONE);
    },
    collected: () => reader.collected(),
    body() {
      const message = messageOf(reader.collected(), thinking);
      const choices = [{ index: 0, message, finish_reason: finish, logprobs: null }];
      return { id, object: "chat.completion", created, model, choices, usage };
    },
  };
}

function messageOf({ text, calls }: Collected, thinking: string): JsonObject {
  const made = calls.map(({ id, name, args }) => ({ id, type: "function", function: { name, arguments: args } }));
  return {
    role: "assistant",
    content: text === "" && made.length > 0 ? null : text,
    ...(thinking === "" ? {} : { reasoning_content: thinking }),
    ...(made.length === 0 ? {} : { tool_calls: made }),
  };
}
