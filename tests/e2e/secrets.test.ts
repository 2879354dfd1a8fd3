// Secrets through the whole product: handed to a server, never seen again, and locked behind a passphrase.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { isObject, textAt, type JsonObject } from "../../src/kernel/index.ts";
import { addClient, makeHome, openMcp, ROGUE, rpc, post, type TestDaemon, type TestHome } from "../fixtures/daemon.ts";

const VALUE = "ghp_16C7e42F292c6912E7710c83";
const TRACES = [
  VALUE,
  VALUE.slice(9),
  ...(["base64", "hex"] as const).map((form) => Buffer.from(VALUE).toString(form)),
];

async function homeWithSecret(t: TestContext): Promise<{ home: TestHome; daemon: TestDaemon; token: string }> {
  const home = makeHome(t);
  const daemon = await home.start();
  await daemon.owner.call("secret.set", { name: "github", value: VALUE });
  for (const name of ["teller", "other"]) {
    const folder = home.folder(name);
    const secrets: JsonObject = name === "teller" ? { TOKEN: "secret:github" } : {};
    const source = { source: `path:${ROGUE}`, args: [folder], write: [folder], compartment: "personal" };
    await daemon.owner.call("server.add", { name, ...source, secrets });
    const file = join(home.paths.cardsDir, `${name}.yaml`);
    writeFileSync(file, readFileSync(file, "utf8").replace(/(\n {2}look:\n(?: {4}.*\n)*? {4}effect: )\S+/, "$1read"));
  }
  const token = await addClient(daemon, "shell");
  return { home, daemon, token };
}

function assertClean(text: string): void {
  for (const trace of TRACES) assert.equal(text.includes(trace), false, text.slice(0, 2_000));
}

async function whyOf(daemon: TestDaemon, name: string): Promise<string> {
  const { servers } = await daemon.owner.call("status", {});
  const row = (Array.isArray(servers) ? servers.filter(isObject) : []).find((each) => each["name"] === name);
  return textAt(row ?? {}, "why") ?? "";
}

test("a server that tells its secret tells nobody: not the client, the log, the ledger or the files", async (t) => {
  const { home, daemon, token } = await homeWithSecret(t);
  let logged = "";
  daemon.child.stderr?.on("data", (chunk: Buffer) => (logged += chunk.toString()));
  const client = await openMcp(daemon.url, token);
  const mode = join(home.base, "teller", "mode");

  writeFileSync(mode, "tell");
  const params = { name: "teller__look", arguments: { path: "a" }, _meta: { progressToken: 1 } };
  const told = await client.ask("tools/call", params);
  assert.match(told.text, /\[secret:github\]/);
  assertClean(told.text);
  assert.match(await whyOf(daemon, "teller"), /answered with the value of secret 'github'/);

  writeFileSync(mode, "tell-in-error");
  const error = await client.ask("tools/call", params);
  assert.match(error.text, /secret:github/);
  assertClean(error.text);

  await daemon.owner.call("server.restart", { name: "teller" });
  writeFileSync(mode, "no-start");
  const start = await client.call("teller__look", { path: "a" });
  assert.match(start.text, /It said last: .*\[secret:github\]/);
  assertClean(start.text);

  const stolen = await client.call("other__look", { path: Buffer.from(VALUE).toString("base64") });
  assert.match(stolen.text, /Denied \(C0\).*the value of your secret 'github'/);
  assertClean(stolen.text);

  const { entries } = await daemon.owner.call("ledger.tail", { limit: 1_000 });
  const kinds = (Array.isArray(entries) ? entries.filter(isObject) : []).map((entry) => entry["kind"]);
  assert.ok(kinds.includes("masked"));
  assert.equal(await daemon.end(), 0);
  assertClean(logged);
  for (const file of readdirSync(home.paths.dir, { recursive: true, withFileTypes: true })) {
    if (file.isFile()) assertClean(readFileSync(join(file.parentPath, file.name), "latin1"));
  }
});

test("under a passphrase a server waits after a start, says so at once, and runs when it is unlocked", async (t) => {
  const { home, daemon, token } = await homeWithSecret(t);
  const passphrase = "open sesame and more";
  await daemon.owner.call("secret.passphrase", { passphrase });
  await daemon.end();

  const again = await home.start();
  const client = await openMcp(again.url, token);
  const early = await client.call("teller__look", { path: "a" });
  assert.match(early.text, /the secrets are locked/);
  assert.equal((await client.call("other__look", { path: "a" })).isError, false);
  assert.match(await whyOf(again, "teller"), /waits for its secrets: freehold secret unlock/);
  assert.equal((await again.owner.call("status", {}))["next"], "freehold secret unlock");

  await assert.rejects(again.owner.call("secret.unlock", { passphrase: "open sesame" }), /not the passphrase/);
  await assert.rejects(again.owner.call("secret.list", {}), /locked/);
  assert.deepEqual(await again.owner.call("secret.unlock", { passphrase }), { unlocked: true });
  assert.equal((await client.call("teller__look", { path: "a" })).isError, false);
  await again.owner.call("secret.lock", {});
  assert.equal((await client.call("teller__look", { path: "a" })).isError, false);
  await again.owner.call("server.restart", { name: "teller" });
  assert.match((await client.call("teller__look", { path: "a" })).text, /the secrets are locked/);
});

test("only the owner unlocks, locks and sets a passphrase, and a weak one is refused", async (t) => {
  const home = makeHome(t);
  const { owner, url } = await home.start();
  await assert.rejects(owner.call("secret.passphrase", { passphrase: "short" }), /too short/);
  await assert.rejects(owner.call("secret.lock", {}), /no passphrase/);
  const weak = await owner.call("secret.set", { name: "pin", value: "482913" });
  assert.match(textAt(weak, "warning") ?? "", /short/);
  const { connectControl } = await import("../../src/control/index.ts");
  const stranger = await connectControl(home.paths.controlSocket);
  for (const op of ["secret.passphrase", "secret.unlock", "secret.lock", "server.restart"]) {
    await assert.rejects(stranger.call(op, { name: "x", passphrase: "x" }), /only the owner/);
  }
  stranger.close();
  assert.equal((await post(url, {}, rpc("tools/list", {}))).status, 401);
});
