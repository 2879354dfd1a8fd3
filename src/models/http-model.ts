// A model behind HTTP: its body written in its own dialect, its answer read into events, all within limits.

import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { reasonOf, type PermitConnection } from "../kernel/index.ts";
import { addressOf } from "../sandbox/index.ts";
import { agentFor, hostOf } from "./connect.ts";
import { Exchange, notSent, type PostLimits } from "./exchange.ts";
import type { ModelPeer, ModelReply, Posting } from "./peer.ts";
import { readChatAnswer, readEmbeddings } from "./read-chat.ts";
import { readMessagesAnswer } from "./read-messages.ts";
import { wireFor } from "./wire.ts";

export interface HttpModelOptions {
  readonly name: string;
  readonly speaks: "openai-chat" | "anthropic-messages";
  /** Up to and without the dialect's own path: `https://api.example.org/v1`. */
  readonly url: string;
  /** Exact, as the provider names it. */
  readonly model: string;
  /** Of input and output together; null where nobody knows. */
  readonly contextTokens: number | null;
  /** The most that it can write in one answer; where nobody says, a limit of ours. */
  readonly outputTokensMax?: number | null;
  /** Read anew for each request, and nowhere kept; null where it takes none. Rejects where it cannot be had. */
  key(): Promise<string | null>;
  /** Asked once for each new connection. */
  readonly permit: PermitConnection;
  /** The address to connect to; rejects what must not be reached. */
  readonly resolve?: (host: string) => Promise<string>;
  /** Ours to end: nothing is paid for what it goes on to say. */
  readonly isLocal: boolean;
  readonly limits?: Partial<PostLimits>;
}

const LIMITS: PostLimits = {
  connectMs: 15_000,
  firstMs: 600_000,
  idleMs: 180_000,
  totalMs: 3_600_000,
  answerBytesMax: 64 * 1024 * 1024,
  messageCharsMax: 8 * 1024 * 1024,
  afterMs: 10_000,
  afterBytesMax: 1024 * 1024,
};

const ANTHROPIC_VERSION = "2023-06-01";
/** What a header can carry. */
const KEY = /^[\x21-\x7e]{1,4096}$/;

type Asking = Pick<ModelPeer, "dialect" | "address" | "wire" | "post">;

export function openHttpModel(options: HttpModelOptions): Asking {
  const { speaks, permit } = options;
  const base = new URL(options.url);
  const to = hostOf(base);
  const limits = { ...LIMITS, ...options.limits };
  const agent = agentFor(to, { permit, resolve: options.resolve ?? addressOf, connectMs: limits.connectMs });
  const send = to.isSecure ? httpsRequest : httpRequest;

  async function post(posting: Posting): Promise<ModelReply> {
    const key = await options.key().catch((error: unknown) => ({ reason: reasonOf(error) }));
    if (typeof key === "object" && key !== null) return notSent(`its key cannot be had: ${key.reason}`);
    if (key !== null && !KEY.test(key)) return notSent("its key holds what no header can carry");
    if (posting.signal.aborted) return notSent("nobody waits for it any more");
    const { wire } = posting;
    const isEmbedding = wire.dialect === "openai-embeddings";
    const body = Buffer.from(wire.text, "utf8");
    const path = pathOf(base, isEmbedding ? "embeddings" : speaks);
    const headers = { ...headersOf(speaks, key), accept: wire.isStream ? "text/event-stream" : "application/json" };
    const reader = isEmbedding ? readEmbeddings() : speaks === "openai-chat" ? readChatAnswer() : readMessagesAnswer();
    const request = send({
      host: to.host,
      port: to.port,
      path,
      method: "POST",
      agent,
      headers: { ...headers, "content-length": String(body.length) },
    });
    const { isLocal } = options;
    const exchange = new Exchange({ request, posting, reader, limits, dialect: speaks, secret: key, isLocal });
    request.end(body);
    return exchange.reply;
  }

  return {
    dialect: speaks,
    address: `${base.hostname}:${to.port}`,
    wire: (asked) => Promise.resolve(wireFor(options, asked)),
    post,
  };
}

const PATHS = { "openai-chat": "/chat/completions", "anthropic-messages": "/messages", embeddings: "/embeddings" };

/** Anthropic's own clients are given the address without the version. */
function pathOf(base: URL, what: keyof typeof PATHS): string {
  const path = base.pathname.replace(/\/+$/, "");
  const version = what === "anthropic-messages" && !/\/v\d+$/.test(path) ? "/v1" : "";
  return `${path}${version}${PATHS[what]}${base.search}`;
}

function headersOf(speaks: HttpModelOptions["speaks"], key: string | null): Readonly<Record<string, string>> {
  const common = { "content-type": "application/json", "accept-encoding": "identity", "user-agent": "freehold" };
  if (speaks === "openai-chat") return { ...common, ...(key === null ? {} : { authorization: `Bearer ${key}` }) };
  return { ...common, "anthropic-version": ANTHROPIC_VERSION, ...(key === null ? {} : { "x-api-key": key }) };
}
