// The wire of MCP, both eras and both sides, without any policy.

export { LEGACY_LATEST, LEGACY_VERSIONS, META, MODERN_LATEST, MODERN_VERSIONS, reduceMeta } from "./eras.ts";
export type { Era } from "./eras.ts";
export { handshake } from "./handshake.ts";
export type { HandshakeOptions, Hello } from "./handshake.ts";
export { resolveByDns } from "./http-connect.ts";
export type { ResolveAddress } from "./http-connect.ts";
export type { AuthChallenge, HttpAuthorization } from "./http-authorization.ts";
export { HTTP_SERVER_LIMITS } from "./http-gate.ts";
export { openHttpPeer } from "./http-peer.ts";
export type { HttpPeerOptions } from "./http-peer.ts";
export { CODES } from "./messages.ts";
export type { Responder, RpcId, RpcReply } from "./messages.ts";
export { listenForChanges } from "./listen.ts";
export { LINK_LIFE_MS, openOAuth } from "./oauth-client.ts";
export type { LoginStart, OAuthClient, OAuthSettings } from "./oauth-client.ts";
export { isLoopback } from "./oauth-http.ts";
export { secretsInLogin } from "./oauth-login.ts";
export type { Peer, PeerCall } from "./peer.ts";
export { serveHttp } from "./serve-http.ts";
export type { HttpEndpoint } from "./serve-http.ts";
export { openStdioPeer } from "./stdio-peer.ts";
export type { StdioPeerOptions } from "./stdio-peer.ts";
export { kindOf } from "./questions.ts";
export type { ServerQuestion } from "./questions.ts";
export { readSurface } from "./surface.ts";
export type { SurfaceLimits } from "./surface.ts";
export type { Served, ServeHttpOptions, WireClient } from "./wire-client.ts";
