import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { Fault } from "../kernel/index.ts";
import { startGuardedServer } from "../../tests/fixtures/guarded-server.ts";
import { openLogins, type Logins, type LoginsParts } from "./logins.ts";

function openFor(more: Partial<LoginsParts> = {}): { logins: Logins; sealed: Map<string, string>; reached: string[] } {
  const sealed = new Map<string, string>();
  const reached: string[] = [];
  const logins = openLogins({
    clock: { nowMs: () => 1_000_000 },
    random: { bytes: (count) => randomBytes(count) },
    vault: {
      get: async (name) => sealed.get(name) ?? null,
      set: async (name, value) => void sealed.set(name, value),
      remove: async (name) => sealed.delete(name),
    },
    settings: () => null,
    secret: async () => null,
    redirectUri: () => "http://127.0.0.1:7717/oauth/callback",
    async permit({ host }) {
      reached.push(host);
      return true;
    },
    ...more,
  });
  return { logins, sealed, reached };
}

const NEAR = ["https://127.0.0.1/mcp", "https://localhost/mcp", "https://[::1]/mcp", "https://169.254.169.254/mcp"];

test("a public server cannot lead a login to this machine or its network", async (t) => {
  const inside = await startGuardedServer(t);
  const { port } = new URL(inside.url);
  for (const near of ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254"]) {
    // What a public server would name is looked up with its own guard: here the hint of its refusal.
    const { logins } = openFor();
    const url = "https://192.0.2.7/mcp";
    const challenge = { status: 401, error: null, scope: null } as const;
    const authorization = logins.authorization("far", url);
    await authorization.refused({ ...challenge, resourceMetadata: `https://${near}:${port}/metadata` }, null);
    const error: unknown = await logins.begin("far", url).catch((reason: unknown) => reason);
    assert.ok(error instanceof Fault && error.code === "oauth.unreachable", near);
    assert.match(error.message, /on this machine or its network/, near);
  }
  assert.deepEqual(inside.asked, []);
});

test("a server on this machine may have its issuer there, and one that is stopped reaches nobody", async (t) => {
  const server = await startGuardedServer(t);
  const { logins, reached, sealed } = openFor();
  const { url } = await logins.begin("near", server.url);
  assert.equal(await logins.finish(await server.browse(url)), "near");
  assert.deepEqual([...new Set(reached)], ["127.0.0.1"]);
  assert.deepEqual([...sealed.keys()], ["near"]);
  const stopped = openFor({ permit: async () => false });
  await assert.rejects(stopped.logins.begin("near", server.url), { code: "oauth.unreachable" });
  for (const address of NEAR) await assert.rejects(stopped.logins.begin("a", address), { code: "oauth.unreachable" });
});

test("a changed address of a server finds no login, and a forgotten one is gone from the sealed place", async (t) => {
  const server = await startGuardedServer(t);
  const { logins, sealed } = openFor();
  await logins.finish(await server.browse((await logins.begin("near", server.url)).url));
  assert.notEqual(await logins.authorization("near", server.url).token(), null);
  assert.equal(await logins.authorization("near", `${server.url}/other`).token(), null);
  await logins.forget("near");
  assert.equal(sealed.size, 0);
  assert.equal(await logins.authorization("near", server.url).token(), null);
});

test("who waits for a login hears of its end, however it ends", async (t) => {
  const server = await startGuardedServer(t);
  const { logins } = openFor();
  const { signal } = new AbortController();
  assert.equal(await logins.finished("near", signal), false, "none is under way");
  const first = await logins.begin("near", server.url);
  const waiting = logins.finished("near", signal);
  server.lies.back = { iss: "https://evil.example" };
  await assert.rejects(logins.finish(await server.browse(first.url)), { code: "oauth.issuer" });
  assert.equal(await waiting, false);
  server.lies.back = {};
  const second = await logins.begin("near", server.url);
  const leaving = new AbortController();
  const left = logins.finished("near", leaving.signal);
  leaving.abort();
  assert.equal(await left, false);
  await logins.finish(await server.browse(second.url));
  assert.equal(await logins.finished("near", signal), true);
});

test("a client's secret that is not set is named before anything is sent", async (t) => {
  const server = await startGuardedServer(t);
  const settings = { client: "me", secret: "secret:me", document: null, issuer: null, scopes: null };
  const { logins } = openFor({ settings: () => settings });
  await assert.rejects(logins.begin("near", server.url), { code: "secret.absent", next: "freehold secret set me" });
  assert.equal(
    server.asked.some(({ path }) => path === "/token" || path === "/register"),
    false,
  );
});
