// What goes between us and the child that runs a model file: one JSON object a line, each with the order it belongs to.

import { isObject, readJson, type JsonObject } from "../kernel/index.ts";
import { numberAt, objectAt, stringAt } from "./shapes.ts";

/** A conversation as the library takes it. */
export interface LlamaOrder {
  readonly history: readonly JsonObject[];
  /** By name; null where none may be called. */
  readonly functions: JsonObject | null;
  readonly isParallel: boolean;
  readonly grammar: { readonly kind: "object" } | { readonly kind: "schema"; readonly schema: JsonObject } | null;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP: number | null;
  readonly topK: number | null;
  readonly stops: readonly string[];
}

export type Order =
  | { readonly do: "count" | "chat"; readonly order: LlamaOrder }
  | { readonly do: "embed"; readonly texts: readonly string[] };

export type Command = (Order | { readonly do: "cancel" }) & { readonly id: number };

/** `done`, `counted`, `failed` end an order. */
export type Line =
  | { readonly kind: "ready"; readonly contextTokens: number }
  | { readonly kind: "unready"; readonly reason: string }
  | { readonly kind: "text" | "thinking"; readonly id: number; readonly text: string }
  | { readonly kind: "call"; readonly id: number; readonly name: string; readonly args: JsonObject }
  | { readonly kind: "vector"; readonly id: number; readonly vector: readonly number[] }
  | { readonly kind: "counted"; readonly id: number; readonly tokens: number }
  | {
      readonly kind: "done";
      readonly id: number;
      readonly end: "stop" | "length" | "calls";
      readonly input: number;
      readonly cached: number;
      readonly output: number;
    }
  | { readonly kind: "failed"; readonly id: number; readonly reason: string };

export type LastLine = Extract<Line, { readonly kind: "done" | "counted" | "failed" }>;
export type Said = Extract<Line, { readonly kind: "text" | "thinking" | "call" | "vector" }>;

export const LINE_CHARS_MAX = 4_194_304;

/** Null for what is no line of ours. */
export function readLine(text: string): Line | null {
  try {
    const value = readJson(text);
    return isObject(value) ? lineFrom(value) : null;
  } catch {
    return null; // a library that prints where only lines belong
  }
}

function lineFrom(value: JsonObject): Line | null {
  const [id, reason, text] = [numberAt(value, "id") ?? 0, stringAt(value, "reason"), stringAt(value, "text")];
  const kind = stringAt(value, "kind");
  switch (kind) {
    case "ready":
      return { kind, contextTokens: countIn(value, "contextTokens") };
    case "unready":
      return { kind, reason: reason ?? "?" };
    case "text":
    case "thinking":
      return { kind, id, text: text ?? "" };
    case "call":
      return { kind, id, name: stringAt(value, "name") ?? "", args: objectAt(value, "args") ?? {} };
    case "vector": {
      const vector = value["vector"];
      const numbers = Array.isArray(vector) ? vector.filter((one) => typeof one === "number") : [];
      return { kind, id, vector: numbers };
    }
    case "counted":
      return { kind, id, tokens: countIn(value, "tokens") };
    case "done": {
      const end = stringAt(value, "end");
      const [input, cached, output] = ["input", "cached", "output"].map((key) => countIn(value, key));
      return {
        kind,
        id,
        end: end === "length" || end === "calls" ? end : "stop",
        input: input ?? 0,
        cached: Math.min(cached ?? 0, input ?? 0),
        output: output ?? 0,
      };
    }
    case "failed":
      return { kind, id, reason: reason ?? "?" };
    default:
      return null;
  }
}

function countIn(value: JsonObject, key: string): number {
  const count = numberAt(value, key);
  return count !== null && Number.isSafeInteger(count) && count >= 0 ? count : 0;
}
