// Who signs people in for a server: its resource metadata (RFC 9728), then the issuer's (RFC 8414, OpenID discovery).
// Nothing is taken from a document that speaks of another resource or another issuer.

import { Fault, isObject, oneLine, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { askOAuth, isLoopback, loginUrl, type OAuthHttp } from "./oauth-http.ts";

export interface ProtectedResource {
  /** As published; it is sent on exactly so (RFC 8707). */
  readonly resource: string;
  readonly issuer: string;
  readonly scopes: readonly string[];
}

export interface Issuer {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly registrationEndpoint: string | null;
  readonly scopes: readonly string[];
  /** Null: not said. */
  readonly authMethods: readonly string[] | null;
  readonly takesMetadataUrl: boolean;
  /** It promises to name itself in its answer (RFC 9207). */
  readonly namesItself: boolean;
}

const LIST_MAX = 200;
const TEXT_MAX = 500;

/** `hint` is what the server's own refusal named. Without any metadata the server's own host signs in (2025-03-26). */
export async function findResource(
  http: OAuthHttp,
  serverUrl: string,
  hint: string | null,
): Promise<ProtectedResource & { readonly isPublished: boolean }> {
  const server = new URL(serverUrl);
  const path = server.pathname.replace(/\/$/, "");
  const known = `${server.origin}/.well-known/oauth-protected-resource`;
  const hinted = loginUrl(hint, isLoopback(server.hostname));
  const places = hinted === null ? [...new Set([`${known}${path}`, known])] : [hinted.href];
  for (const url of places) {
    const { status, body } = await askOAuth(http, { url });
    if (status === 200 && body !== null) return { ...resourceIn(body, server), isPublished: true };
  }
  return { resource: server.origin + path, issuer: server.origin, scopes: [], isPublished: false };
}

function resourceIn(body: JsonObject, server: URL): ProtectedResource {
  const { resource, authorization_servers: issuers, scopes_supported: scopes } = body;
  const url = loginUrl(resource, isLoopback(server.hostname));
  if (typeof resource !== "string" || url === null || !covers(url, server)) {
    throw new Fault("oauth.resource", {
      message: `the server says its logins are for ${shown(resource)}, not for ${server.origin}${server.pathname}.`,
      next: "Do not log in; ask the server's maker whether its metadata is wrong.",
    });
  }
  const [issuer] = textsIn(issuers);
  if (issuer === undefined || loginUrl(issuer, isLoopback(server.hostname)) === null) {
    throw new Fault("oauth.issuer", {
      message: `the server names no address of https that signs people in, but ${shown(issuer)}.`,
      next: "Use a token instead: freehold secret set NAME, then secrets: { Authorization: secret:NAME }.",
    });
  }
  return { resource, issuer, scopes: textsIn(scopes) };
}

/** The same host, and a path at or above the server's. */
function covers(resource: URL, server: URL): boolean {
  const above = resource.pathname.replace(/\/$/, "");
  const path = server.pathname.replace(/\/$/, "");
  return resource.origin === server.origin && (path === above || path.startsWith(`${above}/`));
}

/** `isPublished`: the issuer was named by the resource, so that it must have metadata. */
export async function findIssuer(
  http: OAuthHttp,
  issuer: string,
  how: { readonly isLocal: boolean; readonly isPublished: boolean },
): Promise<Issuer> {
  for (const url of metadataPlaces(new URL(issuer))) {
    const { status, body } = await askOAuth(http, { url });
    if (status === 200 && body !== null) return issuerIn(body, issuer, how.isLocal);
  }
  if (how.isPublished) throw noIssuer(issuer, "it has no metadata where the standards put it");
  return {
    issuer,
    authorizationEndpoint: `${issuer}/authorize`,
    tokenEndpoint: `${issuer}/token`,
    registrationEndpoint: `${issuer}/register`,
    scopes: [],
    authMethods: null,
    takesMetadataUrl: false,
    namesItself: false,
  };
}

/** The keys that an issuer signs with, as published (RFC 7517). Faults `oauth.issuer`, `oauth.unreachable`. */
export async function findKeys(http: OAuthHttp, issuer: string): Promise<readonly JsonObject[]> {
  for (const url of metadataPlaces(new URL(issuer))) {
    const { status, body } = await askOAuth(http, { url });
    if (status !== 200 || body === null) continue;
    if (body["issuer"] !== issuer) throw noKeys(issuer, `its metadata is that of ${shown(body["issuer"])}`);
    const place = loginUrl(body["jwks_uri"], isLoopback(new URL(issuer).hostname));
    if (place === null) throw noKeys(issuer, "its metadata names no address of keys that is https");
    const { body: set } = await askOAuth(http, { url: place.href });
    const keys = set?.["keys"];
    if (!Array.isArray(keys)) throw noKeys(issuer, "there are no keys where its metadata says");
    return keys.filter(isObject).slice(0, LIST_MAX);
  }
  throw noKeys(issuer, "it has no metadata where the standards put it");
}

function noKeys(issuer: string, reason: string): Fault {
  const message = `tokens of ${oneLine(issuer, 200)} cannot be checked: ${reason}.`;
  return new Fault("oauth.issuer", {
    message,
    next: "Look at 'remote.issuer' in stack.yaml: it is taken letter by letter.",
  });
}

function metadataPlaces(issuer: URL): readonly string[] {
  const path = issuer.pathname.replace(/\/$/, "");
  const { origin } = issuer;
  const [oauth, openid] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];
  const inserted = [`${origin}${oauth}${path}`, `${origin}${openid}${path}`];
  return path === "" ? inserted : [...inserted, `${origin}${path}${openid}`];
}

function issuerIn(body: JsonObject, issuer: string, isLocal: boolean): Issuer {
  // Letter by letter (RFC 8414, 3.3): a document of another issuer may be an attacker's.
  if (body["issuer"] !== issuer) throw noIssuer(issuer, `its metadata is that of ${shown(body["issuer"])}`);
  const authorization = loginUrl(body["authorization_endpoint"], isLocal);
  const token = loginUrl(body["token_endpoint"], isLocal);
  if (authorization === null || token === null) throw noIssuer(issuer, "its endpoints are missing or not https");
  const challenges = body["code_challenge_methods_supported"];
  if (!textsIn(challenges).includes("S256")) throw noIssuer(issuer, "it does not support PKCE with S256");
  const methods = body["token_endpoint_auth_methods_supported"];
  return {
    issuer,
    authorizationEndpoint: authorization.href,
    tokenEndpoint: token.href,
    registrationEndpoint: loginUrl(body["registration_endpoint"], isLocal)?.href ?? null,
    scopes: textsIn(body["scopes_supported"]),
    authMethods: Array.isArray(methods) ? textsIn(methods) : null,
    takesMetadataUrl: body["client_id_metadata_document_supported"] === true,
    namesItself: body["authorization_response_iss_parameter_supported"] === true,
  };
}

function textsIn(value: JsonValue | undefined): readonly string[] {
  if (!Array.isArray(value)) return [];
  const texts = value.filter((item: JsonValue) => typeof item === "string");
  return texts.filter((text) => text !== "" && text.length <= TEXT_MAX).slice(0, LIST_MAX);
}

function noIssuer(issuer: string, reason: string): Fault {
  return new Fault("oauth.issuer", {
    message: `${oneLine(issuer, 200)} cannot be used to log in: ${reason}.`,
    next: "Ask the server's maker, or use a token: secrets: { Authorization: secret:NAME }.",
  });
}

function shown(value: JsonValue | undefined): string {
  return typeof value === "string" ? `'${oneLine(value, 200)}'` : "nothing";
}
