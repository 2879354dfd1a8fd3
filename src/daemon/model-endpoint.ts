// Where programs of the owner's ask models: at the gateway's own addresses, by the gateway's own tokens.

import { reasonOf } from "../kernel/index.ts";
import { authenticate, openModelEndpoint, type ModelEndpoint, type Remote } from "../gateway/index.ts";
import type { Effects } from "./effects.ts";
import type { Place } from "./listen.ts";
import type { DaemonState } from "./state.ts";

export function modelEndpointOf(
  { store, active, clock }: DaemonState,
  { door }: Effects,
  { place, remote }: { readonly place: Place; readonly remote: Remote },
): ModelEndpoint {
  return openModelEndpoint({
    door,
    policy: active,
    nowMs: clock.nowMs,
    authenticate: (request) => authenticate(store, request),
    isRemote: (request) => remote.isRemote(request),
    admit: (request) => remote.admit(request),
    allowedHosts: () => [...place.hosts, ...remote.hosts()],
    // A page in a browser asks no models.
    allowedOrigins: () => [],
    reportFailure: (error) => process.stderr.write(`models: ${reasonOf(error)}\n`),
  });
}
