// What the gateway says of itself to clients that look for a login: protected-resource metadata (RFC 9728).

import type { IncomingMessage, ServerResponse } from "node:http";
import type { JsonObject } from "../kernel/index.ts";
import { sendRefusal } from "./exchange.ts";
import { checkPlace, notAllowed, refuse } from "./http-gate.ts";

export interface ResourceMetadataOptions {
  /** Null: there is none. */
  document(): JsonObject | null;
  allowedHosts(): readonly string[];
  allowedOrigins(): readonly string[];
}

const PATH = "/.well-known/oauth-protected-resource";
/** Of the host, and of the gateway's path below it. */
export const METADATA_PATHS: readonly string[] = [PATH, `${PATH}/mcp`];

/** For requests to one of the paths only. Anybody may read it: it holds no more than a refusal says. */
export function serveResourceMetadata(
  options: ResourceMetadataOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const allowed = { hosts: options.allowedHosts(), origins: options.allowedOrigins() };
    const early = checkPlace(request, allowed);
    if (early !== null) return sendRefusal(response, early, null);
    const document = options.document();
    if (document === null) return sendRefusal(response, refuse(404, "No client comes from elsewhere."), null);
    if (request.method !== "GET") return sendRefusal(response, { ...notAllowed(), headers: { allow: "GET" } }, null);
    const headers = { "content-type": "application/json", "cache-control": "max-age=300" };
    response.writeHead(200, headers).end(JSON.stringify(document));
  };
}
