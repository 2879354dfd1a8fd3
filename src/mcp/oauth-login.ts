// What is kept of a login at a server's issuer, as text for a sealed place. Bound to the server's address: a login is
// never used for another, and one that cannot be read is none.

import { isObject, readJson, type JsonObject, type JsonValue } from "../kernel/index.ts";
import type { AuthMethod, OAuthClientId, OAuthTokens } from "./oauth-grants.ts";

export interface Login {
  readonly serverUrl: string;
  readonly resource: string;
  readonly issuer: string;
  readonly tokenEndpoint: string;
  readonly client: OAuthClientId;
  /** Where this client is registered to be answered. */
  readonly redirectUri: string;
  /** All that were asked for so far. */
  readonly scopes: readonly string[];
  readonly tokens: OAuthTokens | null;
}

/** The sealed place of one server. */
export interface LoginStorage {
  load(): Promise<string | null>;
  /** On disk before it resolves: a rotated refresh token works only once. */
  save(text: string): Promise<void>;
  remove(): Promise<void>;
}

export function loginText(login: Login): string {
  return JSON.stringify({ version: 1, ...login });
}

/** `serverUrl` null: whichever server it is of. */
export function readLogin(text: string | null, serverUrl: string | null): Login | null {
  if (text === null) return null;
  let value: JsonValue;
  try {
    value = readJson(text);
  } catch {
    return null; // Damaged: the owner logs in again.
  }
  if (!isObject(value) || value["version"] !== 1) return null;
  const { serverUrl: bound } = value;
  if (!isText(bound) || (serverUrl !== null && bound !== serverUrl)) return null;
  const { resource, issuer, tokenEndpoint, redirectUri, scopes, tokens } = value;
  const client = clientIn(value["client"]);
  const isWhole = isText(resource) && isText(issuer) && isText(tokenEndpoint) && isText(redirectUri);
  if (!isWhole || client === null || !Array.isArray(scopes)) return null;
  const texts = scopes.filter((scope: JsonValue) => isText(scope));
  return {
    serverUrl: bound,
    resource,
    issuer,
    tokenEndpoint,
    redirectUri,
    client,
    scopes: texts,
    tokens: tokensIn(tokens),
  };
}

/** What must never be shown of such a text. */
export function secretsInLogin(text: string): readonly string[] {
  const login = readLogin(text, null);
  const { access = null, refresh = null } = login?.tokens ?? {};
  return [access, refresh, login?.client.secret ?? null].filter((value) => value !== null);
}

function clientIn(value: JsonValue | undefined): OAuthClientId | null {
  if (!isObject(value)) return null;
  const { id, secret = null, method } = value;
  const known: AuthMethod | undefined = (["none", "client_secret_basic", "client_secret_post"] as const).find(
    (name) => name === method,
  );
  return isText(id) && (secret === null || isText(secret)) && known !== undefined
    ? { id, secret, method: known }
    : null;
}

function tokensIn(value: JsonValue | undefined): OAuthTokens | null {
  const { access, refresh = null, expiresAtMs = null }: JsonObject = isObject(value) ? value : {};
  if (!isText(access) || (refresh !== null && !isText(refresh))) return null;
  return { access, refresh, expiresAtMs: typeof expiresAtMs === "number" ? expiresAtMs : null };
}

function isText(value: JsonValue | undefined): value is string {
  return typeof value === "string";
}
