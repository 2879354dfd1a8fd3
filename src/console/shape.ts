// What the console is given and what it gives; apart, so that its pages can load later without a circle.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Operation, OwnerAuth } from "../control/index.ts";

export interface ConsoleOptions {
  readonly operations: ReadonlyMap<string, Operation>;
  readonly auth: OwnerAuth;
  /** Where the daemon listens, as in `http://127.0.0.1:7777`; its port names the cookie. */
  readonly origin: () => string;
  /** `host:port` as browsers write it. Any other name is refused, so that no page can rebind its name to us. */
  readonly allowedHosts: () => readonly string[];
  /** Answers how to stop listening. */
  readonly onLedger: (listener: () => void) => () => void;
  readonly nowMs: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
}

export interface Console {
  /** False when the path is not the console's; nothing was written then. */
  handle(request: IncomingMessage, response: ServerResponse): boolean;
  close(): void;
}

/** What the pages offer to this file. */
export interface Pages {
  listen(request: IncomingMessage, response: ServerResponse): Promise<void>;
  close(): void;
}
