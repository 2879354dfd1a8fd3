// A client on the wire, and what it asks, as the endpoint hands it on.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { JsonObject } from "../kernel/index.ts";
import type { Era } from "./eras.ts";
import type { Refusal } from "./http-gate.ts";
import type { RpcReply } from "./messages.ts";
import type { AskClient } from "./questions.ts";

export interface Visit<I> {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly identity: I;
  readonly key: string;
}

export interface WireClient {
  /** A legacy session's id, the process id that a shim made up, or `stateless`. Unique only beside its identity. */
  readonly id: string;
  readonly era: Era;
  readonly protocol: string;
  readonly clientInfo: JsonObject;
  readonly capabilities: JsonObject;
}

export interface Served<I> {
  readonly identity: I;
  readonly wire: WireClient;
  readonly method: string;
  /** `_meta` holds only keys that the protocol defines, and is absent when none are left. */
  readonly params: JsonObject;
  /** Cancelled by the client, or by its leaving where the era says that leaving cancels. */
  readonly signal: AbortSignal;
  /** There when the client asked for progress. */
  readonly progress?: (progress: JsonObject) => void;
  /** The lightest log message that the client wants; null for none. */
  readonly logLevel: string | null;
  /** A log message about this call; what the client does not want is dropped. */
  readonly tell: (method: string, params: JsonObject) => void;
  /** A server's question: on the call's own stream, or as a result that asks for input, as the era has it. */
  readonly ask: AskClient;
}

export type Admission<I> =
  | { readonly kind: "admitted"; readonly identity: I }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export interface ServeHttpOptions<I> {
  /** For each request; the comparison of tokens is its work. Null: `admit` decides, or 401. */
  authenticate(request: IncomingMessage): I | null;
  /** For those that take time to know. A rejection lets nobody in. */
  admit?(request: IncomingMessage): Promise<Admission<I>>;
  /** The same text for the same client: a session is open only to the one that opened it. */
  keyOf(identity: I): string;
  respond(call: Served<I>): Promise<RpcReply>;
  opened?(identity: I, wire: WireClient): void;
  closed?(identity: I, wire: WireClient): void;
  /** A rejection of `respond` or `admit`: the client has been told no more than that it failed. */
  reportFailure?(error: unknown): void;
  readonly serverInfo: JsonObject;
  readonly capabilities: JsonObject;
  instructions?(identity: I): string | null;
  readonly bodyBytesMax: number;
  readonly sessionsMax: number;
  readonly idleMs: number;
  /** Lower case, with port. */
  allowedHosts(): readonly string[];
  allowedOrigins(): readonly string[];
}
