// How the owner is signed in at a remote server, where what the server itself says does not do.

import type { JsonObject } from "../kernel/index.ts";
import { same, type Change } from "./diff-parts.ts";
import { SECRET_REFERENCE } from "./names.ts";
import * as read from "./reading.ts";
import type { Fields, SourceNode } from "./reading.ts";
import type { StackOAuth } from "./types.ts";

const FIELDS = ["client", "secret", "document", "issuer", "scopes"];
const CLIENT_ID = { pattern: /^[\x21-\x7e]{1,512}$/, expected: "the id of a client made at the issuer" } as const;
/** Of this machine without it; never with a query, for what names an issuer is compared letter by letter. */
export const HTTPS_ADDRESS = {
  pattern: /^https:\/\/[^\s@#?"]{1,1000}$|^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?(?:\/[^\s@#?"]*)?$/,
  expected: "an address of https",
} as const;
export const SCOPE = { pattern: /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, expected: "a scope, one word" } as const;
export const NO_OAUTH: StackOAuth = { client: null, secret: null, document: null, issuer: null, scopes: null };

/** `secretOf` reads a reference to a secret. */
export function oauthOf(server: Fields, source: string | null, secretOf: (node: SourceNode) => string): StackOAuth {
  const node = server.get("oauth");
  if (node === undefined) return NO_OAUTH;
  const oauth = read.fields(node, { required: [], optional: FIELDS });
  const wrong = (message: string): void => read.report(node, { code: "bad-value", message });
  if (source === null || !/^https?:/.test(source)) wrong("'oauth' is for remote servers: this one runs here.");
  if (oauth.get("secret") !== undefined && oauth.get("client") === undefined) wrong("'secret' needs a 'client'.");
  if (oauth.get("client") !== undefined && oauth.get("document") !== undefined) {
    wrong("'client' and 'document' are two ways to be known. Keep one.");
  }
  return {
    client: read.maybe(oauth.get("client"), null, (client) => read.textOf(client, CLIENT_ID)),
    secret: read.maybe(oauth.get("secret"), null, secretOf),
    document: read.maybe(oauth.get("document"), null, (address) => read.textOf(address, HTTPS_ADDRESS)),
    issuer: read.maybe(oauth.get("issuer"), null, (address) => read.textOf(address, HTTPS_ADDRESS)),
    scopes: read.maybe(oauth.get("scopes"), null, (scopes) => read.setOf(scopes, SCOPE)),
  };
}

export function diffOAuth(server: string, was: StackOAuth, is: StackOAuth): readonly Omit<Change, "file">[] {
  if (same(was, is)) return [];
  const parts = [
    is.client === null ? "" : `as client ${is.client}`,
    is.secret === null ? "" : `with ${is.secret}`,
    is.document === null ? "" : `as ${is.document}`,
    is.issuer === null ? "" : `only at ${is.issuer}`,
    is.scopes === null ? "" : `for ${is.scopes.join(" ") || "no rights"}`,
  ].filter((part) => part !== "");
  const how = parts.length === 0 ? "as the server says" : parts.join(", ");
  return [{ kind: "changed", what: `${server} signs in ${how}`, wider: true }];
}

export function oauthSchema(): JsonObject {
  const address = { type: "string", pattern: HTTPS_ADDRESS.pattern.source };
  return {
    type: "object",
    description: "For a remote server that asks for a login; all of it may be left out.",
    additionalProperties: false,
    properties: {
      client: { type: "string", pattern: CLIENT_ID.pattern.source, description: "A client you made at the issuer." },
      secret: { type: "string", pattern: SECRET_REFERENCE.pattern.source, description: "That client's secret." },
      document: { ...address, description: "Where a document of yours describes this client." },
      issuer: { ...address, description: "The only one that may sign you in." },
      scopes: {
        type: "array",
        items: { type: "string", pattern: SCOPE.pattern.source },
        uniqueItems: true,
        description: "Rights to ask for, in place of those that the server suggests.",
      },
    },
  };
}
