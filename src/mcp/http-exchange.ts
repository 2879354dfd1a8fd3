// One call on its way over HTTP, and what it takes: several requests where one is refused, or its stream breaks.

import type { ClientRequest, IncomingMessage } from "node:http";
import { isObject, readJson } from "../kernel/index.ts";
import { encodeHeader, nameOf } from "./eras.ts";
import type { Ended } from "./http-answers.ts";
import { paramHeaders, type MirroredTools } from "./param-headers.ts";
import type { Outgoing } from "./peer.ts";

/** A stream that breaks again and again without an answer is given up. */
export const RESUMES_MAX = 10;
/** Refreshed once, widened once; more tries of the same call would only be a loop. */
export const AUTHORIZED_TRIES_MAX = 2;

export interface Sending {
  readonly verb: "POST" | "GET" | "DELETE";
  readonly text: string | null;
  readonly extra?: Readonly<Record<string, string>>;
}

export interface Listening {
  readonly onResponse: (response: IncomingMessage) => void;
  readonly ended: Ended;
  readonly isWanted?: () => boolean;
}

/** One call on its way, over as many HTTP requests as it takes. */
export interface Exchange {
  readonly out: Outgoing;
  request: ClientRequest | null;
  /** Counts requests; what an earlier one still has to say is not heard. */
  turn: number;
  /** Those of the last request. */
  token: string | null;
  session: string | null;
  authorizedTries: number;
  resumes: number;
  timer: NodeJS.Timeout | null;
  isReopened: boolean;
}

export function newExchange(out: Outgoing): Exchange {
  return {
    out,
    request: null,
    turn: 0,
    token: null,
    session: null,
    authorizedTries: 0,
    resumes: 0,
    timer: null,
    isReopened: false,
  };
}

/** Modern requests repeat in headers what intermediaries route by (SEP-2243). */
export function bodyHeaders({ method, paramsText }: Outgoing, tools: MirroredTools): Record<string, string> {
  const params: unknown = readJson(paramsText);
  if (!isObject(params)) return { "mcp-method": method };
  const name = nameOf(method, params);
  const mirrored = method === "tools/call" && name !== null ? tools.get(name) : undefined;
  return {
    "mcp-method": method,
    ...(name === null ? {} : { "mcp-name": encodeHeader(name) }),
    ...(mirrored === undefined ? {} : paramHeaders(mirrored, params["arguments"])),
  };
}
