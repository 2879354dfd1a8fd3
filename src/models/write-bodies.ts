// A conversation, written as a body of OpenAI's chat dialect or of Anthropic's Messages.

import type { JsonObject, JsonValue } from "../kernel/index.ts";
import type { Conversation, ImagePart, Part, TextPart, ToolChoice, Turn } from "./conversation.ts";
import { untranslatable, type Draft } from "./shapes.ts";

export function writeChatBody(asked: Conversation): Draft {
  const { system, turns, tools, choice, format } = asked;
  const messages: JsonObject[] = system.length === 0 ? [] : [{ role: "system", content: system.join("\n\n") }];
  for (const turn of turns) messages.push(...(turn.role === "user" ? userMessages(turn) : [assistantMessage(turn)]));
  return {
    messages,
    ...sampled(asked),
    ...(asked.stops.length === 0 ? {} : { stop: [...asked.stops] }),
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, schema, isStrict }) => ({
            type: "function",
            function: { name, ...described(description), parameters: schema, ...(isStrict ? { strict: true } : {}) },
          })),
        }),
    ...(choice === null ? {} : { tool_choice: chatChoiceOf(choice) }),
    ...(asked.isParallel === null || tools.length === 0 ? {} : { parallel_tool_calls: asked.isParallel }),
    ...(format === null ? {} : { response_format: chatFormatOf(format) }),
  };
}

function described(description: string | null): { readonly description?: string } {
  return description === null ? {} : { description };
}

function sampled({ temperature, topP, topK, isStream, maxTokens }: Conversation): Draft {
  return {
    ...(temperature === null ? {} : { temperature }),
    ...(topP === null ? {} : { top_p: topP }),
    ...(topK === null ? {} : { top_k: topK }),
    ...(maxTokens === null ? {} : { max_tokens: maxTokens }),
    ...(isStream ? { stream: true } : {}),
  };
}

function chatChoiceOf(choice: ToolChoice): JsonValue {
  if (choice.kind === "one") return { type: "function", function: { name: choice.name } };
  return choice.kind === "any" ? "required" : choice.kind;
}

function chatFormatOf(format: NonNullable<Conversation["format"]>): JsonObject {
  if (format.kind === "object") return { type: "json_object" };
  const { name, schema, isStrict } = format;
  return { type: "json_schema", json_schema: { name, schema, strict: isStrict } };
}

/** Results come first, each a message of its own; an image in one is shown after them, as tools speak text there. */
function userMessages({ parts }: Turn): readonly JsonObject[] {
  const messages: JsonObject[] = [];
  const shown: (TextPart | ImagePart)[] = [];
  for (const part of parts) {
    if (part.kind === "result") {
      const texts = part.parts.map((one) => (one.kind === "text" ? one.text : "(an image, which follows)"));
      const content = `${part.isError ? "Error: " : ""}${texts.join("\n")}`;
      messages.push({ role: "tool", tool_call_id: part.id, content });
      shown.push(...part.parts.filter((one) => one.kind === "image"));
    } else if (part.kind === "call") untranslatable("a user's turn holds a call");
    else shown.push(part);
  }
  if (shown.length === 0) return messages;
  const [only] = shown;
  const content: JsonValue = shown.length === 1 && only?.kind === "text" ? only.text : shown.map(chatPart);
  return [...messages, { role: "user", content }];
}

function chatPart(part: TextPart | ImagePart): JsonObject {
  if (part.kind === "text") return { type: "text", text: part.text };
  const url = "url" in part ? part.url : `data:${part.media};base64,${part.base64}`;
  return { type: "image_url", image_url: { url } };
}

function assistantMessage({ parts }: Turn): JsonObject {
  const texts = parts.filter((part) => part.kind === "text").map((part) => part.text);
  if (parts.some(({ kind }) => kind === "image" || kind === "result"))
    untranslatable("an assistant's turn holds images");
  const calls = parts
    .filter((part) => part.kind === "call")
    .map(({ id, name, args }) => ({ id, type: "function", function: { name, arguments: JSON.stringify(args) } }));
  return {
    role: "assistant",
    content: texts.length === 0 ? null : texts.join(""),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

export function writeMessagesBody(asked: Conversation): Draft {
  const { system, turns, tools, format, temperature } = asked;
  if (temperature !== null && temperature > 1) untranslatable("this model takes a temperature from 0 to 1");
  if (format?.kind === "object") untranslatable("this model takes a JSON schema, not json_object");
  const choice = messagesChoiceOf(asked);
  return {
    ...(system.length === 0 ? {} : { system: system.join("\n\n") }),
    messages: turns.map(({ role, parts }) => ({ role, content: contentOf(parts) })),
    ...sampled(asked),
    ...(asked.stops.length === 0 ? {} : { stop_sequences: [...asked.stops] }),
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, schema, isStrict }) => ({
            name,
            ...described(description),
            input_schema: schema,
            ...(isStrict ? { strict: true } : {}),
          })),
        }),
    ...(choice === null ? {} : { tool_choice: choice }),
    ...(format === null ? {} : { output_config: { format: { type: "json_schema", schema: format.schema } } }),
  };
}

function messagesChoiceOf({ choice, isParallel, tools }: Conversation): JsonObject | null {
  const isSingle = isParallel === false && tools.length > 0;
  if (choice === null && !isSingle) return null;
  const given: JsonObject =
    choice?.kind === "one" ? { type: "tool", name: choice.name } : { type: choice?.kind ?? "auto" };
  return isSingle && choice?.kind !== "none" ? { ...given, disable_parallel_tool_use: true } : given;
}

function contentOf(parts: readonly Part[]): JsonValue {
  const [only] = parts;
  if (parts.length === 1 && only?.kind === "text") return only.text;
  // Results must come first.
  const isResult = ({ kind }: Part): boolean => kind === "result";
  return [...parts.filter(isResult), ...parts.filter((part) => !isResult(part))].map(blockOf);
}

function blockOf(part: Part): JsonObject {
  switch (part.kind) {
    case "text":
      return { type: "text", text: part.text };
    case "image":
      return {
        type: "image",
        source:
          "url" in part
            ? { type: "url", url: part.url }
            : { type: "base64", media_type: part.media, data: part.base64 },
      };
    case "call":
      return { type: "tool_use", id: part.id, name: part.name, input: part.args };
    case "result": {
      const content = part.parts.map(blockOf);
      return { type: "tool_result", tool_use_id: part.id, content, ...(part.isError ? { is_error: true } : {}) };
    }
  }
}
