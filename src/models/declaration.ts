// A model as the owner declares it. What stands in stack.yaml has this shape.

import type { Place } from "../kernel/index.ts";

export interface ModelDeclaration {
  readonly speaks: "openai-chat" | "anthropic-messages" | "gguf";
  readonly url: string | null;
  readonly model: string;
  readonly place: Place;
  /** `secret:name` */
  readonly secret: string | null;
  readonly fallbackFor: readonly string[];
  readonly context: number | null;
  readonly maxOutput: number | null;
  readonly price: DeclaredPrice | null;
}

/** USD for a million tokens. */
export interface DeclaredPrice {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number | null;
  readonly cacheWrite: number | null;
}

/** By name. */
export type Declarations = Readonly<Record<string, ModelDeclaration>>;

const MAKERS = { "openai-chat": "https://api.openai.com/v1", "anthropic-messages": "https://api.anthropic.com/v1" };

/** Null for what Freehold runs itself. */
export function addressIn({ speaks, url }: Pick<ModelDeclaration, "speaks" | "url">): URL | null {
  return speaks === "gguf" ? null : new URL(url ?? MAKERS[speaks]);
}
