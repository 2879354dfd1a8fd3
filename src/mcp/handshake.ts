// Finds out which era an upstream speaks and opens the conversation. Refuses versions that nobody here knows.

import { Fault, isObject, oneLine, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { LEGACY_LATEST, LEGACY_VERSIONS, META, MODERN_LATEST, MODERN_VERSIONS, type Era } from "./eras.ts";
import { CODES, type RpcReply } from "./messages.ts";
import type { Peer } from "./peer.ts";

export interface Hello {
  readonly era: Era;
  readonly protocol: string;
  readonly serverInfo: JsonObject;
  readonly capabilities: JsonObject;
  readonly instructions: string | null;
}

export interface HandshakeOptions {
  readonly timeoutMs: number;
  /** For a probe, where that is shorter. */
  readonly probeMs?: number;
  readonly clientInfo?: JsonObject;
  /** Only what the calling side can really serve. */
  readonly capabilities?: JsonObject;
  /** Default: `legacy` on stdio, where a probe can end an old server; `probe` on HTTP. */
  readonly open?: Era | "probe";
}

const CLIENT_INFO: JsonObject = { name: "freehold", version: "0.1.0" };
const SHOWN_MAX = 200;

/** Throws Fault `mcp.handshake` (no usable answer) or `mcp.version` (no version in common). */
export async function handshake(peer: Peer, options: HandshakeOptions): Promise<Hello> {
  const open = options.open ?? (peer.transport === "http" ? "probe" : "legacy");
  if (open === "legacy") return openLegacy(peer, options);
  const discovered = await discover(peer, options);
  if (discovered.kind === "hello") return discovered.hello;
  if (open === "modern") throw failed("server/discover", discovered.reply);
  return openLegacy(peer, options);
}

async function openLegacy(peer: Peer, options: HandshakeOptions): Promise<Hello> {
  peer.speak({ era: "unknown" });
  const params = {
    protocolVersion: LEGACY_LATEST,
    capabilities: options.capabilities ?? {},
    clientInfo: options.clientInfo ?? CLIENT_INFO,
  };
  const { timeoutMs } = options;
  const reply = await peer.request({ method: "initialize", paramsText: JSON.stringify(params), timeoutMs });
  if (supportedIn(reply)?.some((version) => MODERN_VERSIONS.includes(version)) === true && options.open !== "probe") {
    return handshake(peer, { ...options, open: "modern" });
  }
  if (reply.kind !== "result") throw failed("initialize", reply);
  const { protocolVersion, serverInfo, capabilities, instructions } = reply.result;
  if (typeof protocolVersion !== "string" || !LEGACY_VERSIONS.includes(protocolVersion)) throw unknown(protocolVersion);
  peer.speak({ era: "legacy", protocol: protocolVersion });
  peer.notify("notifications/initialized", {});
  return {
    era: "legacy",
    protocol: protocolVersion,
    serverInfo: isObject(serverInfo) ? serverInfo : {},
    capabilities: isObject(capabilities) ? capabilities : {},
    instructions: typeof instructions === "string" ? instructions : null,
  };
}

type Discovered =
  | { readonly kind: "hello"; readonly hello: Hello }
  | { readonly kind: "not-modern"; readonly reply: RpcReply };

async function discover(peer: Peer, options: HandshakeOptions): Promise<Discovered> {
  const meta: JsonObject = {
    [META.protocolVersion]: MODERN_LATEST,
    [META.clientInfo]: options.clientInfo ?? CLIENT_INFO,
    [META.clientCapabilities]: options.capabilities ?? {},
  };
  peer.speak({ era: "modern", protocol: MODERN_LATEST, meta });
  const { timeoutMs: longestMs, probeMs = longestMs } = options;
  const timeoutMs = options.open === "probe" ? Math.min(probeMs, longestMs) : longestMs;
  const ask = { method: "server/discover", paramsText: "{}", timeoutMs };
  let reply = await peer.request(ask);
  // Refused, and named as supported in one breath: some servers decide only at the second try (SEP-2575).
  if (supportedIn(reply)?.includes(MODERN_LATEST) === true) reply = await peer.request(ask);
  if (reply.kind === "broken" && !isOldRefusal(reply, peer)) throw failed("server/discover", reply);
  if (reply.kind !== "result") {
    // A server that names modern versions, none of them ours, must not be opened as a legacy one.
    const modern = supportedIn(reply)?.filter((version) => version >= MODERN_LATEST) ?? [];
    if (modern.length > 0) throw unknown(modern.join(", "));
    return { kind: "not-modern", reply };
  }
  const { supportedVersions, capabilities, instructions, _meta } = reply.result;
  if (!Array.isArray(supportedVersions) || !supportedVersions.includes(MODERN_LATEST))
    return { kind: "not-modern", reply };
  const serverInfo = isObject(_meta) ? _meta[META.serverInfo] : undefined;
  const hello: Hello = {
    era: "modern",
    protocol: MODERN_LATEST,
    serverInfo: isObject(serverInfo) ? serverInfo : {},
    capabilities: isObject(capabilities) ? capabilities : {},
    instructions: typeof instructions === "string" ? instructions : null,
  };
  return { kind: "hello", hello };
}

/** A 2025 server answers the unknown method with some 4xx, or an old stdio one stays silent; neither is an outage. */
function isOldRefusal(reply: RpcReply & { readonly kind: "broken" }, peer: Peer): boolean {
  if (peer.transport === "stdio") return true;
  const { status } = reply;
  return status !== undefined && status >= 400 && status < 500 && status !== 401 && status !== 403;
}

function supportedIn(reply: RpcReply): readonly string[] | null {
  if (reply.kind !== "error" || reply.code !== CODES.unsupportedVersion || !isObject(reply.data)) return null;
  const { supported } = reply.data;
  return Array.isArray(supported) ? supported.filter((item: JsonValue) => typeof item === "string") : null;
}

function failed(method: string, reply: RpcReply): Fault {
  const said =
    reply.kind === "result" ? "an answer of another shape" : reply.kind === "error" ? reply.message : reply.reason;
  return new Fault("mcp.handshake", {
    message: `The server did not open the conversation (${method}): ${oneLine(said, SHOWN_MAX)}`,
    next: "Run the server by hand and look at what it prints.",
  });
}

function unknown(version: JsonValue | undefined): Fault {
  const said = typeof version === "string" ? oneLine(version, SHOWN_MAX) : "no version";
  return new Fault("mcp.version", {
    message: `The server speaks ${said}; Freehold speaks ${[MODERN_LATEST, ...LEGACY_VERSIONS].join(", ")}.`,
    next: "Choose a release of the server that speaks one of these.",
  });
}
