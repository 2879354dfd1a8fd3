// A login at a remote server through the whole product: the link, the browser's way back, the calls, and its end.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { connectControl } from "../../src/control/index.ts";
import { isObject, textAt, type JsonObject } from "../../src/kernel/index.ts";
import { addClient, makeHome, openMcp, type TestDaemon, type TestHome } from "../fixtures/daemon.ts";
import { startGuardedServer, type GuardedServer } from "../fixtures/guarded-server.ts";

interface World {
  readonly home: TestHome;
  readonly daemon: TestDaemon;
  readonly server: GuardedServer;
}

async function world(t: TestContext): Promise<World> {
  const server = await startGuardedServer(t);
  const home = makeHome(t);
  return { home, daemon: await home.start(), server };
}

function source(server: GuardedServer): JsonObject {
  return { name: "tracker", source: server.url, compartment: "personal" };
}

async function linkOf({ daemon, server }: World): Promise<string> {
  return textAt(await daemon.owner.call("login.begin", { server: "tracker", url: server.url }), "url") ?? "";
}

async function logIn(given: World): Promise<void> {
  const link = await linkOf(given);
  const waiting = given.daemon.owner.call("login.wait", { server: "tracker" });
  const back = await fetch(await given.server.browse(link));
  assert.equal(back.status, 200);
  assert.match(await back.text(), /You are logged in at tracker/);
  assert.deepEqual(await waiting, { server: "tracker", isLoggedIn: true });
}

async function accept({ home, daemon, server }: World): Promise<string> {
  await daemon.owner.call("server.add", source(server));
  const file = join(home.paths.cardsDir, "tracker.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace(/(\n {2}look:\n(?: {4}.*\n)*? {4}effect: )\S+/, "$1read"));
  return addClient(daemon, "shell");
}

async function stateOf(daemon: TestDaemon): Promise<string> {
  const { servers } = await daemon.owner.call("status", {});
  const row = (Array.isArray(servers) ? servers.filter(isObject) : [])[0] ?? {};
  return `${textAt(row, "state")}: ${textAt(row, "why")}`;
}

async function entriesOf(daemon: TestDaemon): Promise<readonly JsonObject[]> {
  const { entries } = await daemon.owner.call("ledger.tail", { limit: 1_000 });
  return Array.isArray(entries) ? entries.filter(isObject) : [];
}

test("a server that wants a login is added after it, called with it, and told no token to anybody", async (t) => {
  const given = await world(t);
  const { home, daemon, server } = given;
  let logged = "";
  daemon.child.stderr?.on("data", (chunk: Buffer) => (logged += chunk.toString()));
  await assert.rejects(daemon.owner.call("server.add", source(server)), {
    code: "server.login-needed",
    next: `freehold server login tracker ${server.url}`,
  });
  await logIn(given);
  const token = await accept(given);
  const client = await openMcp(daemon.url, token);
  const first = await client.call("tracker__look", { path: "a" });
  assert.match(first.text, /^seen, with Bearer /);
  assert.equal(first.isError, false);

  server.expire();
  const second = await client.call("tracker__look", { path: "b" });
  assert.equal(second.isError, false, "the token was renewed on the way");
  assert.ok(server.asked.some(({ form }) => form.get("grant_type") === "refresh_token"));
  assert.equal(
    server.asked.some(({ authorization }) => authorization?.includes(token)),
    false,
  );

  const entries = await entriesOf(daemon);
  const connections = entries.filter((entry) => entry["kind"] === "connection" && entry["principal"] === "freehold");
  assert.ok(
    connections.some((entry) => JSON.stringify(entry).includes('"login"')),
    JSON.stringify(entries),
  );
  assert.equal(await daemon.end(), 0);
  const texts = [first.text, second.text, logged, JSON.stringify(entries)];
  for (const file of readdirSync(home.paths.dir, { recursive: true, withFileTypes: true })) {
    if (file.isFile()) texts.push(readFileSync(join(file.parentPath, file.name), "latin1"));
  }
  for (const secret of server.tokens) for (const text of texts) assert.equal(text.includes(secret), false);

  const again = await home.start();
  const later = await openMcp(again.url, token);
  assert.equal((await later.call("tracker__look", { path: "c" })).isError, false, "the login outlives a restart");
});

test("an ended login shows as such, in the call and the status, until the owner logs in or forgets it", async (t) => {
  const given = await world(t);
  const { daemon, server } = given;
  await logIn(given);
  const client = await openMcp(daemon.url, await accept(given));
  await client.call("tracker__look", { path: "a" });
  server.revoke();
  const refused = await client.call("tracker__look", { path: "b" });
  assert.equal(refused.isError || refused.error !== null, true);
  assert.equal(await stateOf(daemon), "needs-login: freehold server login tracker");
  assert.equal(
    (await entriesOf(daemon)).some((entry) => entry["kind"] === "unknown"),
    false,
    "a refusal is an answer",
  );
  await logIn(given);
  assert.equal((await client.call("tracker__look", { path: "c" })).isError, false);
  await daemon.owner.call("login.forget", { server: "tracker" });
  assert.match((await client.call("tracker__look", { path: "d" })).text, /asks you to log in/);
});

test("more rights are asked for by a new link, which has those before too", async (t) => {
  const given = await world(t);
  const { daemon, server } = given;
  await logIn(given);
  const client = await openMcp(daemon.url, await accept(given));
  server.moreScope = "write";
  await client.call("tracker__look", { path: "a" });
  assert.match(await stateOf(daemon), /^needs-login/);
  assert.equal(new URL(await linkOf(given)).searchParams.get("scope"), "look write");
});

test("the way back takes nothing that does not belong to the owner's link", async (t) => {
  const given = await world(t);
  const { daemon, server } = given;
  const end = await server.browse(await linkOf(given));
  const tampered = new URL(end);
  tampered.searchParams.set("state", "guessed");
  assert.equal((await fetch(tampered)).status, 400);
  assert.equal((await fetch(end, { method: "POST" })).status, 403);
  assert.equal((await fetch(`${daemon.url}oauth/callback`)).status, 400);
  const stranger = await connectControl(given.home.paths.controlSocket);
  for (const op of ["login.begin", "login.finish", "login.wait", "login.forget"]) {
    await assert.rejects(stranger.call(op, { server: "tracker", url: server.url, redirected: end }), /only the owner/);
  }
  stranger.close();
  for (const input of [
    { server: "nothing" },
    { server: "../x", url: server.url },
    { server: "a", url: "npm:a@1.0.0" },
  ]) {
    await assert.rejects(daemon.owner.call("login.begin", input), { code: "login.server" });
  }
  assert.deepEqual(await daemon.owner.call("login.finish", { redirected: end }), { server: "tracker" });
  assert.equal((await fetch(end)).status, 400, "a link works once");
});

test("a server that takes a fixed token is added and called with the owner's secret in its header", async (t) => {
  const given = await world(t);
  const { daemon, server } = given;
  server.allow("fixed-token-of-the-owner", "look");
  await daemon.owner.call("secret.set", { name: "tracker", value: "Bearer fixed-token-of-the-owner" });
  const secrets = { Authorization: "secret:tracker" };
  await daemon.owner.call("server.add", { ...source(server), secrets });
  const file = join(given.home.paths.cardsDir, "tracker.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace(/(\n {2}look:\n(?: {4}.*\n)*? {4}effect: )\S+/, "$1read"));
  const client = await openMcp(daemon.url, await addClient(daemon, "shell"));
  const look = await client.call("tracker__look", { path: "a" });
  assert.equal(look.isError, false, look.text);
  assert.equal(look.text.includes("fixed-token"), false);
  assert.ok(
    server.asked.every(({ path }) => path === "/mcp"),
    "nobody looked for a login",
  );
});
