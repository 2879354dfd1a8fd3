// Who a program is: by its own token, of which only the hash is kept, or by the claims of a proven access token.
// Invariants: no token, no identity; a token in an address is never read; what a client says of itself is not read;
// claims that fit two clients are nobody's.

import type { IncomingMessage } from "node:http";
import { canonical, sha256, type Principal } from "../kernel/index.ts";
import type { Stack } from "../manifest/index.ts";
import { tokenHash, type Store } from "../store/index.ts";
import type { TokenClaims } from "./access-token.ts";

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

/** The key outlives the token: the next one of the same subject and program goes on with its sessions. */
export function identify(clients: Stack["clients"], issuer: string, claims: TokenClaims): ClientIdentity | null {
  const { subject, clientId } = claims;
  const [one, ...more] = Object.entries(clients).filter(
    ([, client]) => client.subject === subject && (client.clientId === null || client.clientId === clientId),
  );
  if (one === undefined || more.length > 0) return null;
  return {
    principal: { kind: "client", name: one[0] },
    key: sha256(canonical([issuer, subject, clientId])).slice(0, 16),
  };
}
