// The OAuth 2.1 client towards one server (MCP authorization, 2025-11-25 and 2026-07-28): the owner logs in by a link,
// tokens are renewed here. PKCE always; issuer and state are checked before a code is used; nothing is kept open.

import { createHash, timingSafeEqual } from "node:crypto";
import { Fault, oneLine } from "../kernel/index.ts";
import type { AuthChallenge, HttpAuthorization } from "./http-authorization.ts";
import { askForTokens, methodFor, refusalCode, register, type OAuthClientId } from "./oauth-grants.ts";
import { isLoopback, type OAuthHttp } from "./oauth-http.ts";
import { loginText, readLogin, type Login, type LoginStorage } from "./oauth-login.ts";
import { findIssuer, findResource, type Issuer, type ProtectedResource } from "./oauth-metadata.ts";

export interface OAuthSettings {
  /** Made by the owner at the issuer. */
  readonly clientId: string | null;
  readonly clientSecret: () => Promise<string | null>;
  /** An https address whose document describes this client, and is its id where the issuer takes such. */
  readonly metadataUrl: string | null;
  /** The only one that may sign in, where the owner named it. */
  readonly issuer: string | null;
  /** In place of those that the server suggests. */
  readonly scopes: readonly string[] | null;
}

export interface OAuthParts {
  readonly serverUrl: string;
  /** Where the browser is sent back to. */
  readonly redirectUri: () => string;
  /** As they are now. */
  readonly settings: () => OAuthSettings;
  readonly http: OAuthHttp;
  readonly storage: LoginStorage;
  readonly nowMs: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
}

export interface LoginStart {
  /** For the owner's browser. */
  readonly url: string;
  readonly issuer: string;
  readonly scopes: readonly string[];
}

export interface OAuthClient extends HttpAuthorization {
  /** Finds the issuer and makes the link. A link made before is void then. Faults `oauth.*`. */
  begin(): Promise<LoginStart>;
  /** `redirected` is the whole address that the browser was sent back to. Works once. Faults `oauth.*`. */
  finish(redirected: string): Promise<void>;
  /** What the last refusal was about that only the owner can mend. */
  needsLogin(): "login" | "more rights" | null;
  isPending(state: string): boolean;
  /** A link was given out and nothing came back so far. */
  hasLink(): boolean;
  forget(): Promise<void>;
}

export const LINK_LIFE_MS = 10 * 60_000;
/** Renewed this long before the end, so that no call meets it. */
const EARLY_MS = 30_000;
const SCOPES_MAX = 100;
const OFFLINE = "offline_access";

interface Pending {
  readonly state: string;
  readonly verifier: string;
  readonly untilMs: number;
  readonly issuer: Issuer;
  readonly login: Login;
}

export function openOAuth(parts: OAuthParts): OAuthClient {
  return new ServerLogin(parts);
}

/** Owns what is under way: one link, one renewal, one reading of the sealed login. */
class ServerLogin implements OAuthClient {
  readonly #parts: OAuthParts;
  readonly #isLocal: boolean;
  #login: Promise<Login | null> | null = null;
  #pending: Pending | null = null;
  #renewing: Promise<Login | null> | null = null;
  /** Came by a renewal, and no server has taken it yet. */
  #untried: string | null = null;
  #challenge: AuthChallenge | null = null;

  constructor(parts: OAuthParts) {
    this.#parts = parts;
    this.#isLocal = isLoopback(new URL(parts.serverUrl).hostname);
  }

  async token(): Promise<string | null> {
    const login = await this.#current();
    const { tokens = null } = login ?? {};
    if (login === null || tokens === null) return null;
    if (tokens.expiresAtMs === null || tokens.expiresAtMs - EARLY_MS > this.#parts.nowMs()) return tokens.access;
    return (await this.#renew(login))?.tokens?.access ?? null;
  }

  async refused(challenge: AuthChallenge, used: string | null): Promise<boolean> {
    const login = await this.#current();
    const access = login?.tokens?.access ?? null;
    if (access !== null && access !== used) return true;
    if (challenge.status === 401 && login !== null && used !== null && used !== this.#untried) {
      if ((await this.#renew(login)) !== null) return true;
    }
    this.#challenge = challenge;
    return false;
  }

  needsLogin(): "login" | "more rights" | null {
    if (this.#challenge === null) return null;
    return this.#challenge.status === 403 ? "more rights" : "login";
  }

  isPending(state: string): boolean {
    return this.#pending?.state === state;
  }

  hasLink(): boolean {
    return this.#pending !== null;
  }

  async forget(): Promise<void> {
    this.#pending = null;
    this.#challenge = null;
    this.#login = Promise.resolve(null);
    await this.#parts.storage.remove();
  }

  async begin(): Promise<LoginStart> {
    const { http, serverUrl } = this.#parts;
    const settings = this.#parts.settings();
    this.#pending = null;
    const known = await this.#current();
    const resource = await findResource(http, serverUrl, this.#challenge?.resourceMetadata ?? null);
    if (settings.issuer !== null && settings.issuer !== resource.issuer) throw otherIssuer(resource.issuer, settings);
    const how = { isLocal: this.#isLocal, isPublished: resource.isPublished };
    const issuer = await findIssuer(http, resource.issuer, how);
    const redirectUri = this.#parts.redirectUri();
    const before = known?.issuer === issuer.issuer ? known : null;
    const client = await this.#clientAt(issuer, { before, known, redirectUri });
    const scopes = this.#scopesFor(resource, issuer, before);
    const { tokenEndpoint } = issuer;
    const login: Login = {
      serverUrl,
      resource: resource.resource,
      issuer: issuer.issuer,
      tokenEndpoint,
      client,
      redirectUri,
      scopes,
      tokens: null,
    };
    const [state, verifier] = [this.#random(), this.#random()];
    this.#pending = { state, verifier, issuer, login, untilMs: this.#parts.nowMs() + LINK_LIFE_MS };
    return { url: linkOf(this.#pending), issuer: issuer.issuer, scopes };
  }

  async finish(redirected: string): Promise<void> {
    const pending = this.#pending;
    const params = URL.parse(redirected)?.searchParams;
    const state = params?.get("state") ?? "";
    if (pending === null || params === undefined || !isSame(state, pending.state)) {
      const next = "Log in once more and use the newest link.";
      throw new Fault("oauth.link", { message: "this answer belongs to no login that is under way.", next });
    }
    this.#pending = null;
    if (pending.untilMs < this.#parts.nowMs()) {
      throw new Fault("oauth.link", { message: "the link is older than ten minutes.", next: "Log in once more." });
    }
    checkIssuer(pending.issuer, params.getAll("iss"));
    const code = codeIn(params, pending.issuer.issuer);
    const { login, verifier } = pending;
    const { redirectUri, resource, client, tokenEndpoint } = login;
    const grant = {
      grant_type: "authorization_code",
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
      resource,
    };
    const nowMs = this.#parts.nowMs();
    const { scope, ...tokens } = await askForTokens(this.#parts.http, { tokenEndpoint, client, grant, nowMs });
    const scopes = [...new Set([...login.scopes, ...scopesIn(scope)])].slice(0, SCOPES_MAX);
    await this.#keep({ ...login, scopes, tokens });
    this.#challenge = null;
    this.#untried = null;
  }

  #current(): Promise<Login | null> {
    return (this.#login ??= this.#load());
  }

  async #load(): Promise<Login | null> {
    return readLogin(await this.#parts.storage.load(), this.#parts.serverUrl);
  }

  async #keep(login: Login): Promise<void> {
    await this.#parts.storage.save(loginText(login));
    this.#login = Promise.resolve(login);
  }

  /** One at a time: a rotated token works only once. Null: the owner must log in. */
  #renew(login: Login): Promise<Login | null> {
    return (this.#renewing ??= this.#renewOnce(login).finally(() => (this.#renewing = null)));
  }

  async #renewOnce(login: Login): Promise<Login | null> {
    const refresh = login.tokens?.refresh ?? null;
    if (refresh === null) return null;
    const { http, nowMs } = this.#parts;
    const { tokenEndpoint, client, resource } = login;
    const grant = { grant_type: "refresh_token", refresh_token: refresh, resource };
    try {
      const { scope: _scope, ...tokens } = await askForTokens(http, { tokenEndpoint, client, grant, nowMs: nowMs() });
      const renewed = { ...login, tokens: { ...tokens, refresh: tokens.refresh ?? refresh } };
      await this.#keep(renewed);
      this.#untried = tokens.access;
      return renewed;
    } catch (error) {
      // A refusal is final: the token is void. Anything else may pass, and the token is kept for the next try.
      if (refusalCode(error) === null) throw error;
      await this.#keep({ ...login, tokens: null });
      return null;
    }
  }

  async #clientAt(
    issuer: Issuer,
    how: { readonly before: Login | null; readonly known: Login | null; readonly redirectUri: string },
  ): Promise<OAuthClientId> {
    const { http } = this.#parts;
    const settings = this.#parts.settings();
    if (settings.clientId !== null) {
      // The owner's secret goes to the issuer it was made at, and to no other that the server may name later.
      if (how.known !== null && how.before === null && settings.issuer === null) {
        throw otherIssuer(issuer.issuer, { issuer: how.known.issuer });
      }
      const secret = await settings.clientSecret();
      return { id: settings.clientId, secret, method: methodFor(issuer, secret) ?? "none" };
    }
    if (issuer.takesMetadataUrl && settings.metadataUrl !== null) {
      return { id: settings.metadataUrl, secret: null, method: "none" };
    }
    const { before, redirectUri } = how;
    if (before !== null && before.redirectUri === redirectUri && before.client.id !== settings.metadataUrl) {
      return before.client;
    }
    const { registrationEndpoint } = issuer;
    if (registrationEndpoint !== null) return register(http, { ...issuer, registrationEndpoint }, redirectUri);
    throw new Fault("oauth.client", {
      message: `${oneLine(issuer.issuer, 200)} does not register programs by itself.`,
      next: `Make a client there for the address ${redirectUri}, and write oauth: { client: ID } in stack.yaml.`,
    });
  }

  /** What the refusal asked for, else what the resource names, else none. More rights come on top of those before. */
  #scopesFor(resource: ProtectedResource, issuer: Issuer, before: Login | null): readonly string[] {
    const settings = this.#parts.settings();
    const asked = scopesIn(this.#challenge?.scope ?? null);
    const suggested = settings.scopes ?? (asked.length > 0 ? asked : resource.scopes);
    const isMore = this.#challenge?.status === 403;
    const wanted = new Set([...(isMore ? (before?.scopes ?? []) : []), ...suggested, ...(isMore ? asked : [])]);
    // Refresh tokens are given for it alone at some issuers; by itself it would narrow what is asked for.
    if (wanted.size > 0 && issuer.scopes.includes(OFFLINE)) wanted.add(OFFLINE);
    return [...wanted].slice(0, SCOPES_MAX);
  }

  #random(): string {
    return Buffer.from(this.#parts.randomBytes(32)).toString("base64url");
  }
}

function linkOf({ state, verifier, issuer, login }: Pending): string {
  const url = new URL(issuer.authorizationEndpoint);
  const { client, redirectUri, resource, scopes } = login;
  const params = {
    response_type: "code",
    client_id: client.id,
    redirect_uri: redirectUri,
    state,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    resource,
    ...(scopes.length === 0 ? {} : { scope: scopes.join(" ") }),
    // OpenID Connect, 11: without it the scope is passed over.
    ...(scopes.includes(OFFLINE) ? { prompt: "consent" } : {}),
  };
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
  return url.href;
}

/** Letter by letter (RFC 9207, 2.4): otherwise a code could be carried to another issuer. */
function checkIssuer(issuer: Issuer, named: readonly string[]): void {
  const [iss] = named;
  const isRight = iss === undefined ? !issuer.namesItself : named.length === 1 && iss === issuer.issuer;
  if (isRight) return;
  const who = iss === undefined ? "nobody" : `'${oneLine(iss, 200)}'`;
  throw new Fault("oauth.issuer", {
    message: `the answer comes from ${who}, not from ${oneLine(issuer.issuer, 200)}; nothing was given away.`,
    next: "Log in once more; if it stays so, do not use this server.",
  });
}

function codeIn(params: URLSearchParams, issuer: string): string {
  const code = params.get("code");
  if (code !== null && code !== "" && !params.has("error")) return code;
  const error = oneLine(params.get("error") ?? "no code came", 60);
  const more = params.get("error_description");
  const said = more === null ? error : `${error}: ${oneLine(more, 200)}`;
  throw new Fault("oauth.refused", { message: `${oneLine(issuer, 200)} refused (${said}).`, next: "Log in again." });
}

function scopesIn(text: string | null): readonly string[] {
  return (text ?? "").split(" ").filter((scope) => /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/.test(scope));
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function otherIssuer(found: string, settings: { readonly issuer: string | null }): Fault {
  return new Fault("oauth.issuer", {
    message: `the server now names ${oneLine(found, 200)} to sign in, not ${oneLine(settings.issuer ?? "", 200)}.`,
    next: "If that is right, write the new one to oauth.issuer in stack.yaml.",
  });
}
