// Answers in OpenAI's chat dialect, streamed or whole, and of embeddings. Several choices: the first is read.

import type { EndReason, JsonObject, ModelUsage } from "../kernel/index.ts";
import {
  Collector,
  countAt,
  errorIn,
  identityIn,
  objectIn,
  objectOrEmpty,
  type AnswerReader,
  type Piece,
  type ProviderError,
} from "./read-answer.ts";
import { numberAt, objectAt, objectsAt, stringAt } from "./shapes.ts";

const REASONS: Readonly<Record<string, EndReason>> = {
  stop: "stop",
  length: "length",
  tool_calls: "calls",
  function_call: "calls",
  content_filter: "refusal",
};

/** What ends a stream in this dialect. */
export const CHAT_DONE = "[DONE]";

export function readChatAnswer(): AnswerReader {
  const into = new Collector();
  let callsSeen = 0;

  function pieces(body: JsonObject, part: "delta" | "message"): readonly Piece[] {
    into.identity = identityIn(body, into.identity);
    const choice = objectsAt(body, "choices").find((one) => (numberAt(one, "index") ?? 0) === 0);
    const said = choice === undefined ? null : objectAt(choice, part);
    const found: Piece[] = said === null ? [] : saidIn(said);
    const reason = choice === undefined ? null : stringAt(choice, "finish_reason");
    // Repeated by some providers in the message that brings the usage.
    if (reason !== null && into.end === null) found.push({ kind: "end", reason: REASONS[reason] ?? "other" });
    for (const piece of found) into.take(piece);
    const usage = objectAt(body, "usage");
    // Some count along while they stream; only what comes with or after the end is all of it.
    if (usage !== null && into.end !== null) into.usage = chatUsage(usage);
    return found;
  }

  function saidIn(said: JsonObject): Piece[] {
    const found: Piece[] = [];
    const thinking = stringAt(said, "reasoning_content") ?? stringAt(said, "reasoning") ?? "";
    if (thinking !== "") found.push({ kind: "thinking", text: thinking });
    for (const key of ["content", "refusal"]) {
      const text = stringAt(said, key) ?? "";
      if (text !== "") found.push({ kind: "text", text });
    }
    for (const call of objectsAt(said, "tool_calls")) {
      const named = objectAt(call, "function") ?? objectAt(call, "custom") ?? {};
      const index = numberAt(call, "index") ?? callsSeen;
      callsSeen = Math.max(callsSeen, index + 1);
      const id = stringAt(call, "id");
      const name = stringAt(named, "name");
      const piece = stringAt(named, "arguments") ?? stringAt(named, "input") ?? "";
      found.push({
        kind: "call",
        index,
        ...(id === null || id === "" ? {} : { id }),
        ...(name === null || name === "" ? {} : { name }),
        piece,
      });
    }
    return found;
  }

  return {
    message({ data }) {
      if (data === CHAT_DONE) return into.end === null ? endOf(into) : [];
      const body = objectIn(data);
      if (body === null) return unreadable();
      return errorIn(body) ?? pieces(body, "delta");
    },
    whole(body) {
      const error = errorIn(body);
      if (error !== null) return error;
      if (objectsAt(body, "choices").length === 0) return unreadable();
      pieces(body, "message");
      into.end ??= "other";
      const usage = objectAt(body, "usage");
      if (usage !== null) into.usage = chatUsage(usage);
      return null;
    },
    collected: () => into.collected(),
  };
}

/** Closed in order, though no reason was given. */
function endOf(into: Collector): readonly Piece[] {
  const end: Piece = { kind: "end", reason: "other" };
  into.take(end);
  return [end];
}

export function unreadable(): ProviderError {
  return { message: "it answered with what is no answer of its dialect", status: null, body: {} };
}

export function chatUsage(usage: JsonObject): ModelUsage | null {
  const input = countAt(usage, "prompt_tokens");
  const output = countAt(usage, "completion_tokens");
  const details = objectOrEmpty(usage, "prompt_tokens_details");
  const cacheRead = countAt(details, "cached_tokens") || countAt(usage, "prompt_cache_hit_tokens");
  const cacheWrite = countAt(details, "cache_write_tokens");
  const reasoning = countAt(objectOrEmpty(usage, "completion_tokens_details"), "reasoning_tokens");
  if (input === null || output === null || cacheRead === null || cacheWrite === null || reasoning === null) return null;
  return { input, cacheRead, cacheWrite, output, reasoning };
}

/** Embeddings come whole, and have no text. */
export function readEmbeddings(): AnswerReader {
  const into = new Collector();
  return {
    message: () => unreadable(),
    whole(body) {
      const error = errorIn(body);
      if (error !== null) return error;
      if (objectsAt(body, "data").length === 0) return unreadable();
      into.identity = identityIn(body, null);
      into.end = "stop";
      const usage = objectAt(body, "usage");
      if (usage !== null) into.usage = chatUsage(usage);
      return null;
    },
    collected: () => into.collected(),
  };
}
