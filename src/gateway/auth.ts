// Who a program is: one bearer token per client, of which only the hash is kept.
// Invariants: no token, no identity; a token in an address is never read; what a client says of itself is not read.

import type { IncomingMessage } from "node:http";
import type { Principal } from "../kernel/index.ts";
import { tokenHash, type Store } from "../store/index.ts";

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
  const hash = tokenHash(token);
  const client = store.clients.byTokenHash(hash);
  if (client === null) return null;
  return { principal: { kind: "client", name: client.name }, key: hash.slice(0, 16) };
}
