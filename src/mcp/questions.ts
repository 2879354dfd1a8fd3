// What a server asks the client in the middle of a call, and whether this client said that it can be asked so.

import { isObject, type JsonObject } from "../kernel/index.ts";
import { CODES, type RpcReply } from "./messages.ts";

export interface ServerQuestion {
  readonly method: string;
  readonly params: JsonObject;
  /** The server's own name for it; null in the era that has none. */
  readonly key: string | null;
  /** Nobody needs the answer any more. */
  readonly gone?: AbortSignal;
}

export type AskClient = (question: ServerQuestion) => Promise<RpcReply>;

/** How long a client may take: a person answers. */
export const ANSWER_MAX_MS = 10 * 60_000;
export const QUESTIONS_MAX = 16;

const CAPABILITY: ReadonlyMap<string, string> = new Map([
  ["elicitation/create", "elicitation"],
  ["sampling/createMessage", "sampling"],
  ["roots/list", "roots"],
]);

/** `elicitation`, `sampling` or `roots`; null for what no client can be asked. */
export function kindOf(method: string): string | null {
  return CAPABILITY.get(method) ?? null;
}

/** As an upstream is told what its callers can be asked. */
export function askableFor(asks: readonly string[]): JsonObject {
  return Object.fromEntries([...CAPABILITY.values()].filter((kind) => asks.includes(kind)).map((kind) => [kind, {}]));
}

/** Null when it may be asked; else what the server is told. */
export function notAskable(capabilities: JsonObject, { method }: ServerQuestion): RpcReply | null {
  const kind = kindOf(method);
  if (kind !== null && isObject(capabilities[kind])) return null;
  return { kind: "error", code: CODES.methodNotFound, message: `The client cannot be asked: ${method.slice(0, 100)}` };
}

export function unanswered(reason: string): RpcReply {
  return { kind: "error", code: CODES.refused, message: reason };
}

/** Log messages in the order of their weight (RFC 5424). */
export const LOG_LEVELS = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/** False for what is lighter than asked for, and for what names no level. */
export function isLoudEnough(params: JsonObject, level: string): boolean {
  const { level: given } = params;
  const weight = typeof given === "string" ? LOG_LEVELS.indexOf(given) : -1;
  return weight !== -1 && weight >= LOG_LEVELS.indexOf(level);
}
