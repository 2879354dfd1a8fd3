// What a program asks of a model, between two dialects: only what both sides can say, or the reader refuses it.

import type { JsonObject } from "../kernel/index.ts";

export interface Conversation {
  readonly system: readonly string[];
  readonly turns: readonly Turn[];
  readonly tools: readonly ToolShape[];
  readonly choice: ToolChoice | null;
  /** False: one call at a time. */
  readonly isParallel: boolean | null;
  readonly maxTokens: number | null;
  readonly temperature: number | null;
  readonly topP: number | null;
  readonly topK: number | null;
  readonly stops: readonly string[];
  readonly isStream: boolean;
  readonly format: AnswerFormat | null;
}

export interface Turn {
  readonly role: "user" | "assistant";
  readonly parts: readonly Part[];
}

export type Part =
  | TextPart
  | ImagePart
  /** `args` is an object's JSON. */
  | { readonly kind: "call"; readonly id: string; readonly name: string; readonly args: JsonObject }
  | {
      readonly kind: "result";
      readonly id: string;
      readonly parts: readonly (TextPart | ImagePart)[];
      readonly isError: boolean;
    };

export interface TextPart {
  readonly kind: "text";
  readonly text: string;
}

/** Either an address that the provider fetches, or the bytes. */
export type ImagePart =
  | { readonly kind: "image"; readonly url: string }
  | { readonly kind: "image"; readonly media: string; readonly base64: string };

export interface ToolShape {
  readonly name: string;
  readonly description: string | null;
  readonly schema: JsonObject;
  readonly isStrict: boolean;
}

export type ToolChoice = { readonly kind: "auto" | "none" | "any" } | { readonly kind: "one"; readonly name: string };

export type AnswerFormat =
  | { readonly kind: "object" }
  | { readonly kind: "schema"; readonly name: string; readonly schema: JsonObject; readonly isStrict: boolean };

/** Turns of one speaker in a row are one: a tool's results must follow its calls at once. */
export function joined(turns: readonly Turn[]): readonly Turn[] {
  const out: { role: Turn["role"]; parts: Part[] }[] = [];
  for (const { role, parts } of turns) {
    const last = out.at(-1);
    if (last?.role === role) last.parts.push(...parts);
    else if (parts.length > 0) out.push({ role, parts: [...parts] });
  }
  return out;
}

export function text(value: string): TextPart {
  return { kind: "text", text: value };
}
