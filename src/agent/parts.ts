// What the agent is given. It has no way to anything but these.

import type { Door, DoorRequest, ExtractType, ForeseenCall, JsonObject } from "../kernel/index.ts";
import type { Turn } from "./turns.ts";

/** Told before a model sees the words. Answers the question about the whole task, where there is one. */
export type Hear = (words: {
  readonly message: string;
  readonly outline: ReadonlyMap<string, number> | null;
  readonly foreseen: readonly ForeseenCall[];
}) => string | null;

/** What the agent may know of a tool before it calls it: out of accepted definitions alone. */
export interface KnownTool {
  /** `server.tool` */
  readonly tool: string;
  /** All that its definition says, short. */
  readonly says: string;
  /** Why the arguments do not fit, or null. */
  misfit(args: JsonObject): string | null;
}

export interface Toolbox {
  find(query: string): string;
  /** By the name it was found under. */
  tool(name: string): KnownTool | null;
  /** " Did you mean …?", or nothing. */
  nearest(name: string): string;
  readonly recall: KnownTool;
  readonly remember: KnownTool;
  /** How many notes there are. */
  noteCount(): number;
}

export interface Skills {
  /** Those that the owner has read, by name. */
  readonly names: readonly string[];
  /** Null where there is none of that name that the owner has read. */
  text(name: string): string | null;
}

/** Durable and only ever added to. */
export interface Transcript {
  read(): readonly Turn[];
  append(turn: Turn): void;
}

export interface AgentLimits {
  readonly modelCallsMax: number;
  /** Of all that is sent to a model with one request. */
  readonly contextCharsMax: number;
  /** Of one result. */
  readonly resultCharsMax: number;
}

export const AGENT_LIMITS: AgentLimits = { modelCallsMax: 25, contextCharsMax: 60_000, resultCharsMax: 12_000 };

export interface AgentParts extends Pick<DoorRequest, "session" | "principal"> {
  readonly door: Pick<Door, "call" | "think" | "takeOut" | "openChild" | "keep" | "result">;
  readonly toolbox: Toolbox;
  readonly skills: Skills;
  readonly transcript: Transcript;
  readonly limits: AgentLimits;
  readonly ownerName: string;
  /** What a model's answer cost, by its request. */
  billOf(request: string): Bill | null;
}

export interface Bill {
  readonly costNanoUsd: number;
  readonly place: string;
}

/** One turn of the owner's. */
export interface Asked {
  /** Null where nobody has proven to be the owner: the words are context, and no value in them is the owner's. */
  readonly hear: Hear | null;
  readonly signal: AbortSignal;
  readonly onEvent: (event: AgentEvent) => void;
}

export type AgentEvent =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "calling"; readonly tool: string; readonly args: string }
  | { readonly kind: "called"; readonly tool: string; readonly how: string }
  | { readonly kind: "question"; readonly question: string }
  | { readonly kind: "note"; readonly text: string }
  | { readonly kind: "ended"; readonly receipt: Receipt };

/** `looping`: the same call again and again. `limit`: as many model calls as a task may have. */
export type EndedWhy = "done" | "looping" | "limit" | "silent" | "refused" | "cancelled";

export type Receipt = {
  readonly why: EndedWhy;
  /** One plain sentence where it is not done. */
  readonly reason: string;
  readonly modelCalls: number;
  readonly toolCalls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanoUsd: number;
  /** As named in stack.yaml; null where none answered. */
  readonly model: string | null;
  readonly place: string | null;
};

/** A read whose text stays out of the conversation. */
export interface Look {
  readonly question: string;
  readonly type: ExtractType;
}
