// The owner's logins at remote servers: one OAuth client for each server and address, sealed under the server's name.
// Their connections are Freehold's own. What signs in for a public server is never looked for on the owner's network.

import { isIP } from "node:net";
import { Fault, oneLine, type Clock, type PermitConnection, type Random } from "../kernel/index.ts";
import type { StackOAuth } from "../manifest/index.ts";
import {
  isLoopback,
  LINK_LIFE_MS,
  openOAuth,
  type HttpAuthorization,
  type LoginStart,
  type OAuthClient,
  type OAuthSettings,
  type ResolveAddress,
} from "../mcp/index.ts";
import { addressOf, isPublic } from "../sandbox/index.ts";

/** Sealed values by the server's name. */
export interface Vault {
  get(name: string): Promise<string | null>;
  set(name: string, value: string): Promise<void>;
  remove(name: string): Promise<boolean>;
}

export interface LoginsParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly vault: Vault;
  /** As accepted; null where the stack says nothing. */
  settings(server: string): StackOAuth | null;
  secret(name: string): Promise<string | null>;
  redirectUri(): string;
  readonly permit: PermitConnection;
}

/** What only the owner can mend, as the server's last refusal said. */
export type NeededLogin = "login" | "more rights";

export interface Logins {
  /** The tokens of this server, for this address alone. */
  authorization(server: string, url: string): HttpAuthorization;
  /** Faults `oauth.*`. */
  begin(server: string, url: string): Promise<LoginStart>;
  /** By the whole address that the browser was sent back to; answers the server's name. Faults `oauth.*`. */
  finish(redirected: string): Promise<string>;
  needsLogin(server: string): NeededLogin | null;
  /** Resolves when no link of the server is open any more, with whether the owner is logged in then. */
  finished(server: string, signal: AbortSignal): Promise<boolean>;
  forget(server: string): Promise<void>;
}

interface Known {
  readonly url: string;
  readonly client: OAuthClient;
}

export function openLogins(parts: LoginsParts): Logins {
  const known = new Map<string, Known>();
  const waiting = new Map<string, Set<() => void>>();

  function clientOf(server: string, url: string): OAuthClient {
    const before = known.get(server);
    if (before?.url === url) return before.client;
    const client = openClient(parts, server, url);
    known.set(server, { url, client });
    return client;
  }

  function tell(server: string): void {
    for (const done of waiting.get(server) ?? []) done();
    waiting.delete(server);
  }

  async function nextEnd(server: string, signal: AbortSignal): Promise<void> {
    const done = Promise.withResolvers<void>();
    const all = waiting.get(server) ?? new Set();
    waiting.set(server, all.add(done.resolve));
    const timer = setTimeout(done.resolve, LINK_LIFE_MS);
    signal.addEventListener("abort", () => done.resolve(), { once: true });
    await done.promise;
    clearTimeout(timer);
    all.delete(done.resolve);
  }

  return {
    authorization: clientOf,
    begin: (server, url) => clientOf(server, url).begin(),
    async finish(redirected) {
      const state = URL.parse(redirected)?.searchParams.get("state") ?? "";
      const [server, one] = [...known].find(([, { client }]) => client.isPending(state)) ?? [];
      if (server === undefined || one === undefined) {
        const next = "Log in once more and use the newest link: freehold server login NAME";
        throw new Fault("oauth.link", { message: "this answer belongs to no login that is under way.", next });
      }
      try {
        await one.client.finish(redirected);
      } finally {
        tell(server);
      }
      return server;
    },
    needsLogin: (server) => known.get(server)?.client.needsLogin() ?? null,
    async finished(server, signal) {
      const client = known.get(server)?.client;
      if (client === undefined) return false;
      if (client.hasLink()) await nextEnd(server, signal);
      return (await client.token()) !== null;
    },
    async forget(server) {
      const one = known.get(server);
      known.delete(server);
      if (one === undefined) await parts.vault.remove(server);
      else await one.client.forget();
      tell(server);
    },
  };
}

/** `url` where the server is not in the stack yet. */
export function loginNeeded(asked: {
  readonly server: string;
  readonly needed: NeededLogin;
  readonly url: string | null;
  readonly cause: unknown;
}): Fault {
  const { server, needed, url, cause } = asked;
  const what = needed === "login" ? "asks you to log in" : "asks for more rights than your login has";
  const next = `freehold server login ${server}${url === null ? "" : ` ${url}`}`;
  return new Fault("server.login-needed", { message: `server '${server}' ${what}.`, next, cause });
}

function openClient(parts: LoginsParts, server: string, serverUrl: string): OAuthClient {
  const { vault, permit, clock, random } = parts;
  return openOAuth({
    serverUrl,
    redirectUri: () => parts.redirectUri(),
    settings: () => settingsOf(parts, server),
    http: { permit, resolve: addressFor(new URL(serverUrl).hostname) },
    storage: {
      load: () => vault.get(server),
      save: (text) => vault.set(server, text),
      async remove() {
        await vault.remove(server);
      },
    },
    nowMs: clock.nowMs,
    randomBytes: random.bytes,
  });
}

function settingsOf(parts: LoginsParts, server: string): OAuthSettings {
  const written = parts.settings(server);
  const secret = written?.secret?.replace(/^secret:/, "") ?? null;
  return {
    clientId: written?.client ?? null,
    clientSecret: () => (secret === null ? Promise.resolve(null) : secretOf(parts, secret)),
    metadataUrl: written?.document ?? null,
    issuer: written?.issuer ?? null,
    scopes: written?.scopes ?? null,
  };
}

async function secretOf(parts: LoginsParts, name: string): Promise<string> {
  const value = await parts.secret(name);
  if (value !== null) return value;
  const message = `the secret '${oneLine(name, 80)}' of this client is not set.`;
  throw new Fault("secret.absent", { message, next: `freehold secret set ${name}` });
}

/** A server names whom it likes; only one that is itself here or on the owner's network may name one there. */
export function addressFor(serverHost: string): ResolveAddress {
  const server = serverHost.replace(/^\[|\]$/g, "");
  if (isLoopback(serverHost) || (isIP(server) !== 0 && !isPublic(server))) return addressOf;
  return (host) => {
    const isNear = host === "localhost" || (isIP(host) !== 0 && !isPublic(host));
    if (!isNear) return addressOf(host);
    return Promise.reject(new Error(`${host} is on this machine or its network, where no public server signs in`));
  };
}
