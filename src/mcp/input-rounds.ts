// What a server wants to know in the middle of a call: asked here, answered by the caller, sent with the next try.
// 2026-07-28, multi round-trip requests (SEP-2322). Nothing of one call's rounds is ever put into another call.

import { assert, isObject, readJson, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { withDefaults } from "./elicitation.ts";
import { CODES, type Responder, type RpcReply } from "./messages.ts";

const ASKED_MAX = 16;
const METHODS: readonly JsonValue[] = ["elicitation/create", "sampling/createMessage", "roots/list"];
/** So that a server that never has enough ends. */
export const INPUT_ROUNDS_MAX = 10;

interface Question {
  readonly key: string;
  readonly method: string;
  readonly params: JsonObject;
}

const NO_REPLY: RpcReply = { kind: "broken", reason: "no answer" };

/** What the next try carries, or why there is none. */
export type NextTry =
  | { readonly kind: "again"; readonly extra: JsonObject }
  | { readonly kind: "over"; readonly reply: RpcReply };

export function asksForInput(reply: RpcReply): reply is RpcReply & { readonly kind: "result" } {
  return reply.kind === "result" && reply.result["resultType"] === "input_required";
}

export async function answerInput(result: JsonObject, respond: Responder): Promise<NextTry> {
  const { inputRequests, requestState } = result;
  const state = typeof requestState === "string" ? { requestState } : {};
  if (inputRequests === undefined) {
    return "requestState" in state ? { kind: "again", extra: state } : over("asked for input and named none");
  }
  const asked = isObject(inputRequests) ? Object.entries(inputRequests) : [];
  if (asked.length === 0 || asked.length > ASKED_MAX) return over(`asked for input, but not for 1 to ${ASKED_MAX}`);
  const questions: Question[] = [];
  for (const [key, request] of asked) {
    const { method, params } = isObject(request) ? request : {};
    if (typeof method !== "string" || !METHODS.includes(method)) return over("asked for what no client gives");
    questions.push({ key, method, params: isObject(params) ? params : {} });
  }
  // All at once, as the server asked them.
  const replies = await Promise.all(questions.map(({ key, method, params }) => respond(method, params, key)));
  const inputResponses: Record<string, JsonValue> = {};
  for (const [at, { key, method, params }] of questions.entries()) {
    const reply = replies[at];
    if (reply?.kind !== "result") return { kind: "over", reply: reply ?? NO_REPLY };
    inputResponses[key] = completed(method, params, reply.result);
  }
  return { kind: "again", extra: { inputResponses, ...state } };
}

/** For answers to a server's question in either era. */
export function completed(method: string, params: JsonObject, result: JsonObject): JsonObject {
  return method === "elicitation/create" ? withDefaults(params, result) : result;
}

function over(what: string): NextTry {
  return { kind: "over", reply: { kind: "error", code: CODES.invalidRequest, message: `The server ${what}.` } };
}

/** The call's own parameters stay byte for byte. */
export function withExtra(paramsText: string, extra: JsonObject | null): string {
  if (extra === null) return paramsText;
  const params: unknown = readJson(paramsText);
  const isFree = isObject(params) && !("inputResponses" in params) && !("requestState" in params);
  assert(isFree, "params bring their own answers");
  const rest = JSON.stringify(extra).slice(1);
  return paramsText === "{}" ? `{${rest}` : `${paramsText.slice(0, -1)},${rest}`;
}
