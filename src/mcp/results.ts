// Results as each era writes them. Unknown fields pass; fields that only the other era knows do not.

import { isObject, type JsonObject } from "../kernel/index.ts";
import { isCacheable, META, type Era } from "./eras.ts";
import { CODES, type RpcReply } from "./messages.ts";

/** What a result becomes for a client of `era`. Modern ones name us: who the upstream is stays behind the door. */
export function replyFor(options: {
  readonly era: Era;
  readonly method: string;
  readonly reply: RpcReply;
  readonly serverInfo: JsonObject;
}): RpcReply {
  const { era, method, reply, serverInfo } = options;
  if (reply.kind !== "result") return reply;
  return era === "modern" ? modern(method, reply.result, serverInfo) : legacy(method, reply.result);
}

function modern(method: string, result: JsonObject, serverInfo: JsonObject): RpcReply {
  const { resultType = "complete", _meta } = result;
  const meta = { ...(isObject(_meta) ? _meta : {}), [META.serverInfo]: serverInfo };
  if (!isCacheable(method) || resultType !== "complete") {
    return { kind: "result", result: { ...result, resultType, _meta: meta } };
  }
  // What a client sees depends on its token and the owner's policy: never shared, never kept (SEP-2549).
  return { kind: "result", result: { ...result, resultType, ttlMs: 0, cacheScope: "private", _meta: meta } };
}

function legacy(method: string, result: JsonObject): RpcReply {
  if (!("resultType" in result) && !("_meta" in result) && !isCacheable(method)) return { kind: "result", result };
  const { resultType = "complete", ...rest } = result;
  if (resultType !== "complete") {
    const message = "The server asks for input that this client's protocol version cannot carry.";
    return { kind: "error", code: CODES.internal, message };
  }
  return { kind: "result", result: withoutServerInfo(isCacheable(method) ? withoutCacheHints(rest) : rest) };
}

function withoutCacheHints(result: JsonObject): JsonObject {
  const { ttlMs: _ttlMs, cacheScope: _cacheScope, ...rest } = result;
  return rest;
}

function withoutServerInfo(result: JsonObject): JsonObject {
  const { _meta, ...rest } = result;
  if (!isObject(_meta) || !(META.serverInfo in _meta)) return result;
  const { [META.serverInfo]: _serverInfo, ...others } = _meta;
  return Object.keys(others).length === 0 ? rest : { ...rest, _meta: others };
}
