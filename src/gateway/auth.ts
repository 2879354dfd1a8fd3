// Who a program is: one bearer token per client, of which only the hash is kept.
// Invariants: no token, no identity; a token in an address is never read; what a client says of itself is not read.

import type { IncomingMessage } from "node:http";
import { sha256, type Principal } from "../kernel/index.ts";
import type { Store } from "../store/index.ts";

export interface ClientIdentity {
  readonly principal: Principal;
  /** Stable over restarts, and tells two tokens of one client apart. */
  readonly key: string;
}

const TOKEN = /^Bearer ([A-Za-z0-9_-]{43})$/;

/** The lookup is by hash, so its timing tells nothing of the token. */
export function authenticate(store: Pick<Store, "clients">, request: IncomingMessage): ClientIdentity | null {
  const token = TOKEN.exec(request.headers.authorization ?? "")?.[1];
  if (token === undefined) return null;
  const hash = sha256(token);
  const client = store.clients.byTokenHash(hash);
  if (client === null) return null;
  return { principal: { kind: "client", name: client.name }, key: hash.slice(0, 16) };
}

/** A new client's token. It is shown once and stands only in the client's own configuration. */
export function newToken(randomBytes: (count: number) => Uint8Array): { readonly token: string; readonly hash: string } {
  const token = Buffer.from(randomBytes(32)).toString("base64url");
  return { token, hash: sha256(token) };
}
