// Clients from elsewhere through the whole product: the way in, every refusal, and their end.

import assert from "node:assert/strict";
import { createHash, createHmac, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { isObject, textAt, type JsonObject } from "../../src/kernel/index.ts";
import { addClient, addRogues, makeHome, rpc, type TestDaemon, type TestHome } from "../fixtures/daemon.ts";

const HOST = "freehold.example.org";
const URL_OF_GATEWAY = `https://${HOST}/mcp`;
const METADATA = `https://${HOST}/.well-known/oauth-protected-resource/mcp`;

/** Signs with ES256; `jwt` makes any token, the rest is the flow of an authorization code with PKCE. */
class Issuer {
  readonly origin: string;
  readonly #pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  readonly #codes = new Map<string, string>();
  readonly asked: string[] = [];
  readonly given: string[] = [];

  constructor(origin: string) {
    this.origin = origin;
  }

  jwt(claims: JsonObject = {}, header: JsonObject = {}): string {
    const now = Math.floor(Date.now() / 1000);
    const usual = { iss: this.origin, aud: URL_OF_GATEWAY, client_id: "app", exp: now + 600, scope: "tools" };
    const body = Object.fromEntries(Object.entries({ ...usual, sub: "ada", ...claims }));
    const text = [{ alg: "ES256", typ: "at+jwt", kid: "one", ...header }, body].map((part) => encoded(part)).join(".");
    const key = { key: this.#pair.privateKey, dsaEncoding: "ieee-p1363" } as const;
    const token = `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
    this.given.push(token);
    return token;
  }

  hs256(): string {
    const [, body = ""] = this.jwt().split(".");
    const text = `${encoded({ alg: "HS256", typ: "at+jwt", kid: "one" })}.${body}`;
    const pem = this.#pair.publicKey.export({ type: "spki", format: "pem" });
    return `${text}.${createHmac("sha256", pem).update(text).digest("base64url")}`;
  }

  answer(url: URL, form: URLSearchParams): { status: number; body?: JsonObject; location?: string } {
    this.asked.push(url.pathname);
    const { origin } = this;
    switch (url.pathname) {
      case "/.well-known/oauth-authorization-server":
        return {
          status: 200,
          body: {
            issuer: origin,
            authorization_endpoint: `${origin}/authorize`,
            token_endpoint: `${origin}/token`,
            jwks_uri: `${origin}/keys`,
            response_types_supported: ["code"],
            code_challenge_methods_supported: ["S256"],
          },
        };
      case "/keys": {
        const jwk = Object.fromEntries(Object.entries(this.#pair.publicKey.export({ format: "jwk" }))) as JsonObject;
        return { status: 200, body: { keys: [{ ...jwk, kid: "one", use: "sig" }] } };
      }
      case "/authorize": {
        const code = randomUUID();
        const { searchParams } = url;
        this.#codes.set(code, `${searchParams.get("code_challenge")} ${searchParams.get("resource")}`);
        const back = new URL(searchParams.get("redirect_uri") ?? origin);
        back.searchParams.set("code", code);
        return { status: 302, location: back.href };
      }
      case "/token": {
        const [challenge, resource] = (this.#codes.get(form.get("code") ?? "") ?? "").split(" ");
        const proof = createHash("sha256")
          .update(form.get("code_verifier") ?? "")
          .digest("base64url");
        if (challenge !== proof) return { status: 400, body: { error: "invalid_grant" } };
        const token = this.jwt({ aud: resource ?? "", client_id: form.get("client_id") ?? "" });
        return { status: 200, body: { access_token: token, token_type: "Bearer", expires_in: 600 } };
      }
      default:
        return { status: 404 };
    }
  }
}

function encoded(value: JsonObject): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

async function startIssuer(t: TestContext): Promise<Issuer> {
  const http = createServer();
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => {
    http.close();
    http.closeAllConnections();
  });
  const address = http.address();
  const issuer = new Issuer(`http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`);
  http.on("request", (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.once("end", () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      const { status, body = {}, location } = issuer.answer(new URL(request.url ?? "/", issuer.origin), form);
      response.writeHead(status, {
        "content-type": "application/json",
        ...(location === undefined ? {} : { location }),
      });
      response.end(JSON.stringify(body));
    });
  });
  return issuer;
}

interface World {
  readonly home: TestHome;
  readonly daemon: TestDaemon;
  readonly issuer: Issuer;
}

async function world(t: TestContext, more = ""): Promise<World> {
  const issuer = await startIssuer(t);
  const home = makeHome(t);
  const daemon = await home.start();
  await addRogues(daemon, home.paths, [{ name: "rogue", folder: home.folder("rogue") }]);
  await addClient(daemon, "phone");
  await rewrite({ home, daemon }, (stack) => {
    const remote = `remote: { url: "${URL_OF_GATEWAY}", issuer: "${issuer.origin}"${more} }\n`;
    return withSubject(`${stack.trimEnd()}\n${remote}`);
  });
  return { home, daemon, issuer };
}

function withSubject(stack: string): string {
  const written = stack.replace(/(phone:\s*\{)/, "$1 subject: ada, clientId: app,");
  return written === stack
    ? stack.replace(/( +)phone:\n( +)/, "$1phone:\n$2subject: ada\n$2clientId: app\n$2")
    : written;
}

async function rewrite(
  { home, daemon }: Pick<World, "home" | "daemon">,
  edit: (stack: string) => string,
): Promise<void> {
  const file = join(home.paths.dir, "stack.yaml");
  writeFileSync(file, edit(readFileSync(file, "utf8")));
  const { digest } = await daemon.owner.call("plan", {});
  await daemon.owner.call("apply", { digest: digest ?? null });
}

interface Said {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingMessage["headers"];
}

interface Asked {
  readonly host?: string;
  readonly token?: string | null;
  readonly path?: string;
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** As the owner's reverse proxy passes it on. */
async function ask({ daemon }: Pick<World, "daemon">, asked: Asked): Promise<Said> {
  const { host = HOST, token = null, path = "/mcp", method = "POST" } = asked;
  const request = httpRequest(new URL(path, daemon.url), {
    method,
    agent: false,
    headers: {
      host,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...asked.headers,
    },
  });
  request.end(method === "POST" ? (asked.body ?? hello()) : undefined);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode ?? 0, text, headers: response.headers };
}

function hello(): string {
  const clientInfo = { name: "elsewhere", version: "1" };
  return rpc("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo });
}

async function call(given: World, session: string, token: string): Promise<Said> {
  const headers = { "mcp-session-id": session, "mcp-protocol-version": "2025-11-25" };
  return ask(given, { token, headers, body: rpc("tools/call", { name: "rogue__look", arguments: { path: "a" } }) });
}

test("a client from elsewhere is the client that its token's claims say, and its token goes nowhere", async (t) => {
  const given = await world(t);
  const { home, daemon, issuer } = given;
  let logged = "";
  daemon.child.stderr?.on("data", (chunk: Buffer) => (logged += chunk.toString()));
  const token = issuer.jwt();
  const opened = await ask(given, { token });
  assert.equal(opened.status, 200, opened.text);
  const session = String(opened.headers["mcp-session-id"]);
  const answer = await call(given, session, token);
  assert.equal(answer.status, 200);
  assert.doesNotMatch(answer.text, /isError":true/);
  const renewed = await call(given, session, issuer.jwt());
  assert.equal(renewed.status, 200, "the session outlives the token");

  const { entries } = await daemon.owner.call("ledger.tail", { limit: 1_000 });
  const all = Array.isArray(entries) ? entries.filter(isObject) : [];
  assert.ok(all.some((entry) => entry["principal"] === "client:phone"));
  const connections = all.filter(
    (entry) => entry["kind"] === "connection" && JSON.stringify(entry).includes("issuer-keys"),
  );
  assert.ok(connections.length >= 1 && connections.every((entry) => entry["principal"] === "freehold"));
  assert.equal(issuer.asked.filter((path) => path === "/keys").length, 1);

  assert.equal(await daemon.end(), 0);
  const texts = [logged, JSON.stringify(all), answer.text];
  for (const file of readdirSync(home.base, { recursive: true, withFileTypes: true })) {
    if (file.isFile()) texts.push(readFileSync(join(file.parentPath, file.name), "latin1"));
  }
  for (const secret of issuer.given) for (const text of texts) assert.equal(text.includes(secret), false);
});

test("whoever has no token of the issuer is told where to get one, and everything else is refused", async (t) => {
  const given = await world(t);
  const { daemon, issuer } = given;
  const now = Math.floor(Date.now() / 1000);
  const none = await ask(given, {});
  assert.equal(none.status, 401);
  assert.equal(none.headers["www-authenticate"], `Bearer resource_metadata="${METADATA}"`);
  const made = await daemon.owner.call("client.add", {
    name: "phone",
    compartments: ["personal"],
  });
  const refused: Readonly<Record<string, string>> = {
    "another audience": issuer.jwt({ aud: "https://other.example/mcp" }),
    "another issuer": issuer.jwt({ iss: "https://evil.example" }),
    "no algorithm": `${encoded({ alg: "none", typ: "at+jwt" })}.${issuer.jwt().split(".")[1]}.AAAA`,
    "the public key as a secret": issuer.hs256(),
    "its end": issuer.jwt({ exp: now - 60 }),
    "a start in the future": issuer.jwt({ nbf: now + 600 }),
    "an unknown key": issuer.jwt({}, { kid: "two" }),
    "a subject that is not declared": issuer.jwt({ ["sub"]: "eve" }),
    "a program that is not declared": issuer.jwt({ client_id: "other" }),
    "a client's own token, which is for this machine": textAt(made, "token") ?? "",
    "no token": "nonsense",
  };
  for (const [what, token] of Object.entries(refused)) {
    const { status, headers } = await ask(given, { token });
    assert.equal(status, 401, what);
    const said = String(headers["www-authenticate"]);
    assert.ok(said.startsWith(`Bearer resource_metadata="${METADATA}", error="invalid_token"`), `${what}: ${said}`);
  }
  const token = issuer.jwt();
  assert.equal((await ask(given, { token, host: "other.example.org" })).status, 403);
  assert.equal((await ask(given, { token, host: `${HOST}:8443` })).status, 403);
  assert.equal((await ask(given, { token, headers: { origin: "https://page.example" } })).status, 403);
  assert.equal((await ask(given, { token, path: `/mcp?access_token=${token}` })).status, 400);
  const here = await ask(given, { token, host: `127.0.0.1:${new URL(daemon.url).port}` });
  assert.equal(here.status, 401, "an access token is good at the public host alone");
  assert.equal(here.headers["www-authenticate"], 'Bearer realm="freehold"');
  for (const path of ["/", "/inbox", "/oauth/callback"]) {
    assert.notEqual(
      (await ask(given, { path, method: "GET" })).status,
      200,
      `the console is not for elsewhere: ${path}`,
    );
  }
  assert.equal((await ask(given, { token })).status, 200);
  assert.equal(issuer.asked.filter((path) => path === "/keys").length, 1);
});

test("the metadata says what the token must be for, where clients come from elsewhere, and only there", async (t) => {
  const given = await world(t, ", scopes: [tools, more]");
  const { issuer } = given;
  for (const path of ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"]) {
    const { status, text } = await ask(given, { path, method: "GET" });
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(text), {
      resource: URL_OF_GATEWAY,
      authorization_servers: [issuer.origin],
      scopes_supported: ["tools", "more"],
      bearer_methods_supported: ["header"],
      resource_name: "Freehold",
    });
    assert.equal((await ask(given, { path })).status, 405);
    assert.equal((await ask(given, { path, method: "GET", host: "other.example.org" })).status, 403);
  }
  const lacking = await ask(given, { token: issuer.jwt() });
  assert.equal(lacking.status, 403);
  const wanted = `Bearer resource_metadata="${METADATA}", error="insufficient_scope", scope="tools more"`;
  assert.equal(lacking.headers["www-authenticate"], wanted);
  assert.equal((await ask(given, { token: issuer.jwt({ scope: "more tools" }) })).status, 200);
  await rewrite(given, (stack) =>
    stack.replace(/^remote:.*\n/m, "").replace(/subject: ada,? ?|clientId: app,? ?/g, ""),
  );
  const path = "/.well-known/oauth-protected-resource";
  assert.equal((await ask(given, { path, method: "GET" })).status, 403);
  assert.equal((await ask(given, { path, method: "GET", host: "localhost" })).status, 404);
});

test("a client that the owner took out, and one under a stop, do nothing more", async (t) => {
  const given = await world(t);
  const { daemon, issuer } = given;
  const token = issuer.jwt();
  const session = String((await ask(given, { token })).headers["mcp-session-id"]);
  const listening = httpRequest(new URL("/mcp", daemon.url), {
    headers: { host: HOST, accept: "text/event-stream", authorization: `Bearer ${token}`, "mcp-session-id": session },
  });
  listening.end();
  const [stream] = (await once(listening, "response")) as [IncomingMessage];
  assert.equal(stream.statusCode, 200);
  const ended = once(stream.resume(), "end");
  await daemon.owner.call("stop", {});
  assert.match((await call(given, session, token)).text, /Denied \(C0\)/);
  await daemon.owner.call("resume", {});
  assert.doesNotMatch((await call(given, session, token)).text, /Denied/);
  const { digest } = await daemon.owner.call("client.remove", { name: "phone" });
  await daemon.owner.call("apply", { digest: digest ?? null });
  await ended;
  assert.equal((await call(given, session, token)).status, 401);
});

test("the official client finds the issuer by the metadata, signs in with PKCE, and calls a tool", async (t) => {
  const given = await world(t);
  const { daemon, issuer } = given;
  // What the owner's reverse proxy does, without its certificate.
  const proxied = async (address: string | URL, init?: RequestInit): Promise<Response> => {
    const url = new URL(address);
    if (url.host !== HOST) return fetch(url, init);
    const headers = Object.fromEntries(new Headers(init?.headers));
    const { body } = init ?? {};
    const sent = typeof body === "string" ? { body } : {};
    const said = await ask({ daemon }, { path: url.pathname, method: init?.method ?? "GET", headers, ...sent });
    const plain = Object.entries(said.headers).flatMap(([name, value]) =>
      typeof value === "string" ? [[name, value]] : [],
    );
    const isEmpty = [202, 204].includes(said.status);
    return new Response(isEmpty ? null : said.text, { status: said.status, headers: Object.fromEntries(plain) });
  };
  let verifier = "";
  let link: URL | null = null;
  let saved: Awaited<ReturnType<OAuthClientProvider["tokens"]>>;
  const authProvider: OAuthClientProvider = {
    redirectUrl: "http://127.0.0.1/back",
    clientMetadata: { redirect_uris: ["http://127.0.0.1/back"] },
    clientInformation: () => ({ client_id: "app" }),
    tokens: () => saved,
    saveTokens: (tokens) => void (saved = tokens),
    redirectToAuthorization: (url) => void (link = url),
    saveCodeVerifier: (text) => void (verifier = text),
    codeVerifier: () => verifier,
  };
  const transport = (): StreamableHTTPClientTransport =>
    new StreamableHTTPClientTransport(new URL(URL_OF_GATEWAY), { authProvider, fetch: proxied });
  const first = transport();
  await assert.rejects(new Client({ name: "official", version: "1" }).connect(first), /Unauthorized/);
  assert.ok(link !== null);
  const back = new URL((await fetch(link, { redirect: "manual" })).headers.get("location") ?? "");
  await first.finishAuth(back.searchParams.get("code") ?? "");
  const client = new Client({ name: "official", version: "1" });
  await client.connect(transport());
  const { tools } = await client.listTools();
  assert.ok(tools.some((tool) => tool.name === "rogue__look"));
  const result = await client.callTool({ name: "rogue__look", arguments: { path: "a" } });
  assert.notEqual(result.isError, true);
  assert.ok(issuer.asked.includes("/token"));
  await client.close();
});
