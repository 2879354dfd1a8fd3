// Bodies in OpenAI's Responses dialect, read into a conversation. Nothing is stored here: an answer that builds on a
// stored one is refused.

import type { JsonObject } from "../kernel/index.ts";
import { joined, text, type Conversation, type ImagePart, type TextPart, type Turn } from "./conversation.ts";
import { argsIn, booleanAt, chatChoice, chatFormat, functionOf, imageOf, plainText, sampling } from "./read-bodies.ts";
import { at, mustObjects, mustString, numberAt, objectAt, onlyKnown, stringAt, untranslatable } from "./shapes.ts";

/** `reasoning` and `include` speak of a reasoning that is not given back; `truncation` allows what is not done. */
const KNOWN = [
  "client_metadata",
  "include",
  "input",
  "instructions",
  "max_output_tokens",
  "max_tool_calls",
  "metadata",
  "model",
  "parallel_tool_calls",
  "prompt_cache_key",
  "prompt_cache_options",
  "prompt_cache_retention",
  "reasoning",
  "safety_identifier",
  "service_tier",
  "store",
  "stream",
  "stream_options",
  "temperature",
  "text",
  "tool_choice",
  "tools",
  "top_p",
  "truncation",
  "user",
];

export function readResponsesBody(body: JsonObject): Conversation {
  for (const key of ["previous_response_id", "conversation"]) {
    if (at(body, key) !== undefined) untranslatable(`${key}: nothing is stored here; send the whole input`);
  }
  if (booleanAt(body, "background") === true) untranslatable("nothing is answered in the background here");
  onlyKnown({ ...body, background: null }, KNOWN, "the body");
  const input = at(body, "input");
  const items = typeof input === "string" ? [{ role: "user", content: input }] : mustObjects(input, "input");
  const isSystem = (item: JsonObject): boolean => ["system", "developer"].includes(stringAt(item, "role") ?? "");
  const written = objectAt(body, "text") ?? {};
  const instructions = stringAt(body, "instructions");
  return {
    ...sampling(body),
    system: [
      ...(instructions === null ? [] : [instructions]),
      ...items.filter(isSystem).map((item) => plainText(at(item, "content"), "a system message")),
    ],
    turns: joined(items.filter((item) => !isSystem(item)).map(turnOf)),
    tools: mustObjects(at(body, "tools"), "tools").map((tool) => {
      const type = stringAt(tool, "type") ?? "?";
      return type === "function" ? functionOf(tool) : untranslatable(`a tool of type '${type}' cannot be had here`);
    }),
    choice: chatChoice(at(body, "tool_choice")),
    isParallel: booleanAt(body, "parallel_tool_calls"),
    maxTokens: numberAt(body, "max_output_tokens"),
    stops: [],
    format: chatFormat(objectAt(written, "format")),
  };
}

function turnOf(item: JsonObject): Turn {
  const type = stringAt(item, "type") ?? "message";
  switch (type) {
    case "message": {
      const role = stringAt(item, "role");
      if (role !== "user" && role !== "assistant") return untranslatable(`there is no role '${role ?? "?"}' here`);
      return { role, parts: partsOf(item) };
    }
    case "function_call": {
      const args = argsIn(mustString(at(item, "arguments"), "a call's arguments"));
      const id = mustString(at(item, "call_id"), "call_id");
      return { role: "assistant", parts: [{ kind: "call", id, name: mustString(at(item, "name"), "name"), args }] };
    }
    case "function_call_output": {
      const output = at(item, "output");
      const parts = typeof output === "string" ? [text(output)] : partsOf({ content: output ?? null });
      const id = mustString(at(item, "call_id"), "call_id");
      return { role: "user", parts: [{ kind: "result", id, parts, isError: false }] };
    }
    case "reasoning":
      // Sealed by the model that thought it, and read by no other.
      return { role: "assistant", parts: [] };
    default:
      return untranslatable(`an input of type '${type}' cannot be said to this model`);
  }
}

function partsOf(item: JsonObject): readonly (TextPart | ImagePart)[] {
  const content = at(item, "content");
  if (typeof content === "string") return content === "" ? [] : [text(content)];
  return mustObjects(content, "content").map((part) => {
    const type = stringAt(part, "type") ?? "?";
    if (type === "refusal") return text(mustString(at(part, "refusal"), "a refusal"));
    if (type === "input_text" || type === "output_text") return text(mustString(at(part, "text"), "a text"));
    const url = type === "input_image" ? at(part, "image_url") : undefined;
    return typeof url === "string" ? imageOf(url) : untranslatable(`content of type '${type}' cannot be said here`);
  });
}
