// One request of a program to a model, answered over HTTP: whole, as a stream, or with the error of its dialect.

import type { ServerResponse } from "node:http";
import type { Dialect, Door, JsonObject, ModelAnswer, ModelEvent } from "../kernel/index.ts";
import { sseText, writeStream, writeWhole, type StreamWriter } from "../models/index.ts";
import type { ClientIdentity } from "./auth.ts";
import { errorBody, errorMessage, errorOf, ownError, type ModelError } from "./model-errors.ts";

export interface Visit {
  readonly response: ServerResponse;
  readonly dialect: Dialect;
  readonly body: JsonObject;
  /** The model as the program named it. */
  readonly asked: string;
  /** As the stack names it; null for whichever is cleared. */
  readonly model: string | null;
  readonly identity: ClientIdentity;
  /** Of the answer, where we write it. */
  readonly id: string;
}

export interface AnswerParts {
  readonly door: Pick<Door, "think">;
  readonly nowMs: () => number;
  /** `2026-11-22`, of the owner. */
  readonly today: () => string;
}

/** A program that reads slower than this is cut off. */
const UNREAD_BYTES_MAX = 16 * 1024 * 1024;

type Answered = Extract<ModelAnswer, { kind: "answered" }>;

export async function answerProgram({ door, nowMs, today }: AnswerParts, visit: Visit): Promise<void> {
  const { response, dialect, body, model, identity } = visit;
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  const stream = streamOf(visit, { createdAtS: Math.floor(nowMs() / 1_000), giveUp: () => gone.abort() });
  const answer = await door.think({
    // A program does not say which of its conversations this is; those of a day are one.
    session: `${identity.key}.models-${today()}`,
    principal: identity.principal,
    model,
    dialect,
    body,
    signal: gone.signal,
    ...(stream === null ? {} : { onEvent: stream.event }),
  });
  if (response.destroyed) return;
  if (answer.kind === "refused") {
    const error = errorOf(dialect, answer);
    if (stream?.hasBegun() === true) return stream.fail(error);
    return sendError(response, dialect, { ...error, headers: { ...error.headers, ...idsOf(answer) } });
  }
  if (stream !== null) return stream.end(answer);
  const whole = wholeOf(visit, answer, nowMs());
  if (whole === null) return sendError(response, dialect, UNSAYABLE);
  response.writeHead(200, { "content-type": "application/json", ...idsOf(answer) }).end(JSON.stringify(whole));
}

const UNSAYABLE = ownError(
  502,
  "model_failed",
  "Freehold: the model called a tool with arguments that are no JSON object.",
);

/** As both dialects' clients look for it; `freehold why` takes it. */
function idsOf({ request }: ModelAnswer): Readonly<Record<string, string>> {
  return { "x-request-id": request, "request-id": request };
}

function wholeOf({ dialect, asked, id }: Visit, answer: Answered, nowMs: number): JsonObject | null {
  if (dialect === "openai-embeddings" || (answer.dialect === dialect && answer.body !== null)) return answer.body;
  return writeWhole(dialect, answer, { id, model: asked, createdAtS: Math.floor(nowMs / 1_000) });
}

export function sendError(response: ServerResponse, dialect: Dialect, error: ModelError): void {
  if (response.headersSent) return void response.destroy();
  const headers = { ...error.headers, "content-type": "application/json" };
  response.writeHead(error.status, headers).end(JSON.stringify(errorBody(dialect, error)));
}

interface OpenStream {
  readonly event: (event: ModelEvent) => void;
  hasBegun(): boolean;
  end(answer: Answered): void;
  fail(error: ModelError): void;
}

/** Null where the program asked for none. Its status goes with the first message: until then, an error has its own. */
function streamOf(
  { response, dialect, body, asked, id }: Visit,
  { createdAtS, giveUp }: { readonly createdAtS: number; readonly giveUp: () => void },
): OpenStream | null {
  if (body["stream"] !== true || dialect === "openai-embeddings") return null;
  const options = body["stream_options"];
  const withUsage = typeof options === "object" && options !== null && "include_usage" in options;
  const writer: StreamWriter = writeStream({
    dialect,
    id,
    model: asked,
    createdAtS,
    withUsage: withUsage && options.include_usage === true,
  });
  const write = (text: string): void => {
    if (text === "" || response.destroyed) return;
    if (!response.headersSent) response.writeHead(200, STREAM_HEADERS);
    response.write(text);
    if (response.writableLength > UNREAD_BYTES_MAX) giveUp();
  };
  return {
    event: (event) => write(writer.event(event)),
    hasBegun: () => response.headersSent,
    end(answer) {
      write(writer.end(answer));
      response.end();
    },
    fail(error) {
      const { event, data } = errorMessage(dialect, error);
      write(sseText(data, event));
      response.end();
    },
  };
}

const STREAM_HEADERS = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" };
