// The gateway's public names. Effects happen behind openDoor and nowhere else.

export { authenticate } from "./auth.ts";
export type { ClientIdentity } from "./auth.ts";
export { look, type Case, type CaseParts, type DoorParts } from "./case.ts";
export { openDoor } from "./door.ts";
export { addressFor, loginNeeded, openLogins, type Logins } from "./logins.ts";
export { openEndpoint, SERVER_CAPABILITIES, type EndpointParts } from "./endpoint.ts";
export { openHearing, type Hearing } from "./hearing.ts";
export { watchHolds, type Holds, type HoldsParts } from "./holds.ts";
export { memoryCompartment, memoryPeer } from "./memory-server.ts";
export { dateIn } from "./model-accounts.ts";
export { MODEL_PATHS, openModelEndpoint, type ModelEndpoint, type ModelEndpointParts } from "./model-endpoint.ts";
export { activate, receiverClearance, type ActivePolicy } from "./policy.ts";
export { withoutStanding } from "./watched.ts";
export { endedClients, openRemote, type Remote } from "./remote.ts";
export { openIssuerKeys } from "./issuer-keys.ts";
export { previewOf } from "./preview.ts";
export type { PreviewCall } from "./preview.ts";
export { offerTools, type OfferedTools } from "./toolbox.ts";
export { openSessions, type Session, type Sessions } from "./sessions.ts";
export { openUpstreams, type Upstream, type UpstreamParts, type Upstreams } from "./upstreams.ts";
export { viewFor, wireName, type View } from "./views.ts";
