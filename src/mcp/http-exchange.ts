// One call on its way over HTTP, and what it takes: several requests where one is refused, or its stream breaks.

import type { ClientRequest, IncomingMessage } from "node:http";
import type { Ended } from "./http-answers.ts";
import type { Outgoing } from "./peer.ts";

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
