// Bodies in OpenAI's chat dialect and in Anthropic's Messages, read into a conversation. Hints that change no meaning
// are left out by name; everything else that the other dialect cannot say is refused.

import { isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { joined, text } from "./conversation.ts";
import type {
  AnswerFormat,
  Conversation,
  ImagePart,
  Part,
  TextPart,
  ToolChoice,
  ToolShape,
  Turn,
} from "./conversation.ts";
import { objectIn } from "./read-answer.ts";
import {
  at,
  isList,
  listAt,
  mustObject,
  mustObjects,
  mustString,
  numberAt,
  objectAt,
  onlyKnown,
  stringAt,
  untranslatable,
} from "./shapes.ts";

/** About accounting, caching and speed: the answer means the same without them. */
const CHAT_HINTS = [
  "metadata",
  "prompt_cache_key",
  "prompt_cache_options",
  "prompt_cache_retention",
  "reasoning_effort",
  "safety_identifier",
  "seed",
  "service_tier",
  "store",
  "stream_options",
  "user",
  "verbosity",
];
const CHAT_KNOWN = [
  ...CHAT_HINTS,
  "max_completion_tokens",
  "max_tokens",
  "messages",
  "model",
  "n",
  "parallel_tool_calls",
  "response_format",
  "stop",
  "stream",
  "temperature",
  "tool_choice",
  "tools",
  "top_p",
];
const MESSAGES_HINTS = [
  "cache_control",
  "context_management",
  "diagnostics",
  "inference_geo",
  "metadata",
  "service_tier",
  "speed",
  "thinking",
];
const MESSAGES_KNOWN = [
  ...MESSAGES_HINTS,
  "max_tokens",
  "messages",
  "model",
  "output_config",
  "stop_sequences",
  "stream",
  "system",
  "temperature",
  "tool_choice",
  "tools",
  "top_k",
  "top_p",
];

export function readChatBody(body: JsonObject): Conversation {
  // Zero is what is meant where they are left out.
  const { presence_penalty: presence, frequency_penalty: frequency, logprobs, ...rest } = body;
  if ((presence ?? 0) !== 0 || (frequency ?? 0) !== 0) untranslatable("penalties cannot be said to this model");
  if ((logprobs ?? false) !== false) untranslatable("logprobs cannot be had from this model");
  onlyKnown(rest, CHAT_KNOWN, "the body");
  if ((at(body, "n") ?? 1) !== 1) untranslatable("this model gives one choice, not n");
  const messages = mustObjects(at(body, "messages"), "messages");
  const isSystem = (message: JsonObject): boolean => ["system", "developer"].includes(stringAt(message, "role") ?? "");
  return {
    ...sampling(body),
    system: messages.filter(isSystem).map((message) => plainText(at(message, "content"), "a system message")),
    turns: joined(messages.filter((message) => !isSystem(message)).map(chatTurn)),
    tools: mustObjects(at(body, "tools"), "tools").map(chatTool),
    choice: chatChoice(at(body, "tool_choice")),
    isParallel: booleanAt(body, "parallel_tool_calls"),
    maxTokens: numberAt(body, "max_completion_tokens") ?? numberAt(body, "max_tokens"),
    stops: stopsIn(at(body, "stop")),
    format: chatFormat(objectAt(body, "response_format")),
  };
}

export function sampling(body: JsonObject): Pick<Conversation, "temperature" | "topP" | "topK" | "isStream"> {
  return {
    temperature: numberAt(body, "temperature"),
    topP: numberAt(body, "top_p"),
    topK: numberAt(body, "top_k"),
    isStream: booleanAt(body, "stream") ?? false,
  };
}

export function booleanAt(body: JsonObject, key: string): boolean | null {
  const value = at(body, key);
  return typeof value === "boolean" ? value : null;
}

function stopsIn(stop: JsonValue | undefined): readonly string[] {
  if (stop === undefined) return [];
  if (typeof stop === "string") return [stop];
  return isList(stop) ? stop.map((one) => mustString(one, "a stop")) : untranslatable("stop is no text");
}

/** A text, or parts that are all texts. */
export function plainText(content: JsonValue | undefined, what: string): string {
  if (typeof content === "string" || content === undefined) return content ?? "";
  return mustObjects(content, what)
    .map((part) => {
      const type = stringAt(part, "type") ?? "";
      if (!["text", "input_text", "output_text"].includes(type)) untranslatable(`${what} holds '${type}'`);
      return mustString(at(part, "text"), what);
    })
    .join("\n");
}

function chatTurn(message: JsonObject): Turn {
  const role = stringAt(message, "role");
  onlyKnown(message, ROLE_FIELDS[role ?? ""] ?? ["role"], `a message of '${role ?? "?"}'`);
  const content = at(message, "content");
  switch (role) {
    case "user":
      return { role, parts: chatParts(content) };
    case "assistant": {
      const said = [...chatParts(content), ...chatParts(at(message, "refusal"))];
      const calls = mustObjects(at(message, "tool_calls"), "tool_calls").map((call): Part => {
        const named = mustObject(at(call, "function"), "a call's function");
        const args = mustString(at(named, "arguments"), "a call's arguments");
        const id = mustString(at(call, "id"), "a call's id");
        return { kind: "call", id, name: mustString(at(named, "name"), "a call's name"), args: argsIn(args) };
      });
      return { role, parts: [...said, ...calls] };
    }
    case "tool": {
      const id = mustString(at(message, "tool_call_id"), "tool_call_id");
      const parts = [text(plainText(content, "a tool's result"))];
      return { role: "user", parts: [{ kind: "result", id, parts, isError: false }] };
    }
    default:
      return untranslatable(`there is no role '${role ?? "?"}' in this model's dialect`);
  }
}

/** Reasoning that some programs send back is the model's own note; nothing is lost to another one. */
const ROLE_FIELDS: Readonly<Record<string, readonly string[]>> = {
  user: ["role", "content", "name"],
  assistant: ["role", "content", "name", "refusal", "tool_calls", "annotations", "reasoning", "reasoning_content"],
  tool: ["role", "content", "tool_call_id", "name"],
};

/** Broken JSON of an earlier call cannot be said where arguments are objects. */
export function argsIn(args: string): JsonObject {
  if (args.trim() === "") return {};
  return objectIn(args) ?? untranslatable("the arguments of an earlier call are no JSON object");
}

function chatParts(content: JsonValue | undefined): readonly (TextPart | ImagePart)[] {
  if (content === undefined) return [];
  if (typeof content === "string") return content === "" ? [] : [text(content)];
  return mustObjects(content, "content").map((part) => {
    const type = stringAt(part, "type") ?? "?";
    if (type === "text" || type === "refusal") return text(mustString(at(part, type), "a part's text"));
    if (type !== "image_url") return untranslatable(`content of type '${type}' cannot be said to this model`);
    return imageOf(mustString(at(mustObject(at(part, "image_url"), "image_url"), "url"), "an image's url"));
  });
}

const DATA_URL = /^data:([\w.+-]{1,40}\/[\w.+-]{1,60});base64,/;

export function imageOf(url: string): ImagePart {
  const media = DATA_URL.exec(url.slice(0, 128));
  if (media?.[1] !== undefined) return { kind: "image", media: media[1], base64: url.slice(media[0].length) };
  return url.startsWith("data:") ? untranslatable("an image is no base64") : { kind: "image", url };
}

function chatTool(tool: JsonObject): ToolShape {
  const type = stringAt(tool, "type") ?? "?";
  if (type !== "function") untranslatable(`a tool of type '${type}' cannot be said to this model`);
  return functionOf(mustObject(at(tool, "function"), "a tool's function"));
}

export function functionOf(named: JsonObject): ToolShape {
  onlyKnown(named, ["type", "name", "description", "parameters", "strict"], "a tool");
  return {
    name: mustString(at(named, "name"), "a tool's name"),
    description: stringAt(named, "description"),
    schema: objectAt(named, "parameters") ?? { type: "object", properties: {} },
    isStrict: at(named, "strict") === true,
  };
}

function chatChoice(choice: JsonValue | undefined): ToolChoice | null {
  if (choice === undefined) return null;
  if (choice === "auto" || choice === "none") return { kind: choice };
  if (choice === "required") return { kind: "any" };
  const named = isObject(choice) && at(choice, "type") === "function" ? (objectAt(choice, "function") ?? choice) : null;
  const name = named === null ? null : stringAt(named, "name");
  return name === null ? untranslatable("this tool_choice cannot be said to this model") : { kind: "one", name };
}

export { chatChoice };

function chatFormat(format: JsonObject | null): AnswerFormat | null {
  if (format === null || at(format, "type") === "text") return null;
  if (at(format, "type") === "json_object") return { kind: "object" };
  const inner = objectAt(format, "json_schema") ?? (at(format, "type") === "json_schema" ? format : null);
  const schema = inner === null ? null : objectAt(inner, "schema");
  if (inner === null || schema === null) return untranslatable("this response_format cannot be said to this model");
  return { kind: "schema", name: stringAt(inner, "name") ?? "answer", schema, isStrict: at(inner, "strict") === true };
}

export { chatFormat };

export function readMessagesBody(body: JsonObject): Conversation {
  onlyKnown(body, MESSAGES_KNOWN, "the body");
  const output = objectAt(body, "output_config") ?? {};
  onlyKnown(output, ["format", "effort"], "output_config");
  const choice = objectAt(body, "tool_choice");
  const isSingle = choice !== null && at(choice, "disable_parallel_tool_use") === true;
  const system = at(body, "system");
  return {
    ...sampling(body),
    system: system === undefined ? [] : [plainText(system, "system")],
    turns: joined(mustObjects(at(body, "messages"), "messages").map(messagesTurn)),
    tools: mustObjects(at(body, "tools"), "tools").map(messagesTool),
    choice: choice === null ? null : messagesChoice(choice),
    isParallel: isSingle ? false : null,
    maxTokens: numberAt(body, "max_tokens"),
    stops: listAt(body, "stop_sequences").map((one) => mustString(one, "a stop")),
    format: messagesFormat(objectAt(output, "format")),
  };
}

function messagesTurn(message: JsonObject): Turn {
  const role = stringAt(message, "role");
  if (role !== "user" && role !== "assistant") return untranslatable(`there is no role '${role ?? "?"}' here`);
  return { role, parts: blocks(at(message, "content")).flatMap((block) => blockParts(block)) };
}

function blocks(content: JsonValue | undefined): readonly JsonObject[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : mustObjects(content, "content");
}

function blockParts(block: JsonObject): readonly Part[] {
  const type = stringAt(block, "type") ?? "?";
  switch (type) {
    case "thinking":
    case "redacted_thinking":
      // Signed by the model that thought it, and read by no other.
      return [];
    case "tool_use": {
      const args = mustObject(at(block, "input"), "a call's input");
      const id = mustString(at(block, "id"), "a call's id");
      return [{ kind: "call", id, name: mustString(at(block, "name"), "a call's name"), args }];
    }
    case "tool_result": {
      const content = at(block, "content");
      const parts = content === undefined ? [] : blocks(content).map(shown);
      const id = mustString(at(block, "tool_use_id"), "tool_use_id");
      return [{ kind: "result", id, parts, isError: at(block, "is_error") === true }];
    }
    default:
      return [shown(block)];
  }
}

function shown(block: JsonObject): TextPart | ImagePart {
  const type = stringAt(block, "type") ?? "?";
  if (type === "text") return text(mustString(at(block, "text"), "a text"));
  const source = type === "image" ? objectAt(block, "source") : null;
  if (source !== null && at(source, "type") === "url")
    return { kind: "image", url: mustString(at(source, "url"), "url") };
  if (source === null || at(source, "type") !== "base64") {
    return untranslatable(`content of type '${type}' cannot be said to this model`);
  }
  const media = mustString(at(source, "media_type"), "media_type");
  return { kind: "image", media, base64: mustString(at(source, "data"), "an image's data") };
}

function messagesTool(tool: JsonObject): ToolShape {
  const type = stringAt(tool, "type") ?? "custom";
  if (type !== "custom") untranslatable(`a tool of type '${type}' cannot be said to this model`);
  const known = ["type", "name", "description", "input_schema", "strict", "cache_control", "eager_input_streaming"];
  onlyKnown(tool, known, "a tool");
  return {
    name: mustString(at(tool, "name"), "a tool's name"),
    description: stringAt(tool, "description"),
    schema: mustObject(at(tool, "input_schema"), "input_schema"),
    isStrict: at(tool, "strict") === true,
  };
}

function messagesChoice(choice: JsonObject): ToolChoice {
  const type = stringAt(choice, "type");
  if (type === "auto" || type === "any" || type === "none") return { kind: type };
  const name = type === "tool" ? stringAt(choice, "name") : null;
  return name === null ? untranslatable("this tool_choice cannot be said to this model") : { kind: "one", name };
}

function messagesFormat(format: JsonObject | null): AnswerFormat | null {
  const schema = format === null ? null : objectAt(format, "schema");
  if (format === null) return null;
  if (at(format, "type") !== "json_schema" || schema === null) return untranslatable("this format cannot be said");
  return { kind: "schema", name: "answer", schema, isStrict: true };
}
