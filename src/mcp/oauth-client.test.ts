import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test, type TestContext } from "node:test";
import { Fault } from "../kernel/index.ts";
import { startGuardedServer, type GuardedServer } from "../../tests/fixtures/guarded-server.ts";
import { openOAuth, type OAuthClient, type OAuthParts, type OAuthSettings } from "./oauth-client.ts";

function isFault(code: string): (error: unknown) => boolean {
  return (error) => error instanceof Fault && error.code === code;
}

const REDIRECT = "http://127.0.0.1:7717/oauth/callback";
const PLAIN: OAuthSettings = {
  clientId: null,
  clientSecret: async () => null,
  metadataUrl: null,
  issuer: null,
  scopes: null,
};
const REFUSED = {
  status: 401,
  error: null,
  scope: null,
  resourceMetadata: null,
} as const;

interface World {
  readonly server: GuardedServer;
  readonly sealed: Map<string, string>;
  readonly reached: string[];
  now: number;
  readonly open: (more?: Partial<OAuthParts>, settings?: Partial<OAuthSettings>) => OAuthClient;
}

async function world(t: TestContext): Promise<World> {
  const server = await startGuardedServer(t);
  const sealed = new Map<string, string>();
  const reached: string[] = [];
  const made: World = {
    server,
    sealed,
    reached,
    now: 1_000_000,
    open: (more, settings) =>
      openOAuth({
        serverUrl: server.url,
        redirectUri: () => REDIRECT,
        settings: () => ({ ...PLAIN, ...settings }),
        http: {
          async permit({ host, port }) {
            reached.push(`${host}:${port}`);
            return true;
          },
          resolve: async (host) => host,
        },
        storage: {
          load: async () => sealed.get("login") ?? null,
          save: async (text) => void sealed.set("login", text),
          remove: async () => void sealed.delete("login"),
        },
        nowMs: () => made.now,
        randomBytes: (count) => randomBytes(count),
        ...more,
      }),
  };
  return made;
}

async function logIn(oauth: OAuthClient, server: GuardedServer): Promise<void> {
  await oauth.finish(await server.browse((await oauth.begin()).url));
}

test("a login gives a token for this server, which is there after a restart", async (t) => {
  const { server, open, reached } = await world(t);
  const oauth = open();
  assert.equal(await oauth.token(), null);
  const { url, issuer } = await oauth.begin();
  assert.equal(issuer, server.origin);
  const link = new URL(url).searchParams;
  assert.equal(link.get("code_challenge_method"), "S256");
  assert.equal(link.get("resource"), server.url);
  await oauth.finish(await server.browse(url));
  const token = await oauth.token();
  assert.ok(token !== null && server.tokens.includes(token));
  assert.equal(await open().token(), token);
  assert.ok(reached.length > 0 && reached.every((host) => host === new URL(server.url).host));
});

test("a login is of no use for another address of the server", async (t) => {
  const { server, open } = await world(t);
  await logIn(open(), server);
  assert.equal(await open({ serverUrl: `${server.origin}/other` }).token(), null);
});

test("a token that is about to end is renewed once for all who wait, and the rotated one is kept", async (t) => {
  const made = await world(t);
  const { server, open } = made;
  const oauth = open();
  await logIn(oauth, server);
  made.now += 3_590_000;
  const tokens = await Promise.all([oauth.token(), oauth.token(), oauth.token()]);
  assert.equal(new Set(tokens).size, 1);
  assert.equal(server.asked.filter(({ form }) => form.get("grant_type") === "refresh_token").length, 1);
  made.now += 3_590_000;
  assert.notEqual(await open().token(), tokens[0]);
});

test("a refused token is renewed; one that is refused again needs the owner, not a loop", async (t) => {
  const { server, open } = await world(t);
  const oauth = open();
  await logIn(oauth, server);
  const first = await oauth.token();
  assert.equal(await oauth.refused(REFUSED, first), true);
  const second = await oauth.token();
  assert.notEqual(second, first);
  assert.equal(await oauth.refused(REFUSED, first), true, "somebody renewed it meanwhile");
  assert.equal(await oauth.refused(REFUSED, second), false);
  assert.equal(oauth.needsLogin(), "login");
  await logIn(oauth, server);
  assert.equal(oauth.needsLogin(), null);
});

test("a refresh token that the issuer voided is forgotten; one that could not be used is kept", async (t) => {
  const made = await world(t);
  const { server, open } = made;
  const oauth = open();
  await logIn(oauth, server);
  const before = made.sealed.get("login");
  made.now += 3_600_000;
  const down = open({ http: { permit: async () => false, resolve: async (host) => host } });
  await assert.rejects(down.token(), isFault("oauth.unreachable"));
  assert.equal(made.sealed.get("login"), before);
  server.revoke();
  assert.equal(await oauth.token(), null);
  assert.equal(made.sealed.get("login")?.includes("refresh-"), false);
});

test("more rights are asked for on top of those before", async (t) => {
  const { server, open } = await world(t);
  const oauth = open();
  await oauth.refused({ ...REFUSED, scope: "look" }, null);
  await logIn(oauth, server);
  assert.equal(await oauth.refused({ ...REFUSED, status: 403, scope: "write" }, await oauth.token()), false);
  assert.equal(oauth.needsLogin(), "more rights");
  assert.deepEqual((await oauth.begin()).scopes, ["look", "write"]);
});

test("the owner's own client is used, its secret only at the issuer it was first used at", async (t) => {
  const { server, open } = await world(t);
  const settings = { clientId: "mine", clientSecret: async () => "my secret" };
  server.lies.issuer = { token_endpoint_auth_methods_supported: ["client_secret_basic"] };
  await logIn(open({}, settings), server);
  const { authorization } = server.asked.findLast(({ path }) => path === "/token") ?? {};
  assert.equal(authorization, `Basic ${Buffer.from("mine:my%20secret").toString("base64")}`);
  server.lies.resource = { authorization_servers: [`${server.origin}/other`] };
  server.lies.issuer = { issuer: `${server.origin}/other` };
  await assert.rejects(open({}, settings).begin(), isFault("oauth.issuer"));
  await assert.rejects(open({}, { issuer: "https://login.example" }).begin(), isFault("oauth.issuer"));
});

test("a link works once, for ten minutes, and only the newest one", async (t) => {
  const made = await world(t);
  const { server, open } = made;
  const oauth = open();
  const old = await server.browse((await oauth.begin()).url);
  const back = await server.browse((await oauth.begin()).url);
  await assert.rejects(oauth.finish(old), isFault("oauth.link"));
  await oauth.finish(back);
  await assert.rejects(oauth.finish(back), isFault("oauth.link"));
  const late = await server.browse((await oauth.begin()).url);
  made.now += 601_000;
  await assert.rejects(oauth.finish(late), isFault("oauth.link"));
  for (const odd of ["", "http://127.0.0.1/", "no address"])
    await assert.rejects(oauth.finish(odd), isFault("oauth.link"));
});

const LIES: readonly (readonly [string, string, (server: GuardedServer) => void])[] = [
  [
    "metadata for another server",
    "oauth.resource",
    (s) => (s.lies.resource = { resource: "https://evil.example/mcp" }),
  ],
  ["metadata for a path below", "oauth.resource", (s) => (s.lies.resource = { resource: `${s.origin}/mcp/deeper` })],
  [
    "an issuer without https",
    "oauth.issuer",
    (s) => (s.lies.resource = { authorization_servers: ["http://a.example"] }),
  ],
  ["no issuer at all", "oauth.issuer", (s) => (s.lies.resource = { authorization_servers: [] })],
  ["metadata of another issuer", "oauth.issuer", (s) => (s.lies.issuer = { issuer: `${s.origin}/` })],
  ["no PKCE", "oauth.issuer", (s) => (s.lies.issuer = { code_challenge_methods_supported: ["plain"] })],
  ["a token endpoint without https", "oauth.issuer", (s) => (s.lies.issuer = { token_endpoint: "http://a.example/" })],
  ["nowhere to register", "oauth.client", (s) => (s.lies.issuer = { registration_endpoint: null })],
];
for (const [what, code, lie] of LIES) {
  test(`no link is made for a server with ${what}`, async (t) => {
    const { server, open } = await world(t);
    lie(server);
    await assert.rejects(open().begin(), isFault(code));
    assert.equal(
      server.asked.some(({ path }) => path === "/token"),
      false,
    );
  });
}

const ANSWERS: readonly (readonly [string, string, Record<string, string>])[] = [
  ["from another issuer", "oauth.issuer", { iss: "https://evil.example" }],
  ["from almost the issuer", "oauth.issuer", { iss: "http://127.0.0.1/" }],
  ["with a refusal", "oauth.refused", { error: "access_denied", error_description: "no\u001b[31m" }],
  ["with another state", "oauth.link", { state: "guessed" }],
];
for (const [what, code, back] of ANSWERS) {
  test(`no code is given away for an answer ${what}`, async (t) => {
    const { server, open } = await world(t);
    server.lies.back = back;
    const oauth = open();
    const { url } = await oauth.begin();
    await assert.rejects(oauth.finish(await server.browse(url)), isFault(code));
    assert.equal(
      server.asked.some(({ path }) => path === "/token"),
      false,
    );
    assert.equal(await oauth.token(), null);
  });
}

test("a token of another kind, or none, is not taken", async (t) => {
  const { server, open } = await world(t);
  for (const token of [{ access_token: "a", token_type: "DPoP" }, { token_type: "bearer" }, { access_token: "a\nb" }]) {
    server.lies.token = token;
    const oauth = open();
    await assert.rejects(logIn(oauth, server), isFault("oauth.refused"));
    assert.equal(await oauth.token(), null);
  }
});

test("a sealed login that is damaged or of another form is none", async (t) => {
  const { server, open, sealed } = await world(t);
  await logIn(open(), server);
  const whole = sealed.get("login") ?? "";
  for (const text of ["", "{", "[]", whole.slice(1), whole.replace('"version":1', '"version":2'), '{"version":1}']) {
    sealed.set("login", text);
    assert.equal(await open().token(), null, text);
  }
});
