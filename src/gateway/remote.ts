// Clients from elsewhere: at the declared public host alone, by an access token of the declared issuer alone.
// Which client a proven token is, auth.ts says.

import type { IncomingMessage } from "node:http";
import type { JsonObject } from "../kernel/index.ts";
import type { StackRemote } from "../manifest/index.ts";
import { challenge, unavailable, unauthorised, type Admission } from "../mcp/index.ts";
import { verifyToken, type FindKey } from "./access-token.ts";
import { identify, type ClientIdentity } from "./auth.ts";
import type { ActivePolicy } from "./policy.ts";

export interface RemoteParts {
  policy(): ActivePolicy;
  readonly nowMs: () => number;
  readonly keysOf: (issuer: string) => FindKey;
  /** Hosts at which clients of this machine come, each with a token of its own. */
  localHosts(): readonly string[];
}

export interface Remote {
  /** The public host, in lower case; empty without one. */
  hosts(): readonly string[];
  /** True for a request that only an access token can let in. */
  isRemote(request: IncomingMessage): boolean;
  /** For a request that no token of a client's own let in. */
  admit(request: IncomingMessage): Promise<Admission<ClientIdentity>>;
  /** RFC 9728; null without a public host. */
  metadata(): JsonObject | null;
}

const METADATA_PATH = "/.well-known/oauth-protected-resource";
const BEARER = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/;

export function openRemote(parts: RemoteParts): Remote {
  const declared = (): StackRemote | null => parts.policy().stack.remote;

  function isRemote({ headers: { host = "" } }: IncomingMessage): boolean {
    const remote = declared();
    const name = host.toLowerCase();
    return remote !== null && name === new URL(remote.url).host && !parts.localHosts().includes(name);
  }

  async function admit(request: IncomingMessage): Promise<Admission<ClientIdentity>> {
    const remote = declared();
    if (remote === null || !isRemote(request)) return { kind: "refused", refusal: unauthorised() };
    const { url, issuer, audience, scopes } = remote;
    const asked = { metadata: metadataUrl(url), scopes };
    const token = BEARER.exec(request.headers.authorization ?? "")?.[1];
    if (token === undefined) return { kind: "refused", refusal: challenge({ ...asked, error: null }) };
    const invalid = (reason: string): Admission<ClientIdentity> => ({
      kind: "refused",
      refusal: challenge({ ...asked, error: "invalid_token", reason }),
    });
    const expected = { issuer, audience, nowMs: parts.nowMs() };
    const verdict = await verifyToken(token, expected, parts.keysOf(issuer));
    if (verdict.kind === "unavailable") return NO_KEYS;
    if (verdict.kind === "refused") return invalid(verdict.reason);
    // The owner may have changed the stack while the keys were fetched: what holds now decides.
    const { stack } = parts.policy();
    if (JSON.stringify(stack.remote) !== JSON.stringify(remote)) return invalid("the gateway's tokens have changed");
    const identity = identify(stack.clients, issuer, verdict.claims);
    if (identity === null) return invalid("it belongs to no declared client");
    if (scopes.every((scope) => verdict.claims.scopes.includes(scope))) return { kind: "admitted", identity };
    return { kind: "refused", refusal: challenge({ ...asked, error: "insufficient_scope" }) };
  }

  return {
    hosts() {
      const remote = declared();
      return remote === null ? [] : [new URL(remote.url).host];
    },
    isRemote,
    admit,
    metadata() {
      const remote = declared();
      if (remote === null) return null;
      const { url, issuer, scopes } = remote;
      const rights = scopes.length === 0 ? {} : { scopes_supported: [...scopes] };
      const how = { bearer_methods_supported: ["header"], resource_name: "Freehold" };
      return { resource: url, authorization_servers: [issuer], ...rights, ...how };
    },
  };
}

const NO_KEYS: Admission<ClientIdentity> = {
  kind: "refused",
  refusal: unavailable("Access tokens cannot be checked at present."),
};

function metadataUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${METADATA_PATH}${pathname}`;
}

/** Clients that may no longer come as they did; their sessions end with the policy that they came under. */
export function endedClients(before: ActivePolicy, now: ActivePolicy): readonly string[] {
  const loginOf = ({ stack }: ActivePolicy, name: string): string | null => {
    const client = Object.hasOwn(stack.clients, name) ? stack.clients[name] : undefined;
    if (client === undefined) return null;
    return JSON.stringify(client.subject === null ? [] : [client.subject, client.clientId, stack.remote]);
  };
  return Object.keys(before.stack.clients).filter((name) => loginOf(before, name) !== loginOf(now, name));
}
