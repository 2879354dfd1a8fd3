// What a program is told when no model answered it: in the form of its dialect, with a status that its client knows.

import { oneLine, type Dialect, type JsonObject, type ModelAnswer, type ModelRefusal } from "../kernel/index.ts";

export interface ModelError {
  readonly status: number;
  readonly message: string;
  /** For programs that tell failures apart. */
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  /** As the provider wrote it, in the program's own dialect. */
  readonly body: JsonObject | null;
}

type Refused = Extract<ModelAnswer, { kind: "refused" }>;

const STATUS: Readonly<Record<Exclude<ModelRefusal, "failed" | "too-long">, number>> = {
  stopped: 503,
  "no-model": 404,
  flow: 403,
  budget: 429,
  malformed: 400,
  gone: 499,
};
const CODES: Readonly<Record<ModelRefusal, string>> = {
  stopped: "stopped",
  "no-model": "model_not_found",
  flow: "not_cleared",
  budget: "budget_exceeded",
  malformed: "invalid_request",
  "too-long": "context_length_exceeded",
  failed: "model_failed",
  gone: "client_gone",
};
const MESSAGE_CHARS_MAX = 1_000;
/** Said by the provider, these are about Freehold's own key or address, not about the program's. */
const OURS = [401, 402, 403, 407];

export function errorOf(dialect: Dialect, refused: Refused): ModelError {
  const { why, reason, status, retryAfterMs, body } = refused;
  const isTheirs = why === "failed" && status !== null && status >= 400 && status < 600 && !OURS.includes(status);
  const own = statusOf(dialect, why);
  // Trying again at once would be refused again; both official clients heed this.
  const isFinal = why === "budget" || why === "stopped";
  const wait = retryAfterMs === null ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) };
  return {
    status: isTheirs ? status : own,
    code: CODES[why],
    message: oneLine(`Freehold: ${reason}`, MESSAGE_CHARS_MAX),
    headers: { ...wait, ...(isFinal ? { "x-should-retry": "false" } : {}) },
    body: isTheirs && body !== null && isOfDialect(dialect, body) ? body : null,
  };
}

function statusOf(dialect: Dialect, why: ModelRefusal): number {
  if (why === "failed") return 502;
  if (why === "too-long") return dialect === "anthropic-messages" ? 413 : 400;
  return STATUS[why];
}

function isOfDialect(dialect: Dialect, body: JsonObject): boolean {
  return dialect === "anthropic-messages" ? body["type"] === "error" : body["error"] !== undefined && !("type" in body);
}

const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
  529: "overloaded_error",
};
const OPENAI_TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  429: "rate_limit_error",
};

export function errorBody(dialect: Dialect, { status, message, code, body }: Omit<ModelError, "headers">): JsonObject {
  if (body !== null) return body;
  if (dialect === "anthropic-messages") {
    return { type: "error", error: { type: ANTHROPIC_TYPES[status] ?? "api_error", message } };
  }
  const type = OPENAI_TYPES[status] ?? (status < 500 ? "invalid_request_error" : "server_error");
  return { error: { message, type, param: null, code } };
}

/** The last message of a stream that broke. */
export function errorMessage(
  dialect: Dialect,
  error: ModelError,
): { readonly event: string | null; readonly data: string } {
  const body = errorBody(dialect, error);
  switch (dialect) {
    case "anthropic-messages":
      return { event: "error", data: JSON.stringify(body) };
    case "openai-responses": {
      const failed = { type: "error", code: error.code, message: error.message, param: null, sequence_number: 0 };
      return { event: "error", data: JSON.stringify(failed) };
    }
    case "openai-chat":
    case "openai-embeddings":
      return { event: null, data: JSON.stringify(body) };
  }
}

/** What is wrong before any model is asked. */
export function ownError(status: number, code: string, message: string): ModelError {
  return { status, code, message, headers: status === 401 ? CHALLENGE : {}, body: null };
}

const CHALLENGE = { "www-authenticate": 'Bearer realm="freehold"' };
