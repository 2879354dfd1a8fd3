// One posted body to one message and its era. The body decides; headers are checked against it, never the reverse.
// Codes and order follow revision 2026-07-28 (SEP-2243, SEP-2575); strictness about JSON is ours.

import { isUtf8 } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import { isObject, parseStrict, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { decodeHeader, META, MODERN_LATEST, MODERN_VERSIONS, nameOf } from "./eras.ts";
import { refuse, type Refusal } from "./http-gate.ts";
import { CODES, isId, readMessage, type Message, type RpcId } from "./messages.ts";

export type Inbound =
  | { readonly kind: "refused"; readonly id: RpcId | null; readonly refusal: Refusal }
  | { readonly kind: "legacy"; readonly message: Message }
  | { readonly kind: "modern"; readonly message: Message; readonly protocol: string; readonly envelope: JsonObject };

export function readInbound(body: Buffer, headers: IncomingHttpHeaders): Inbound {
  if (!isUtf8(body)) return refused(null, CODES.parse, "The body is not UTF-8.");
  const parsed = parseStrict(body.toString("utf8"));
  if (parsed.kind === "refused") {
    const code = parsed.reason.startsWith("not JSON") ? CODES.parse : CODES.invalidRequest;
    return refused(null, code, `The body was refused: ${parsed.reason}.`);
  }
  const { value } = parsed;
  if (Array.isArray(value)) return refused(null, CODES.invalidRequest, "Batches are not supported.");
  const message = readMessage(value);
  if (message === null) return refused(idIn(value), CODES.invalidRequest, "The body is no JSON-RPC 2.0 message.");
  return message.kind === "reply" ? { kind: "legacy", message } : classify(message, headers);
}

type Asking = Message & { readonly kind: "request" | "notification" };

function classify(message: Asking, headers: IncomingHttpHeaders): Inbound {
  const meta = message.params["_meta"];
  const envelope = isObject(meta) ? meta : {};
  const version = headerOf(headers, "mcp-protocol-version");
  const namesModern = version !== null && version >= MODERN_LATEST;
  if (META.protocolVersion in envelope) return checkEnvelope(message, envelope, headers);
  if (!namesModern) return { kind: "legacy", message };
  const id = idOf(message);
  if (message.kind === "notification") return { kind: "modern", message, protocol: version, envelope };
  if (message.method === "initialize") return mismatch(id, "initialize does not belong to the version in the header");
  const missing = isObject(meta) ? [META.protocolVersion] : ["_meta"];
  const refusal = {
    ...refuse(400, `Missing in params: ${missing.join(", ")}.`, CODES.invalidParams),
    data: { envelope: { missing } },
  };
  return { kind: "refused", id, refusal };
}

function checkEnvelope(message: Asking, envelope: JsonObject, headers: IncomingHttpHeaders): Inbound {
  const id = idOf(message);
  const {
    [META.protocolVersion]: protocol,
    [META.clientInfo]: info,
    [META.clientCapabilities]: capabilities,
  } = envelope;
  if (typeof protocol !== "string") return badEnvelope(id, META.protocolVersion);
  const isRequest = message.kind === "request";
  if (isRequest && !isObject(capabilities)) return badEnvelope(id, META.clientCapabilities);
  if (info !== undefined && !isObject(info)) return badEnvelope(id, META.clientInfo);
  const version = headerOf(headers, "mcp-protocol-version");
  const method = headerOf(headers, "mcp-method");
  if (version !== null && version !== protocol) return mismatch(id, "MCP-Protocol-Version differs from the body");
  if (method !== null && method !== message.method) return mismatch(id, "Mcp-Method differs from the body");
  if (!MODERN_VERSIONS.includes(protocol)) {
    const data = { supported: [...MODERN_VERSIONS], requested: protocol };
    return {
      kind: "refused",
      id,
      refusal: { ...refuse(400, "Unsupported protocol version.", CODES.unsupportedVersion), data },
    };
  }
  if (isRequest) {
    if (version === null) return mismatch(id, "the header MCP-Protocol-Version is missing");
    if (method === null) return mismatch(id, "the header Mcp-Method is missing");
    const flaw = nameFlaw(message, headers);
    if (flaw !== null) return mismatch(id, flaw);
  }
  return { kind: "modern", message, protocol, envelope };
}

function nameFlaw(message: Asking, headers: IncomingHttpHeaders): string | null {
  const inBody = nameOf(message.method, message.params);
  if (inBody === null) return null;
  const inHeader = headerOf(headers, "mcp-name");
  if (inHeader === null) return "the header Mcp-Name is missing";
  const decoded = decodeHeader(inHeader);
  if (decoded === null) return "the header Mcp-Name is not valid base64";
  return decoded === inBody ? null : "Mcp-Name differs from the body";
}

/** The body's words are not repeated: what disagrees may be what somebody wants to hide. */
function mismatch(id: RpcId | null, what: string): Inbound {
  return { kind: "refused", id, refusal: refuse(400, `Headers and body disagree: ${what}.`, CODES.headerMismatch) };
}

function badEnvelope(id: RpcId | null, key: string): Inbound {
  const data = { envelope: { key } };
  return {
    kind: "refused",
    id,
    refusal: { ...refuse(400, `Missing or malformed in _meta: ${key}.`, CODES.invalidParams), data },
  };
}

function refused(id: RpcId | null, code: number, message: string): Inbound {
  return { kind: "refused", id, refusal: refuse(400, message, code) };
}

function idOf(message: Asking): RpcId | null {
  return message.kind === "request" ? message.id : null;
}

function idIn(value: JsonValue): RpcId | null {
  const id = isObject(value) ? value["id"] : undefined;
  return isId(id) ? id : null;
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name];
  return typeof value === "string" ? value.trim() : null;
}
