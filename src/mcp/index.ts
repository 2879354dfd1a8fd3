// The wire of MCP, both eras and both sides, without any policy.

export { LEGACY_LATEST, LEGACY_VERSIONS, META, MODERN_LATEST, MODERN_VERSIONS, reduceMeta } from "./eras.ts";
export type { Era } from "./eras.ts";
export { countedPeer, filteredPeer, type PeerFilter } from "./filter-peer.ts";
export { handshake } from "./handshake.ts";
export type { HandshakeOptions, Hello } from "./handshake.ts";
export { createConnector, resolveByDns } from "./http-connect.ts";
export type { Connector, ResolveAddress } from "./http-connect.ts";
export type { AuthChallenge, HttpAuthorization } from "./http-authorization.ts";
export {
  challenge,
  checkPlace,
  checkUrl,
  HTTP_SERVER_LIMITS,
  readBody,
  unauthorised,
  unavailable,
} from "./http-gate.ts";
export type { HttpPeerOptions } from "./http-options.ts";
export { openHttpPeer } from "./http-peer.ts";
export { CODES } from "./messages.ts";
export type { Responder, RpcId, RpcReply } from "./messages.ts";
export { listenForChanges } from "./listen.ts";
export { LINK_LIFE_MS, openOAuth } from "./oauth-client.ts";
export type { LoginStart, OAuthClient, OAuthSettings } from "./oauth-client.ts";
export { isLoopback } from "./oauth-http.ts";
export { findKeys } from "./oauth-metadata.ts";
export { secretsInLogin } from "./oauth-login.ts";
export type { Peer, PeerCall } from "./peer.ts";
export { METADATA_PATHS, serveResourceMetadata } from "./resource-metadata.ts";
export { serveHttp } from "./serve-http.ts";
export type { HttpEndpoint } from "./serve-http.ts";
export { openStdioPeer } from "./stdio-peer.ts";
export type { StdioPeerOptions } from "./stdio-peer.ts";
export { askableFor, kindOf } from "./questions.ts";
export type { ServerQuestion } from "./questions.ts";
export { readSurface } from "./surface.ts";
export type { SurfaceLimits } from "./surface.ts";
export type { Admission, Served, ServeHttpOptions, WireClient } from "./wire-client.ts";
