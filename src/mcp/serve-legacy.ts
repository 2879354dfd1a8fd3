// The legacy era's opening: initialize, answered with the version both speak and a session of its own.

import { isObject, type JsonObject } from "../kernel/index.ts";
import { capabilitiesIn, LEGACY_LATEST, LEGACY_VERSIONS } from "./eras.ts";
import { sendRefusal, sendReply } from "./exchange.ts";
import { refuse } from "./http-gate.ts";
import { CODES, type RpcId } from "./messages.ts";
import type { ServeHttpOptions, Visit } from "./wire-client.ts";
import type { WireSessions } from "./wire-sessions.ts";

const TEXT_MAX = 200;
const CAPABILITIES_CHARS_MAX = 8192;

export function openLegacySession<I>(opening: {
  readonly options: ServeHttpOptions<I>;
  readonly sessions: WireSessions<I>;
  readonly visit: Visit<I>;
  readonly id: RpcId;
  readonly params: JsonObject;
}): void {
  const { options, sessions, visit, id, params } = opening;
  const { response, identity } = visit;
  const { protocolVersion, clientInfo, capabilities } = params;
  if (typeof protocolVersion !== "string") {
    return sendRefusal(response, refuse(400, "initialize needs a protocolVersion.", CODES.invalidParams), id);
  }
  const protocol = LEGACY_VERSIONS.includes(protocolVersion) ? protocolVersion : LEGACY_LATEST;
  const session = sessions.open(identity, {
    protocol,
    clientInfo: shortInfo(isObject(clientInfo) ? clientInfo : {}),
    capabilities: shortCapabilities(isObject(capabilities) ? capabilities : {}),
  });
  if (session === null) return sendRefusal(response, refuse(503, "Too many sessions are in use."), id);
  response.setHeader("mcp-session-id", session.wire.id);
  const instructions = options.instructions?.(identity) ?? null;
  const result: JsonObject = {
    protocolVersion: protocol,
    capabilities: capabilitiesIn("legacy", options.capabilities),
    serverInfo: options.serverInfo,
    ...(instructions === null ? {} : { instructions }),
  };
  sendReply(response, { status: 200, id, reply: { kind: "result", result } });
}

/** A session keeps this for its life, so its size is ours to choose. */
function shortInfo(info: JsonObject): JsonObject {
  const short: Record<string, string> = {};
  for (const field of ["name", "title", "version"]) {
    const text = info[field];
    if (typeof text === "string") short[field] = text.slice(0, TEXT_MAX);
  }
  return short;
}

function shortCapabilities(capabilities: JsonObject): JsonObject {
  return JSON.stringify(capabilities).length <= CAPABILITIES_CHARS_MAX ? capabilities : {};
}
