// One entry under models: what it speaks, where it runs, what it costs. Where it really runs is proved by asking it.

import { Fault, type JsonObject } from "../kernel/index.ts";
import { tokensOf } from "./amounts.ts";
import { pairs, same, type Change } from "./diff-parts.ts";
import { NAME, PLAIN_TEXT, SECRET_REFERENCE } from "./names.ts";
import { didYouMean } from "./nearest.ts";
import * as read from "./reading.ts";
import type { Fields, SourceNode } from "./reading.ts";
import { isLoopback, secretOf } from "./server.ts";
import type { Stack, StackLock, StackModel, StackPrice } from "./types.ts";

const SPEAKS = ["openai-chat", "anthropic-messages", "gguf"] as const;
const PLACES = ["this-machine", "my-network", "cloud"] as const;
/** USD for a million tokens; dearer is a slip of the keyboard. */
const PRICE_MAX = 100_000;
const NOBODY: readonly string[] = [];

export function modelOf(node: SourceNode, name: string): StackModel {
  const model = read.fields(node, {
    required: ["speaks", "model", "place"],
    optional: ["url", "secret", "fallbackFor", "context", "maxOutput", "price"],
  });
  const speaks = read.oneOf(model.need("speaks"), SPEAKS);
  const place = read.oneOf(model.need("place"), PLACES);
  // What a misspelt place would mean for the rest is no news.
  const isPlaced = model.need("place").content === place;
  const fallbackFor = read.maybe(model.get("fallbackFor"), NOBODY, (names) => read.setOf(names, NAME));
  const self = model.get("fallbackFor");
  if (self !== undefined && fallbackFor.includes(name)) {
    read.report(self, { code: "bad-value", message: `model '${name}' cannot be its own fallback.` });
  }
  if (speaks === "gguf") refuseForFile(model, place);
  else if (isPlaced && place !== "cloud" && model.get("url") === undefined && read.isMap(node.content)) {
    read.report(node, { code: "missing-key", message: `${read.nameOf(node)} needs 'url': it is not in the cloud.` });
  }
  return read.remember(node, {
    speaks,
    url: read.maybe(model.get("url"), null, (url) => urlOf(url, isPlaced ? place : null)),
    model: read.textOf(model.need("model"), speaks === "gguf" ? NAME : { ...PLAIN_TEXT, lengthMax: 200 }),
    place,
    secret: read.maybe(model.get("secret"), null, secretOf),
    fallbackFor,
    context: read.maybe(model.get("context"), null, countOf),
    maxOutput: read.maybe(model.get("maxOutput"), null, countOf),
    price: read.maybe(model.get("price"), null, priceOf),
  });
}

function refuseForFile(model: Fields, place: StackModel["place"]): void {
  for (const field of ["url", "secret"]) {
    const node = model.get(field);
    if (node === undefined) continue;
    const message = `'${field}' has no meaning for a model file: Freehold runs it itself.`;
    read.report(node, { code: "bad-value", message });
  }
  if (place === "this-machine") return;
  const message = `${read.nameOf(model.need("place"))} must be this-machine: Freehold runs a model file itself.`;
  read.report(model.need("place"), { code: "bad-value", message });
}

function urlOf(node: SourceNode, place: StackModel["place"] | null): string {
  const url = read.textOf(node, { expected: "an address such as http://127.0.0.1:8080/v1", lengthMax: 2048 });
  const parsed = URL.parse(url);
  if (parsed === null || !["http:", "https:"].includes(parsed.protocol)) {
    read.report(node, { code: "bad-value", message: `${read.nameOf(node)} must be an http or https address.` });
    return url;
  }
  const isHere = isLoopback(parsed.hostname);
  const wrong = (message: string): void =>
    read.report(node, { code: "bad-value", message: `${read.nameOf(node)} ${message}` });
  if (parsed.username !== "" || parsed.password !== "") {
    read.report(node, { code: "plain-secret", message: `${read.nameOf(node)} holds a password. Use 'secret'.` });
  } else if (parsed.search !== "" || parsed.hash !== "") wrong("must end with its path, without '?' and '#'.");
  else if (place === "cloud" && parsed.protocol === "http:" && !isHere) wrong("goes to the cloud and must be https.");
  else if (place === "this-machine" && !isHere)
    wrong("is no address of this machine. Write 127.0.0.1, or 'my-network'.");
  else if (place === "my-network" && isHere) wrong("is this machine. Write place: this-machine.");
  return url;
}

function countOf(node: SourceNode): number {
  return tokensOf(node, 1);
}

function priceOf(node: SourceNode): StackPrice {
  const price = read.fields(node, { required: ["input", "output"], optional: ["cacheRead", "cacheWrite"] });
  const usd = (amount: SourceNode): number => read.numberOf(amount, { min: 0, max: PRICE_MAX, whole: false });
  return {
    input: usd(price.need("input")),
    output: usd(price.need("output")),
    cacheRead: read.maybe(price.get("cacheRead"), null, usd),
    cacheWrite: read.maybe(price.get("cacheWrite"), null, usd),
  };
}

/** Throws a Fault for a model that is made of a file which the lock does not know. */
export function checkModels(stack: Stack, lock: StackLock): void {
  const files = Object.keys(lock.models ?? {});
  for (const [name, model] of Object.entries(stack.models)) {
    if (model.speaks !== "gguf" || files.includes(model.model)) continue;
    const message = `model '${name}' is made of the file '${model.model}', which is not in stack.lock.`;
    throw new Fault("manifest.unknown-name", {
      at: read.placeOf(model, "stack.yaml"),
      message: message + didYouMean(model.model, files),
      next: `freehold model pull SOURCE --as ${model.model}`,
    });
  }
}

export function diffModels(before: Stack, after: Stack): readonly Change[] {
  return pairs(before.models, after.models).flatMap(([name, was, is]): readonly Change[] => {
    const file = "stack.yaml";
    if (is === undefined) return [{ kind: "removed", file, what: `model ${name} is gone`, wider: false }];
    if (same(was, is)) return [];
    const what = `model ${name} is ${was === undefined ? "new:" : "now"} ${modelText(is)}`;
    // What reads nothing that it did not read before may still cost more, or answer in another's place.
    const wider = was === undefined ? is.place !== "this-machine" || is.fallbackFor.length > 0 : true;
    return [{ kind: was === undefined ? "added" : "changed", file, what, wider }];
  });
}

function modelText(model: StackModel): string {
  const { speaks, url, place, secret, fallbackFor, context, maxOutput, price } = model;
  const where = speaks === "gguf" ? "run here from its file" : `at ${url ?? "its maker's address"}`;
  const more = [
    secret === null ? "" : `with ${secret}`,
    fallbackFor.length === 0 ? "" : `standing in for ${fallbackFor.join(", ")}`,
    context === null ? "" : `${context} tokens of context`,
    maxOutput === null ? "" : `at most ${maxOutput} tokens an answer`,
    price === null ? "" : `at ${price.input} and ${price.output} USD a million tokens`,
  ].filter((part) => part !== "");
  return [`${model.model} ${where} (${place})`, ...more].join(", ");
}

export function modelSchema(): JsonObject {
  const tokens = (description: string): JsonObject => ({
    description,
    anyOf: [
      { type: "integer", minimum: 1 },
      { type: "string", pattern: "^[1-9][0-9]{0,5}[kM]$" },
    ],
  });
  const usd = { type: "number", minimum: 0, maximum: PRICE_MAX };
  return {
    type: "object",
    description: "A model and how it is reached.",
    required: ["speaks", "model", "place"],
    additionalProperties: false,
    properties: {
      speaks: { enum: SPEAKS, description: "The protocol; gguf for a file that Freehold runs itself." },
      url: { type: "string", description: "Its address.", pattern: "^[Hh][Tt][Tt][Pp][Ss]?:" },
      model: {
        type: "string",
        description: "Its exact name, dated where there is a date; of gguf the name in stack.lock.",
        minLength: 1,
        maxLength: 200,
      },
      place: { enum: PLACES, description: "Where data goes when it is asked." },
      secret: {
        type: "string",
        description: "A reference; the value is kept sealed.",
        pattern: SECRET_REFERENCE.pattern.source,
      },
      fallbackFor: {
        type: "array",
        description: "Models that it stands in for.",
        items: { type: "string", description: "a name", pattern: NAME.pattern.source },
        uniqueItems: true,
      },
      context: tokens("What fits into it, asked and answered together."),
      maxOutput: tokens("What an answer may have at most."),
      price: {
        type: "object",
        description: "USD for a million tokens, in place of the price list's.",
        required: ["input", "output"],
        additionalProperties: false,
        properties: { input: usd, output: usd, cacheRead: usd, cacheWrite: usd },
      },
    },
  };
}
