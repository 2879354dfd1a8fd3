// The models' door over HTTP, in the dialects that programs speak already. Who asks is known by their own token; what
// they may ask and may spend, the door decides.

import { isUtf8 } from "node:buffer";
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  isObject,
  oneLine,
  parseStrict,
  reasonOf,
  textAt,
  type Dialect,
  type Door,
  type JsonObject,
} from "../kernel/index.ts";
import type { StackClient } from "../manifest/index.ts";
import { checkPlace, checkUrl, readBody, type Admission } from "../mcp/index.ts";
import type { ClientIdentity } from "./auth.ts";
import { dateIn } from "./model-accounts.ts";
import { answerProgram, sendError, type Visit } from "./model-answers.ts";
import { ownError, type ModelError } from "./model-errors.ts";
import { isMessagesClient, modelList } from "./model-list.ts";
import type { ActivePolicy } from "./policy.ts";

export interface ModelEndpointParts {
  readonly door: Pick<Door, "think">;
  policy(): ActivePolicy;
  /** By a token of the client's own. */
  authenticate(request: IncomingMessage): ClientIdentity | null;
  /** True where only an access token can let in. */
  isRemote(request: IncomingMessage): boolean;
  admit(request: IncomingMessage): Promise<Admission<ClientIdentity>>;
  allowedHosts(): readonly string[];
  allowedOrigins(): readonly string[];
  readonly reportFailure: (error: unknown) => void;
  readonly nowMs: () => number;
  /** Of the bodies of all that are under way. */
  readonly heldBytesMax?: number;
}

export interface ModelEndpoint {
  /** For paths below `/v1/` only. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void;
}

export const MODEL_PATHS = "/v1/";

const BODY_BYTES_MAX = 32 * 1024 * 1024;
const HELD_BYTES_MAX = 256 * 1024 * 1024;
const UNDERWAY_MAX = 256;
const UNDERWAY_OF_CLIENT_MAX = 32;
const COUNT_PATH = "/v1/messages/count_tokens";
const LIST_PATH = "/v1/models";

const POSTS: Readonly<Record<string, Dialect>> = {
  "/v1/chat/completions": "openai-chat",
  "/v1/responses": "openai-responses",
  "/v1/embeddings": "openai-embeddings",
  "/v1/messages": "anthropic-messages",
  [COUNT_PATH]: "anthropic-messages",
};

export function openModelEndpoint(parts: ModelEndpointParts): ModelEndpoint {
  return new Endpoint(parts);
}

/** Who asks, and for what. */
interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly dialect: Dialect;
  readonly identity: ClientIdentity;
}

/** Owns the count of what is under way: from before a body is read until its answer has been taken. */
class Endpoint implements ModelEndpoint {
  readonly #parts: ModelEndpointParts;
  readonly #underway = new Map<string, number>();
  #underwayCount = 0;
  #heldBytes = 0;

  constructor(parts: ModelEndpointParts) {
    this.#parts = parts;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const dialect = POSTS[path] ?? (isMessagesClient(request) ? "anthropic-messages" : "openai-chat");
    const refuse = (error: ModelError): void => sendError(response, dialect, error);
    const allowed = { hosts: this.#parts.allowedHosts(), origins: this.#parts.allowedOrigins() };
    const early = checkPlace(request, allowed) ?? checkUrl(request);
    if (early !== null) return refuse(ownError(early.status, "refused", early.message));
    readKey(request);
    const serve = (identity: ClientIdentity): void =>
      this.#serve({ request, response, path, dialect, identity }, refuse);
    if (!this.#parts.isRemote(request)) {
      const identity = this.#parts.authenticate(request);
      return identity === null ? refuse(UNKNOWN_CLIENT) : serve(identity);
    }
    const admitted = (given: Admission<ClientIdentity>): void => {
      if (given.kind === "admitted") return serve(given.identity);
      const { status, message, headers = {} } = given.refusal;
      refuse({ ...ownError(status, "refused", message), headers });
    };
    this.#parts
      .admit(request)
      .then(admitted)
      .catch((error: unknown) => {
        this.#parts.reportFailure(error);
        refuse(ownError(503, "unavailable", "The gateway cannot tell at present who you are."));
      });
  }

  #serve(call: Call, refuse: (error: ModelError) => void): void {
    const { request, response, path, identity } = call;
    const client = this.#clientOf(identity);
    if (client === null || client.models.length === 0) return refuse(NO_MODELS_FOR_YOU);
    if (path === LIST_PATH || path.startsWith(`${LIST_PATH}/`)) {
      const list =
        request.method === "GET" ? modelList(request, client.models, path.slice(LIST_PATH.length + 1)) : null;
      if (list === null) return refuse(noSuch(path, client.models));
      return void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(list));
    }
    if (POSTS[path] === undefined || request.method !== "POST") return refuse(NO_SUCH_PATH);
    if (path === COUNT_PATH) return refuse(NOT_COUNTED);
    const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
    if (type !== "application/json") return refuse(ownError(415, "invalid_request", "Send application/json in UTF-8."));
    if (Number(request.headers["content-length"] ?? 0) > BODY_BYTES_MAX) return refuse(TOO_LARGE);
    const mine = this.#underway.get(identity.key) ?? 0;
    if (this.#underwayCount >= UNDERWAY_MAX || mine >= UNDERWAY_OF_CLIENT_MAX) return refuse(BUSY);
    this.#read(call, client, refuse);
  }

  #read(call: Call, client: StackClient, refuse: (error: ModelError) => void): void {
    const { request, response, identity } = call;
    let size = 0;
    let answering = Promise.resolve();
    this.#underway.set(identity.key, (this.#underway.get(identity.key) ?? 0) + 1);
    this.#underwayCount += 1;
    response.once("close", () => void answering.finally(() => this.#ended(identity.key, size)));
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      this.#heldBytes += chunk.length;
      if (this.#heldBytes > (this.#parts.heldBytesMax ?? HELD_BYTES_MAX) && !response.headersSent) refuse(FULL);
    });
    readBody(request, BODY_BYTES_MAX, (bytes) => {
      if (response.headersSent) return;
      if (bytes === null) return refuse(TOO_LARGE);
      const body = parseBody(bytes);
      if (typeof body === "string") return refuse(ownError(400, "invalid_request", body));
      answering = this.#ask(call, body, client);
    });
  }

  async #ask({ response, dialect, identity }: Call, body: JsonObject, client: StackClient): Promise<void> {
    const refuse = (error: ModelError): void => sendError(response, dialect, error);
    const { stack } = this.#parts.policy();
    const asked = textAt(body, "model") ?? "";
    const model = modelNamed(asked, client.models, (name) => stack.models[name]?.model ?? null);
    if (model === undefined) return refuse(noSuch(asked, client.models));
    const visit: Visit = { response, dialect, body, asked, model, identity, id: randomUUID().replaceAll("-", "") };
    try {
      const { door, nowMs } = this.#parts;
      await answerProgram({ door, nowMs, today: () => dateIn(stack.owner.timezone, nowMs()) }, visit);
    } catch (error) {
      this.#parts.reportFailure(error);
      refuse(ownError(500, "failed", `The gateway failed: ${oneLine(reasonOf(error), 300)}`));
    }
  }

  #ended(key: string, bytes: number): void {
    const left = (this.#underway.get(key) ?? 1) - 1;
    this.#underwayCount -= 1;
    this.#heldBytes -= bytes;
    if (left > 0) this.#underway.set(key, left);
    else this.#underway.delete(key);
  }

  #clientOf({ principal }: ClientIdentity): StackClient | null {
    const { clients } = this.#parts.policy().stack;
    return Object.hasOwn(clients, principal.name) ? (clients[principal.name] ?? null) : null;
  }
}

/** Anthropic's clients name their key in a header of its own; it is the bearer's token. */
function readKey({ headers }: IncomingMessage): void {
  const key = headers["x-api-key"];
  if (typeof key === "string") headers.authorization ??= `Bearer ${key}`;
}

function parseBody(bytes: Buffer): JsonObject | string {
  if (!isUtf8(bytes)) return "The body is not UTF-8.";
  const parsed = parseStrict(bytes.toString("utf8"));
  if (parsed.kind === "refused") return `The body cannot be read: ${parsed.reason}`;
  return isObject(parsed.value) ? parsed.value : "The body is no object.";
}

/**
 * A name of the stack, or the exact name of a model that stands behind one; `auto` leaves the choice to the stack, null
 * here. Undefined for what does not exist: another model in its place would be a lie.
 */
function modelNamed(
  asked: string,
  names: readonly string[],
  exactOf: (name: string) => string | null,
): string | null | undefined {
  if (asked === "auto") return null;
  return names.includes(asked) ? asked : names.find((name) => exactOf(name) === asked);
}

function noSuch(asked: string, names: readonly string[]): ModelError {
  const list = names.map((name) => `'${name}'`).join(", ");
  return ownError(
    404,
    "model_not_found",
    `There is no model '${oneLine(asked, 80)}' for you. There are ${list}, 'auto'.`,
  );
}

const UNKNOWN_CLIENT = ownError(401, "invalid_api_key", "A token of a connected client is needed: freehold connect.");
const NO_MODELS_FOR_YOU = ownError(403, "not_cleared", "stack.yaml names no models for this client.");
const NO_SUCH_PATH = ownError(404, "not_found", "There is nothing at this address.");
const TOO_LARGE = {
  ...ownError(413, "too_large", `The body is over ${BODY_BYTES_MAX} bytes.`),
  headers: { connection: "close" },
};
const BUSY = { ...ownError(503, "busy", "Too many requests are under way."), headers: { "retry-after": "1" } };
const FULL = { ...BUSY, headers: { ...BUSY.headers, connection: "close" } };
const NOT_COUNTED = ownError(
  404,
  "not_counted",
  "Tokens are not counted here: only the model itself could tell, and it is not asked for that. Nothing is guessed.",
);
