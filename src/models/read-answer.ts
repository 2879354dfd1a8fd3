// What a model said, collected from its stream or its whole body; the dialects fill it in.

import { readJson, isObject, oneLine, type EndReason, type JsonObject, type JsonValue } from "../kernel/index.ts";
import type { ModelCall, ModelEvent, ModelUsage } from "../kernel/index.ts";
import { at, numberAt, objectAt, stringAt } from "./shapes.ts";
import type { SseMessage } from "./sse.ts";

/** A piece of an answer as it is told. */
export type Piece = Exclude<ModelEvent, { readonly kind: "raw" }>;

/** The provider's own word that it failed. */
export interface ProviderError {
  readonly message: string;
  /** As HTTP would have said it; null where it did not say. */
  readonly status: number | null;
  readonly body: JsonObject;
}

export interface Collected {
  readonly identity: string | null;
  readonly text: string;
  readonly calls: readonly ModelCall[];
  /** Null where it did not come to an end. */
  readonly end: EndReason | null;
  /** Complete, or null: what counts only a part would be too little. */
  readonly usage: ModelUsage | null;
}

export interface AnswerReader {
  /** The pieces of one message of a stream. */
  message(message: SseMessage): readonly Piece[] | ProviderError;
  /** A whole body. */
  whole(body: JsonObject): ProviderError | null;
  collected(): Collected;
}

const CALLS_MAX = 256;

interface OpenCall {
  id: string;
  name: string;
  args: string[];
}

/** Collects pieces, which the readers of the dialects make. Half a character, which no record holds, becomes U+FFFD. */
export class Collector {
  identity: string | null = null;
  end: EndReason | null = null;
  usage: ModelUsage | null = null;
  readonly #text: string[] = [];
  readonly #calls = new Map<number, OpenCall>();

  take(piece: Piece): void {
    if (piece.kind === "text") this.#text.push(piece.text);
    else if (piece.kind === "end") this.end = piece.reason;
    else if (piece.kind === "call") this.#takeCall(piece);
  }

  #takeCall({ index, id, name, piece }: Extract<Piece, { kind: "call" }>): void {
    let call = this.#calls.get(index);
    if (call === undefined) {
      if (this.#calls.size >= CALLS_MAX) return;
      call = { id: "", name: "", args: [] };
      this.#calls.set(index, call);
    }
    if (id !== undefined) call.id = id;
    if (name !== undefined) call.name = name;
    call.args.push(piece);
  }

  hasArgs(index: number): boolean {
    return this.#calls.get(index)?.args.some((piece) => piece !== "") === true;
  }

  collected(): Collected {
    const calls = [...this.#calls.values()].map(({ id, name, args }) => ({
      id: id.toWellFormed(),
      name: name.toWellFormed(),
      args: args.join("").toWellFormed(),
    }));
    const text = this.#text.join("").toWellFormed();
    return { identity: this.identity, text, calls, end: this.end, usage: this.usage };
  }
}

/** No dialect comes near it; what is some thousands deep can be read, and not be written any more. */
const DEPTH_MAX = 256;

/** Null for what is no object, or nested too deep; a stream's message that cannot be read says nothing. */
export function objectIn(text: string): JsonObject | null {
  try {
    const value = readJson(text);
    return isObject(value) && (text.length < 2 * DEPTH_MAX || isWithin(value, DEPTH_MAX)) ? value : null;
  } catch {
    return null; // what is no JSON is the provider's fault, and the caller says so
  }
}

function isWithin(value: JsonValue, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth === 0) return false;
  const inner: readonly JsonValue[] = Array.isArray(value) ? value : Object.values(value);
  return inner.every((one) => isWithin(one, depth - 1));
}

/** A whole number of tokens; null for anything else, zero where nothing is said. */
export function countAt(object: JsonObject | null, key: string): number | null {
  if (object === null || at(object, key) === undefined) return 0;
  const value = numberAt(object, key);
  return value !== null && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

/** `{"error": …}` in any of the forms that providers use. */
export function errorIn(body: JsonObject): ProviderError | null {
  const error: JsonValue | undefined = at(body, "error");
  if (error === undefined) return null;
  const inner = isObject(error) ? error : {};
  const message = typeof error === "string" ? error : (stringAt(inner, "message") ?? stringAt(inner, "type") ?? "?");
  const code = numberAt(inner, "code") ?? numberAt(inner, "status") ?? STATUS_OF[stringAt(inner, "type") ?? ""] ?? null;
  const status = code !== null && code >= 400 && code < 600 ? code : null;
  return { message: oneLine(message, 300), status, body };
}

/** Anthropic's names of its errors. */
const STATUS_OF: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

export function isProviderError(read: readonly Piece[] | ProviderError): read is ProviderError {
  return "message" in read;
}

/** A provider may give its exact model, which may be another than was asked for. */
export function identityIn(body: JsonObject, known: string | null): string | null {
  return known ?? stringAt(body, "model")?.slice(0, 200).toWellFormed() ?? null;
}

export function objectOrEmpty(object: JsonObject, key: string): JsonObject {
  return objectAt(object, key) ?? {};
}
