// Clients from elsewhere, with what the daemon has for them: the policy, the ledger, the way to the issuer.

import { reasonOf, type OwnersDoor, type PermitConnection } from "../kernel/index.ts";
import { addressFor, openIssuerKeys, openRemote, type Remote } from "../gateway/index.ts";
import { findKeys, serveResourceMetadata } from "../mcp/index.ts";
import type { DaemonState } from "./state.ts";

const KEYS_PURPOSE = "issuer-keys";

export function remoteOf(state: DaemonState, door: OwnersDoor, localHosts: () => readonly string[]): Remote {
  const { active, clock, hearing } = state;
  const permit: PermitConnection = ({ host, port }) =>
    Promise.resolve(door.connect({ principal: "freehold", purpose: KEYS_PURPOSE, host: hearing.text(host), port }));
  const onFault = (error: unknown): void => void process.stderr.write(`clients from elsewhere: ${reasonOf(error)}\n`);
  const keysOf = openIssuerKeys({
    nowMs: clock.nowMs,
    fetch: (issuer) => findKeys({ permit, resolve: addressFor(new URL(issuer).hostname) }, issuer),
    onFault,
  });
  return openRemote({ policy: active, nowMs: clock.nowMs, keysOf, localHosts });
}

/** A page may not read it: no client from elsewhere runs in a browser. */
export function metadataOf(
  remote: Remote,
  localHosts: () => readonly string[],
): ReturnType<typeof serveResourceMetadata> {
  return serveResourceMetadata({
    document: () => remote.metadata(),
    allowedHosts: () => [...localHosts(), ...remote.hosts()],
    allowedOrigins: () => [],
  });
}
