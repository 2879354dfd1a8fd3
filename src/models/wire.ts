// The body that leaves: as the program wrote it in the model's own dialect, or written anew in it, with the model's
// exact name and a limit on the answer, and the most that it can cost.

import type { JsonObject, ModelRequest } from "../kernel/index.ts";
import { chatBounds, messagesBounds, outputLimit, type Bounds } from "./bounds.ts";
import type { Wire, WireFault } from "./peer.ts";
import { readChatBody, readMessagesBody } from "./read-bodies.ts";
import { readResponsesBody } from "./read-responses-body.ts";
import { at, isList, listAt, objectAt, translated, untranslatable, type Draft } from "./shapes.ts";
import { writeChatBody, writeMessagesBody } from "./write-bodies.ts";

/** The model that the body is for. */
export interface Target {
  readonly speaks: "openai-chat" | "anthropic-messages";
  readonly url: string;
  readonly model: string;
  readonly contextTokens: number | null;
  readonly outputTokensMax?: number | null;
  readonly isLocal: boolean;
}

type Asked = Pick<ModelRequest, "dialect" | "body">;

/** No language needs less. A model of the owner's own may cut off silently what is too long, so less is believed. */
const BYTES_PER_TOKEN_MAX = { local: 5, remote: 8 };
/** Where the older name of the limit is refused; elsewhere the newer one may be ignored. */
const NEW_LIMIT_HOSTS = /(?:^|\.)openai\.(?:com|azure\.com)$/;

export function wireFor(target: Target, asked: Asked): Wire | WireFault {
  return translated((): Wire | WireFault => {
    if (asked.dialect === "openai-embeddings") return embeddingsWire(target, asked.body);
    const body = inDialect(target, asked);
    return target.speaks === "openai-chat" ? chatWire(target, body) : messagesWire(target, body);
  });
}

function inDialect({ speaks }: Target, { dialect, body }: Asked): JsonObject {
  if (dialect === speaks) return body;
  const conversation =
    dialect === "openai-chat"
      ? readChatBody(body)
      : dialect === "anthropic-messages"
        ? readMessagesBody(body)
        : readResponsesBody(body);
  return speaks === "openai-chat" ? writeChatBody(conversation) : writeMessagesBody(conversation);
}

function chatWire(target: Target, asked: JsonObject): Wire | WireFault {
  const bounds = chatBounds(asked);
  const limit = outputLimit(asked, ["max_tokens", "max_completion_tokens"], target);
  const isNew = NEW_LIMIT_HOSTS.test(new URL(target.url).hostname);
  const [name, other] = isNew ? ["max_completion_tokens", "max_tokens"] : ["max_tokens", "max_completion_tokens"];
  const { [other]: _unsaid, ...kept } = { ...asked, model: target.model, [name]: limit };
  const isStream = isStreamed(asked);
  const options = { ...objectAt(asked, "stream_options"), include_usage: true };
  return bounded(target, { body: isStream ? { ...kept, stream_options: options } : kept, isStream, limit, bounds });
}

function messagesWire(target: Target, asked: JsonObject): Wire | WireFault {
  const bounds = messagesBounds(asked);
  const limit = outputLimit(asked, ["max_tokens"], target);
  const body: Draft = { ...asked, model: target.model, max_tokens: limit };
  return bounded(target, { body, isStream: isStreamed(asked), limit, bounds });
}

function embeddingsWire(target: Target, asked: JsonObject): Wire | WireFault {
  if (target.speaks !== "openai-chat") return untranslatable("this model has no embeddings");
  const input = at(asked, "input");
  const isInput =
    typeof input === "string" ||
    (isList(input) && (input.every((one) => typeof one !== "object") || input.every((one) => isList(one))));
  if (!isInput) return untranslatable("input is no text and no list of texts");
  const bounds = { extraTokens: 0, imageBytes: 0, choices: 1, extraOutputTokens: 0 };
  const wire = bounded(target, { body: { ...asked, model: target.model }, isStream: false, limit: 0, bounds });
  // Each text is begun and ended by tokens of its own.
  const inputs = 1 + listAt(asked, "input").length;
  if ("kind" in wire) return wire;
  return { ...wire, dialect: "openai-embeddings", inputTokensMax: wire.inputTokensMax + inputs * EDGE_TOKENS };
}

const EDGE_TOKENS = 8;

function isStreamed(body: JsonObject): boolean {
  const stream = at(body, "stream") ?? false;
  return typeof stream === "boolean" ? stream : untranslatable("stream is neither true nor false");
}

interface Written {
  readonly body: JsonObject;
  readonly isStream: boolean;
  readonly limit: number;
  readonly bounds: Bounds;
}

function bounded(target: Target, { body, isStream, limit, bounds }: Written): Wire | WireFault {
  const text = JSON.stringify(body);
  const textBytes = Buffer.byteLength(text) - bounds.imageBytes;
  const tokensMin = Math.ceil(textBytes / BYTES_PER_TOKEN_MAX[target.isLocal ? "local" : "remote"]);
  if (target.contextTokens !== null && tokensMin > target.contextTokens) {
    const reason = `it is ${tokensMin} tokens at the least, and ${target.model} reads ${target.contextTokens}`;
    return { kind: "too-long", reason };
  }
  const outputTokensMax = limit * bounds.choices + bounds.extraOutputTokens;
  return { text, isStream, inputTokensMax: textBytes + bounds.extraTokens, outputTokensMax };
}
