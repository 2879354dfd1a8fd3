// What the OAuth client asks of an issuer: to be registered, to give tokens for a code, to renew them.

import { Fault, oneLine, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { askOAuth, type OAuthHttp, type OAuthReply } from "./oauth-http.ts";
import type { Issuer } from "./oauth-metadata.ts";

/** How the token endpoint knows us (RFC 6749, 2.3). */
export type AuthMethod = "none" | "client_secret_basic" | "client_secret_post";

export interface OAuthClientId {
  readonly id: string;
  readonly secret: string | null;
  readonly method: AuthMethod;
}

export interface OAuthTokens {
  readonly access: string;
  readonly refresh: string | null;
  readonly expiresAtMs: number | null;
}

const TOKEN_MAX = 32_768;
const ID_MAX = 2048;
const SECRET_METHODS: readonly AuthMethod[] = ["client_secret_basic", "client_secret_post"];

/** A native program of the owner's machine: public where the issuer allows it. Fault `oauth.registration`. */
export async function register(
  http: OAuthHttp,
  issuer: Issuer & { readonly registrationEndpoint: string },
  redirectUri: string,
): Promise<OAuthClientId> {
  const wanted = methodFor(issuer, null) ?? SECRET_METHODS.find((method) => issuer.authMethods?.includes(method));
  const json: JsonObject = {
    client_name: "Freehold",
    application_type: "native",
    redirect_uris: [redirectUri],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: wanted ?? "none",
  };
  const reply = await askOAuth(http, { url: issuer.registrationEndpoint, json });
  const { client_id: id, client_secret: secret, token_endpoint_auth_method: method } = reply.body ?? {};
  if (reply.status >= 300 || !isVisible(id, ID_MAX)) throw refusal("oauth.registration", issuer.issuer, reply);
  const given = isVisible(secret, ID_MAX) ? secret : null;
  const said = SECRET_METHODS.find((known) => known === method);
  const chosen = said ?? (method === "none" ? "none" : methodFor(issuer, given));
  if (chosen === undefined || (chosen !== "none" && given === null)) {
    throw refusal("oauth.registration", issuer.issuer, { status: reply.status, body: { error: "no way to log in" } });
  }
  return { id, secret: chosen === "none" ? null : given, method: chosen };
}

/** Undefined: the issuer takes none that we have. */
export function methodFor(issuer: Issuer, secret: string | null): AuthMethod | undefined {
  const methods = issuer.authMethods ?? ["client_secret_basic", "none"];
  const possible: readonly AuthMethod[] = secret === null ? ["none"] : [...SECRET_METHODS, "none"];
  return possible.find((method) => methods.includes(method));
}

/** `scope` is what the issuer says they are for. Fault `oauth.refused`, with the issuer's code as its cause. */
export async function askForTokens(
  http: OAuthHttp,
  asked: {
    readonly tokenEndpoint: string;
    readonly client: OAuthClientId;
    readonly grant: Readonly<Record<string, string>>;
    readonly nowMs: number;
  },
): Promise<OAuthTokens & { readonly scope: string | null }> {
  const { client, grant, tokenEndpoint, nowMs } = asked;
  const { headers, fields } = credentials(client);
  const reply = await askOAuth(http, { url: tokenEndpoint, headers, form: { ...grant, ...fields } });
  const { access_token: access, refresh_token: refresh, token_type: type, ...more } = reply.body ?? {};
  const { expires_in: seconds, scope = null } = more;
  const isBearer = typeof type === "string" && type.toLowerCase() === "bearer";
  if (reply.status !== 200 || !isVisible(access, TOKEN_MAX) || !isBearer) {
    throw refusal("oauth.refused", new URL(tokenEndpoint).host, reply);
  }
  const lifeMs = typeof seconds === "number" && seconds > 0 ? seconds * 1_000 : null;
  return {
    access,
    refresh: isVisible(refresh, TOKEN_MAX) ? refresh : null,
    expiresAtMs: lifeMs === null ? null : nowMs + lifeMs,
    scope: typeof scope === "string" ? scope.slice(0, TOKEN_MAX) : null,
  };
}

function credentials({ id, secret, method }: OAuthClientId): {
  readonly headers: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
} {
  if (method === "client_secret_basic") {
    const pair = `${encodeURIComponent(id)}:${encodeURIComponent(secret ?? "")}`;
    return { headers: { authorization: `Basic ${Buffer.from(pair).toString("base64")}` }, fields: {} };
  }
  const own = method === "client_secret_post" ? { client_secret: secret ?? "" } : {};
  return { headers: {}, fields: { client_id: id, ...own } };
}

/** The issuer's own word for why, such as `invalid_grant`. */
export function refusalCode(error: unknown): string | null {
  return error instanceof Fault && error.code === "oauth.refused" && typeof error.cause === "string"
    ? error.cause
    : null;
}

function refusal(code: string, issuer: string, reply: OAuthReply): Fault {
  const { error, error_description: more } = reply.body ?? {};
  const word = typeof error === "string" ? oneLine(error, 60) : `HTTP ${reply.status}`;
  const said = typeof more === "string" ? `${word}: ${oneLine(more, 200)}` : word;
  return new Fault(code, {
    message: `${oneLine(issuer, 200)} refused (${said}).`,
    next: "Log in again; if it stays so, make a client there and write its id to oauth.client in stack.yaml.",
    cause: word,
  });
}

function isVisible(value: JsonValue | undefined, lengthMax: number): value is string {
  return typeof value === "string" && value.length <= lengthMax && /^[\x20-\x7e]+$/.test(value);
}
