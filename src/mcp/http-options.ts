// What an upstream server behind HTTP is opened with.

import type { PermitConnection } from "../kernel/index.ts";
import type { HttpAuthorization } from "./http-authorization.ts";
import type { ResolveAddress } from "./http-connect.ts";

export interface HttpPeerOptions {
  readonly url: string;
  /** Asked before each request, so that a changed secret is used at once. */
  readonly headers: () => Readonly<Record<string, string>>;
  /** Asked before each new connection. */
  readonly permit: PermitConnection;
  /** Default: the system's resolver, no address refused. */
  readonly resolve?: ResolveAddress;
  /** Tokens for the header Authorization, in place of a fixed one. */
  readonly authorization?: HttpAuthorization;
  /**
   * A new session was opened in place of one that the server ended. True when the server is still the accepted one:
   * the call that met the end, which the server had refused, is then sent in the new session. Default: it fails.
   */
  readonly renewed?: () => Promise<boolean>;
  readonly messageBytesMax: number;
}
