// How programs that come from elsewhere reach the gateway: its public address, and who issues tokens for it.

import type { JsonObject } from "../kernel/index.ts";
import { same, type Change } from "./diff-parts.ts";
import { HTTPS_ADDRESS, SCOPE } from "./oauth.ts";
import * as read from "./reading.ts";
import type { Fields, SourceNode } from "./reading.ts";
import type { Stack, StackClient, StackRemote } from "./types.ts";

export type RemoteClient = Pick<StackClient, "subject" | "clientId">;

const PUBLIC_ADDRESS = {
  pattern: /^https:\/\/[a-z0-9][a-z0-9.-]{0,252}(?::\d{1,5})?\/mcp$/,
  expected: "the public address of the gateway in lower case, such as https://freehold.example.org/mcp",
} as const;
const CLAIM = { pattern: /^[\x21-\x7e]{1,512}$/, expected: "one word as the issuer writes it in its tokens" } as const;

export function remoteOf(node: SourceNode): StackRemote {
  const remote = read.fields(node, { required: ["url", "issuer"], optional: ["audience", "scopes"] });
  const url = read.textOf(remote.need("url"), PUBLIC_ADDRESS);
  if (PUBLIC_ADDRESS.pattern.test(url) && URL.parse(url)?.href !== url) {
    const message = `'remote.url' must be ${PUBLIC_ADDRESS.expected}, without the port that https has anyway.`;
    read.report(remote.need("url"), { code: "bad-value", message });
  }
  return {
    url,
    issuer: read.textOf(remote.need("issuer"), HTTPS_ADDRESS),
    audience: read.maybe(remote.get("audience"), url, (audience) => read.textOf(audience, CLAIM)),
    scopes: read.maybe(remote.get("scopes"), NONE, (scopes) => read.setOf(scopes, SCOPE)),
  };
}

const NONE: readonly string[] = [];

export function remoteClientOf(client: Fields): RemoteClient {
  const node = client.get("clientId");
  if (node !== undefined && client.get("subject") === undefined) {
    const message = `${read.nameOf(node)} narrows a 'subject', and there is none.`;
    read.report(node, { code: "bad-value", message, next: "Write the 'sub' of its tokens as 'subject' beside it." });
  }
  return {
    subject: read.maybe(client.get("subject"), null, (claim) => read.textOf(claim, CLAIM)),
    clientId: read.maybe(node, null, (claim) => read.textOf(claim, CLAIM)),
  };
}

/** One token must never be two clients: the tighter of the two would be as wide as the other. */
export function reportRemoteClients(top: Fields, { clients, remote }: Stack): void {
  const nodes = top.get("clients")?.content;
  if (nodes === undefined || !read.isMap(nodes)) return;
  const before: [string, StackClient][] = [];
  for (const [name, node] of nodes) {
    const client = clients[name];
    if (client === undefined || client.subject === null) continue;
    if (remote === null) {
      const message = `client '${read.short(name)}' has a 'subject', but nothing says who issues its tokens.`;
      read.report(node, { code: "bad-value", message, next: "Declare remote: { url: …, issuer: … }." });
    }
    const [twin] = before.find(([, other]) => isOneToken(client, other)) ?? [];
    if (twin !== undefined) {
      const message = `clients '${read.short(twin)}' and '${read.short(name)}' could be one and the same token.`;
      read.report(node, { code: "bad-value", message, next: "Give both a 'clientId' of their own, or drop one." });
    }
    before.push([name, client]);
  }
}

function isOneToken(one: RemoteClient, other: RemoteClient): boolean {
  if (one.subject !== other.subject) return false;
  return one.clientId === null || other.clientId === null || one.clientId === other.clientId;
}

export function diffRemote(was: StackRemote | null, is: StackRemote | null): readonly Omit<Change, "file">[] {
  if (same(was, is)) return [];
  if (is === null) return [{ kind: "removed", what: "no program reaches the gateway from elsewhere", wider: false }];
  const audience = is.audience === is.url ? "" : `, made out to ${is.audience}`;
  const scopes = is.scopes.length === 0 ? "" : `, with the rights ${is.scopes.join(" ")}`;
  const what = `programs reach the gateway as ${is.url} with tokens of ${is.issuer}${audience}${scopes}`;
  return [{ kind: was === null ? "added" : "changed", what, wider: true }];
}

/** Empty for a client that comes with its own token alone. */
export function remoteClientText({ subject, clientId }: RemoteClient): string {
  if (subject === null) return "";
  return `comes from elsewhere as ${subject}${clientId === null ? "" : ` by ${clientId}`}`;
}

export function remoteSchema(): JsonObject {
  return {
    type: "object",
    description: "For programs that come from elsewhere, through a proxy of yours.",
    additionalProperties: false,
    required: ["url", "issuer"],
    properties: {
      url: { type: "string", pattern: PUBLIC_ADDRESS.pattern.source, description: "Where they reach the gateway." },
      issuer: { type: "string", pattern: HTTPS_ADDRESS.pattern.source, description: "Who issues their tokens." },
      audience: {
        type: "string",
        pattern: CLAIM.pattern.source,
        description: "What tokens must be for; else the url.",
      },
      scopes: {
        type: "array",
        items: { type: "string", pattern: SCOPE.pattern.source },
        uniqueItems: true,
        description: "Rights that a token must have, all of them.",
      },
    },
  };
}

export function remoteClientSchema(): JsonObject {
  return {
    subject: { type: "string", pattern: CLAIM.pattern.source, description: "The 'sub' of its tokens." },
    clientId: { type: "string", pattern: CLAIM.pattern.source, description: "The 'client_id' of its tokens." },
  };
}
