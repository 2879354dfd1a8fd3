// The owner's logins at remote servers: a link to open, and what the browser brought back. Each end is in the ledger.

import type { IncomingMessage, ServerResponse } from "node:http";
import { Fault, oneLine, reasonOf, type JsonObject } from "../kernel/index.ts";
import type { Store } from "../store/index.ts";
import { maybeText, text } from "./input.ts";
import type { Operation, OperationContext } from "./operation.ts";
import type { PolicyState } from "./policy-state.ts";

export interface LoginParts {
  readonly store: Store;
  readonly policy: PolicyState;
  readonly logins: {
    begin(
      server: string,
      url: string,
    ): Promise<{ readonly url: string; readonly issuer: string; readonly scopes: readonly string[] }>;
    finish(redirected: string): Promise<string>;
    finished(server: string, signal: AbortSignal): Promise<boolean>;
    forget(server: string): Promise<void>;
  };
  /** After a change of the login: what runs with the old one ends. */
  loginChanged(server: string): Promise<void>;
}

export const LOGIN_PATH = "/oauth/callback";

export function loginOperations(parts: LoginParts): readonly Operation[] {
  const { logins } = parts;
  return [
    {
      name: "login.begin",
      needsOwner: true,
      async run(input) {
        const server = text(input, "server");
        const { url, issuer, scopes } = await logins.begin(server, addressOf(parts, server, maybeText(input, "url")));
        return { server, url, issuer, scopes };
      },
    },
    { name: "login.wait", needsOwner: true, run: (input, context) => waitFor(parts, text(input, "server"), context) },
    {
      name: "login.finish",
      needsOwner: true,
      run: async (input) => ({ server: await finishLogin(parts, text(input, "redirected")) }),
    },
    {
      name: "login.forget",
      needsOwner: true,
      async run(input) {
        const server = text(input, "server");
        await logins.forget(server);
        record(parts, `login of server ${server} forgotten`);
        await parts.loginChanged(server);
        return { server };
      },
    },
  ];
}

/** A server that is not accepted yet needs its address with it. */
function addressOf({ policy }: LoginParts, server: string, given: string | null): string {
  const source = policy.current().stack.servers[server]?.source ?? null;
  const address = source ?? given ?? "";
  const isRemote = /^https?:\/\//.test(address) && URL.canParse(address);
  if (isRemote && /^[a-z0-9][a-z0-9-]{0,30}$/.test(server)) return address;
  throw new Fault("login.server", {
    message: `'${oneLine(server, 60)}' is no remote server, so there is nowhere to log in.`,
    next: "freehold server login NAME https://… where it is not in your stack yet",
  });
}

async function waitFor({ logins }: LoginParts, server: string, { signal }: OperationContext): Promise<JsonObject> {
  return { server, isLoggedIn: await logins.finished(server, signal) };
}

async function finishLogin(parts: LoginParts, redirected: string): Promise<string> {
  const server = await parts.logins.finish(redirected);
  record(parts, `logged in at server ${server}`);
  await parts.loginChanged(server);
  return server;
}

function record({ store }: LoginParts, subject: string): void {
  store.ledger.append({ kind: "change", session: null, principal: "owner", subject, request: null, facts: {} });
}

/**
 * Where the browser comes back to. It proves nothing by itself: what it brings must name the state of the link that was
 * given to the owner, which works once.
 */
export function loginCallback(
  parts: LoginParts,
  hosts: () => readonly string[],
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const say = (status: number, message: string): void => {
      const headers = {
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
      };
      response.writeHead(status, headers).end(`${message}\n`);
    };
    const host = (request.headers.host ?? "").toLowerCase();
    if (request.method !== "GET" || !hosts().includes(host)) return say(403, "Not here.");
    finishLogin(parts, `http://${host}${request.url ?? ""}`).then(
      (server) => say(200, `You are logged in at ${server}. This page can be closed.`),
      (error: unknown) => say(400, error instanceof Fault ? error.line() : reasonOf(error)),
    );
  };
}
