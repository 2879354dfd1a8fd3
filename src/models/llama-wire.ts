// What would be asked of a model file: any dialect in, counted with the model's own tokenizer, and refused with figures
// where it does not fit. Nothing is left out of a request to make it fit.

import type { JsonObject, ModelRequest } from "../kernel/index.ts";
import type { Conversation } from "./conversation.ts";
import { orderFor } from "./llama-order.ts";
import type { LlamaProcess } from "./llama-process.ts";
import type { Wire, WireFault } from "./peer.ts";
import { readChatBody, readMessagesBody } from "./read-bodies.ts";
import { readResponsesBody } from "./read-responses-body.ts";
import { at, isFault, isList, translated, untranslatable } from "./shapes.ts";
import { writeChatBody } from "./write-bodies.ts";

type Asked = Pick<ModelRequest, "dialect" | "body">;

export const OUTPUT_TOKENS_DEFAULT = 1_024;
/** An answer shorter than this is of no use to anybody. */
const OUTPUT_TOKENS_MIN = 16;
const TEXTS_MAX = 256;
/** What a template puts around each message, where the model could not be asked. */
const EDGE_TOKENS = 16;
const NEVER = new AbortController().signal;

interface Of {
  readonly name: string;
  readonly outputTokensMax?: number | null;
}

export async function llamaWire(child: LlamaProcess, of: Of, request: Asked): Promise<Wire | WireFault> {
  const { name, outputTokensMax } = of;
  if (request.dialect === "openai-embeddings") return translated(() => embeddingsWire(request.body));
  const read = translated(() => {
    const asked = conversationOf(request);
    return { asked, order: orderFor(asked, OUTPUT_TOKENS_MIN) };
  });
  if (isFault(read)) return read;
  const { asked, order } = read;
  if (asked.maxTokens !== null && !(Number.isInteger(asked.maxTokens) && asked.maxTokens > 0)) {
    return { kind: "malformed", reason: "max_tokens is no whole number" };
  }
  const result = await child.ask({ order: { do: "count", order }, signal: NEVER, onSaid: () => undefined });
  if (result.kind === "ended" && result.line.kind === "failed") {
    return { kind: "malformed", reason: `${name}: ${result.line.reason}` };
  }
  // What cannot be loaded says so when it is asked; until then it is as many tokens as bytes.
  const counted = result.kind === "ended" && result.line.kind === "counted" ? result.line.tokens : null;
  const { contextTokens } = child;
  const room = contextTokens - (counted ?? 0);
  if (room < Math.min(asked.maxTokens ?? OUTPUT_TOKENS_MIN, OUTPUT_TOKENS_MIN)) {
    const reason = `it is ${counted} tokens, and ${name} has ${contextTokens} for question and answer together`;
    return { kind: "too-long", reason };
  }
  const maxTokens = Math.min(asked.maxTokens ?? OUTPUT_TOKENS_DEFAULT, outputTokensMax ?? room, room);
  // As it was written: the order of a schema's properties is the order in which they are answered.
  const text = JSON.stringify({ ...writeChatBody({ ...asked, maxTokens }), model: name });
  const inputTokensMax = counted ?? Buffer.byteLength(text) + EDGE_TOKENS * (asked.turns.length + 1);
  return { text, isStream: asked.isStream, inputTokensMax, outputTokensMax: maxTokens };
}

function conversationOf({ dialect, body }: Asked): Conversation {
  switch (dialect) {
    case "openai-chat":
      return readChatBody(body);
    case "anthropic-messages":
      return readMessagesBody(body);
    case "openai-responses":
      return readResponsesBody(body);
    case "openai-embeddings":
      return untranslatable("embeddings are no conversation");
  }
}

function embeddingsWire(body: JsonObject): Wire {
  const { model: _model, user: _user, ...kept } = body;
  const unknown = Object.keys(kept).find((key) => !["input", "encoding_format"].includes(key));
  if (unknown !== undefined) untranslatable(`this model knows no '${unknown}' of embeddings`);
  const texts = textsIn(body);
  if (texts.length === 0 || texts.length > TEXTS_MAX) {
    untranslatable(`input is neither a text nor a list of 1 to ${TEXTS_MAX}`);
  }
  const text = JSON.stringify(kept);
  const inputTokensMax = Buffer.byteLength(text) + texts.length * EDGE_TOKENS;
  return { text, isStream: false, dialect: "openai-embeddings", inputTokensMax, outputTokensMax: 0 };
}

/** Empty for anything but texts: tokens that another tokenizer made mean nothing here. */
export function textsIn(body: JsonObject): readonly string[] {
  const input = at(body, "input");
  if (typeof input === "string") return [input];
  const texts = isList(input) ? input.filter((one) => typeof one === "string") : [];
  return isList(input) && texts.length === input.length ? texts : [];
}
