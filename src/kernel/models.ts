// Calls of models: what is asked, what comes back, and which model may read what.
// Invariants: what has a label that a model is not cleared for never reaches it, by no route; nobody is asked about it.

import type { JsonObject } from "./json.ts";
import type { Label } from "./labels.ts";
import type { Principal } from "./principals.ts";

/** How a body is written. */
export type Dialect = "openai-chat" | "openai-responses" | "openai-embeddings" | "anthropic-messages";

export type Place = "this-machine" | "my-network" | "cloud";

/** What a request's text came from, in bytes; receipts share out the tokens by it. */
export type Sources = Readonly<Record<string, number>>;

export interface ModelRequest {
  readonly session: string;
  readonly principal: Principal;
  /** A name out of stack.yaml; null for the first that serves and is cleared. */
  readonly model: string | null;
  readonly dialect: Dialect;
  /** As the program wrote it. */
  readonly body: JsonObject;
  readonly sources?: Sources;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ModelEvent) => void;
}

/** One stream for all dialects. */
export type ModelEvent =
  /** A message as it came, for programs that speak the model's own dialect; told before what was read from it. */
  | { readonly kind: "raw"; readonly dialect: Dialect; readonly event: string | null; readonly data: string }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "thinking"; readonly text: string }
  /** A piece of a tool call; id and name come with its first piece. */
  | {
      readonly kind: "call";
      readonly index: number;
      readonly id?: string;
      readonly name?: string;
      readonly piece: string;
    }
  | { readonly kind: "end"; readonly reason: EndReason };

export type EndReason = "stop" | "length" | "calls" | "refusal" | "other";

export interface ModelUsage {
  /** All of the input; the next two are parts of it. */
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  /** All of the output; `reasoning` is a part of it. */
  readonly output: number;
  readonly reasoning: number;
}

export type ModelAnswer =
  | {
      readonly kind: "answered";
      readonly request: string;
      /** Its name in stack.yaml. */
      readonly model: string;
      /** The dialect that the model itself speaks, and its whole answer where it was not streamed. */
      readonly dialect: Dialect;
      readonly body: JsonObject | null;
      readonly text: string;
      readonly calls: readonly ModelCall[];
      readonly end: EndReason;
      /** Null where the model did not say; it was charged at its bound. */
      readonly usage: ModelUsage | null;
    }
  | {
      readonly kind: "refused";
      readonly request: string;
      readonly why: ModelRefusal;
      readonly reason: string;
      /** What the provider said, where it was asked. */
      readonly status: number | null;
      readonly retryAfterMs: number | null;
      /** Something of an answer had been passed on. */
      readonly began: boolean;
      /** As the provider wrote it. */
      readonly body: JsonObject | null;
    };

/** `flow`: not cleared. `failed`: every model that may be asked was, and none answered. */
export type ModelRefusal = "stopped" | "no-model" | "flow" | "budget" | "malformed" | "too-long" | "failed" | "gone";

export interface ModelCall {
  readonly id: string;
  readonly name: string;
  /** As written: it may not be JSON. */
  readonly args: string;
}

/** What the owner wrote of who may read whose data; null: models on this machine. */
type Compartments = Readonly<Record<string, { readonly models: readonly string[] | null }>>;

/** Why the model may not read what carries the label, or null. Its place is proven, not declared. */
export function modelFault(
  label: Label,
  { name, place }: { readonly name: string; readonly place: Place },
  compartments: Compartments,
): string | null {
  if (label.secret && place !== "this-machine") return `what was read is secret, and ${name} is not on this machine`;
  const refused = label.compartments.find((one) => {
    const models = Object.hasOwn(compartments, one) ? compartments[one]?.models : undefined;
    return models === null ? place !== "this-machine" : models?.includes(name) !== true;
  });
  return refused === undefined ? null : `${name} (${place}) is not cleared for ${refused} data`;
}
