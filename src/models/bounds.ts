// The most that a body can cost, in tokens: no token is less than a byte, and what is no text is counted apart.
// What has a price of its own beside its tokens, or a size that nobody can tell, is refused.

import { isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { at, isList, listAt, numberAt, objectAt, objectsAt, stringAt, untranslatable } from "./shapes.ts";

/** What templates add for tools, schemas and a default system text; what is added by message is less than its JSON. */
const TEMPLATE_TOKENS = 2_048;
/** The most that a provider counts for one image: 8 tiles of the dearest small model (OpenAI), 4,784 (Anthropic). */
const IMAGE_TOKENS = 50_000;
/** A tool that the model knows by its type has a text of its own. */
const TYPED_TOOL_TOKENS = 4_096;
const CHOICES_MAX = 8;
const DEPTH_MAX = 64;

export interface Bounds {
  /** Over the bytes of the body. */
  readonly extraTokens: number;
  /** Of images: bytes in the body that are no tokens. */
  readonly imageBytes: number;
  /** The answer may come so many times. */
  readonly choices: number;
  /** Counted as output beside the answer. */
  readonly extraOutputTokens: number;
}

interface Counted {
  images: number;
  imageBytes: number;
}

/** Searches at a price per use, other models, and engines' own names for the length and number of answers. */
const UNBOUNDED = [
  "web_search_options",
  "search_parameters",
  "enable_search",
  "plugins",
  "models",
  "audio",
  "n_predict",
  "n_cmpl",
  "best_of",
];
/** Whoever runs the model would fetch it: from wherever a program says, with whatever the program writes into it. */
const BY_ADDRESS = "an image that is named by its address is fetched by the model's engine; send the image itself";

export function chatBounds(body: JsonObject): Bounds {
  for (const key of UNBOUNDED) {
    if ((at(body, key) ?? false) !== false) untranslatable(`${key} has a price that cannot be bounded`);
  }
  if (listAt(body, "modalities").some((one) => one !== "text")) untranslatable("only text can be bounded in price");
  const tier = stringAt(body, "service_tier") ?? "default";
  if (!["auto", "default", "flex"].includes(tier)) untranslatable(`service_tier '${tier}' has a price of its own`);
  for (const tool of objectsAt(body, "tools")) {
    const type = stringAt(tool, "type") ?? "?";
    if (type !== "function" && type !== "custom") untranslatable(`a tool of type '${type}' has a price of its own`);
  }
  const counted = { images: 0, imageBytes: 0 };
  for (const message of objectsAt(body, "messages")) {
    if (at(message, "audio") !== undefined) untranslatable("audio cannot be bounded in price");
    for (const part of objectsAt(message, "content")) countChatPart(part, counted);
  }
  const choices = at(body, "n") ?? 1;
  if (typeof choices !== "number" || !Number.isInteger(choices) || choices < 1 || choices > CHOICES_MAX) {
    return untranslatable(`n is from 1 to ${CHOICES_MAX}`);
  }
  // A prediction that turns out wrong is charged as output.
  const prediction = at(body, "prediction");
  const extraOutputTokens = prediction === undefined ? 0 : Buffer.byteLength(JSON.stringify(prediction));
  return { ...boundsOf(counted), choices, extraOutputTokens };
}

function countChatPart(part: JsonObject, counted: Counted): void {
  const type = stringAt(part, "type") ?? "?";
  if (type === "text" || type === "refusal") return;
  if (type !== "image_url") return untranslatable(`content of type '${type}' cannot be bounded in price`);
  const url = stringAt(objectAt(part, "image_url") ?? {}, "url") ?? "";
  if (!url.startsWith("data:")) untranslatable(BY_ADDRESS);
  counted.images += 1;
  counted.imageBytes += Buffer.byteLength(url);
}

/** What runs at the program's side has a text at the model and no price; the others run there, at a price per use. */
const PROGRAM_TOOLS = /^(?:custom|(?:bash|text_editor|computer|memory)_\d{8})$/;

export function messagesBounds(body: JsonObject): Bounds {
  for (const key of ["mcp_servers", "container"]) {
    if (at(body, key) !== undefined) untranslatable(`${key} has a price that cannot be bounded`);
  }
  if ((at(body, "speed") ?? "standard") !== "standard") untranslatable("this speed has a price of its own");
  const region = at(body, "inference_geo");
  if (region !== undefined && region !== "global") untranslatable("inference_geo has a price of its own");
  let typed = 0;
  for (const tool of objectsAt(body, "tools")) {
    const type = stringAt(tool, "type") ?? "custom";
    if (!PROGRAM_TOOLS.test(type)) untranslatable(`a tool of type '${type}' has a price of its own`);
    if (type !== "custom") typed += 1;
  }
  const counted = { images: 0, imageBytes: 0 };
  for (const message of objectsAt(body, "messages")) countBlocks(at(message, "content"), { counted, depth: 0 });
  refuseLongCaches(body, 0);
  const { extraTokens, imageBytes } = boundsOf(counted);
  return { extraTokens: extraTokens + typed * TYPED_TOOL_TOKENS, imageBytes, choices: 1, extraOutputTokens: 0 };
}

function boundsOf({ images, imageBytes }: Counted): Pick<Bounds, "extraTokens" | "imageBytes"> {
  return { extraTokens: TEMPLATE_TOKENS + images * IMAGE_TOKENS, imageBytes };
}

const TEXT_BLOCKS = ["text", "thinking", "redacted_thinking", "tool_use", "search_result", "tool_reference"];

interface At {
  readonly counted: Counted;
  readonly depth: number;
}

function countBlocks(content: JsonValue | undefined, { counted, depth }: At): void {
  if (!isList(content)) return;
  if (depth > DEPTH_MAX) untranslatable("the content is nested too deep");
  for (const block of content.filter((one) => isObject(one))) {
    const type = stringAt(block, "type") ?? "?";
    const source = objectAt(block, "source") ?? {};
    if (type === "image") {
      if (stringAt(source, "type") !== "base64") untranslatable(BY_ADDRESS);
      counted.images += 1;
      counted.imageBytes += Buffer.byteLength(stringAt(source, "data") ?? "");
    } else if (type === "tool_result") countBlocks(at(block, "content"), { counted, depth: depth + 1 });
    else if (type === "document") countDocument(source, { counted, depth });
    else if (!TEXT_BLOCKS.includes(type)) untranslatable(`content of type '${type}' cannot be bounded in price`);
  }
}

/** A PDF is text and pictures of pages whose number nobody has counted. */
function countDocument(source: JsonObject, { counted, depth }: At): void {
  const type = stringAt(source, "type") ?? "?";
  if (type === "content") countBlocks(at(source, "content"), { counted, depth: depth + 1 });
  else if (type !== "text") untranslatable(`a document of type '${type}' cannot be bounded in price`);
}

/** Kept for an hour, what is written to a cache costs more than the price list says. */
function refuseLongCaches(value: JsonValue, depth: number): void {
  if (depth > DEPTH_MAX) return;
  if (isList(value)) {
    for (const item of value) refuseLongCaches(item, depth + 1);
  } else if (isObject(value)) {
    const cache = objectAt(value, "cache_control");
    const ttl = cache === null ? undefined : at(cache, "ttl");
    if (ttl !== undefined && ttl !== "5m")
      untranslatable("a cache kept for longer than 5 minutes has a price of its own");
    for (const key of ["system", "messages", "content", "source", "tools"]) {
      const inner = at(value, key);
      if (inner !== undefined) refuseLongCaches(inner, depth + 1);
    }
  }
}

const OUTPUT_TOKENS_DEFAULT = 8_192;
const OUTPUT_TOKENS_MAX = 131_072;

interface Room {
  readonly contextTokens: number | null;
  readonly outputTokensMax?: number | null;
}

/** Always a number of ours: what the program asks for, or a default, and never more than there is room for. */
export function outputLimit(body: JsonObject, keys: readonly string[], room: Room): number {
  const asked = keys.filter((key) => at(body, key) !== undefined).map((key) => numberAt(body, key) ?? Number.NaN);
  if (!asked.every((one) => Number.isInteger(one) && one >= 1)) untranslatable(`${keys[0] ?? "?"} is no whole number`);
  const wanted = asked.length === 0 ? OUTPUT_TOKENS_DEFAULT : Math.min(...asked);
  return Math.min(wanted, room.outputTokensMax ?? OUTPUT_TOKENS_MAX, room.contextTokens ?? OUTPUT_TOKENS_MAX);
}
