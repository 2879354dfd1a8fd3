// After a switch to other code, on the running product: rules wait, and a server that dies goes back by itself.

import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { isObject, type JsonObject } from "../../src/kernel/index.ts";
import { addClient, makeHome, openMcp, ROGUE, until, type TestDaemon, type TestHome } from "../fixtures/daemon.ts";

const RULE = `rules:
  - { id: write, answer: allow, tool: rogue.write, args: { path: any, text: any }, reason: "my own" }
`;

interface Stage {
  readonly home: TestHome;
  readonly daemon: TestDaemon;
  readonly folder: string;
  /** The program's own folder, which is edited like an author would. */
  readonly program: string;
}

async function apply(daemon: TestDaemon): Promise<void> {
  const { digest } = await daemon.owner.call("plan", {});
  await daemon.owner.call("apply", { digest: digest ?? null });
}

async function stage(t: TestContext): Promise<Stage> {
  const home = makeHome(t);
  const daemon = await home.start({ waitMs: 300 });
  const [folder, program] = [home.folder("data"), home.folder("program")];
  cpSync(ROGUE, program, { recursive: true });
  const input = { name: "rogue", source: `path:${program}`, args: [folder], write: [folder], compartment: "personal" };
  await daemon.owner.call("server.add", input);
  const file = join(home.paths.cardsDir, "rogue.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace(/(\n {2}look:\n(?: {4}.*\n)*? {4}effect: )\S+/, "$1read"));
  writeFileSync(join(home.paths.dir, "rules.yaml"), RULE);
  await apply(daemon);
  return { home, daemon, folder, program };
}

/** Another release of the program: the same tools, other bytes, taken over as an update. */
async function release({ daemon, program }: Stage): Promise<void> {
  const file = join(program, "server.ts");
  writeFileSync(file, `${readFileSync(file, "utf8")}\n// released\n`);
  await daemon.owner.call("update.rehearse", { name: "rogue" });
  const decision = { name: "rogue", override: true, reason: "a comment is all that is new" };
  const { digest } = await daemon.owner.call("update.accept", decision);
  await daemon.owner.call("apply", { digest: digest ?? null });
}

async function watchedOne({ daemon }: Stage): Promise<JsonObject | null> {
  const { canaries } = await daemon.owner.call("status", {});
  const [one = null] = Array.isArray(canaries) ? canaries.filter(isObject) : [];
  return one;
}

test("after other code a rule waits, and holds again when the owner has seen enough", async (t) => {
  const s = await stage(t);
  const token = await addClient(s.daemon, "shell");
  const client = await openMcp(s.daemon.url, token);
  const write = { path: "a", text: "b" };
  assert.match((await client.call("rogue__write", write)).text, /written|Written|ok|wrote/i);
  await release(s);
  const watched = await until(async () => {
    const one = await watchedOne(s);
    return typeof one?.["untilMs"] === "number" ? one : null;
  }, "it was looked at");
  assert.equal(watched["server"], "rogue");
  assert.match((await client.call("rogue__write", { path: "a", text: "c" })).text, /Waiting for the owner/);
  await s.daemon.owner.call("update.keep", { name: "rogue" });
  assert.equal(await watchedOne(s), null);
  await assert.rejects(s.daemon.owner.call("update.keep", { name: "rogue" }), /is not being watched/);
  assert.doesNotMatch((await client.call("rogue__write", { path: "a", text: "d" })).text, /Waiting/);
});

test("other code that dies is left for what ran before, is barred, and the status says so", async (t) => {
  const s = await stage(t);
  await release(s);
  await until(async () => typeof (await watchedOne(s))?.["untilMs"] === "number", "it was looked at");
  const { servers } = await s.daemon.owner.call("status", {});
  const pid = Array.isArray(servers) && isObject(servers[0]) ? Number(servers[0]["pid"]) : 0;
  assert.ok(pid > 0, "it runs");
  process.kill(pid, "SIGKILL");
  const barred = await until(async () => {
    const status = await s.daemon.owner.call("status", {});
    return Array.isArray(status["barred"]) && status["barred"].length > 0 ? JSON.stringify(status["barred"]) : null;
  }, "it went back");
  assert.match(barred, /right after the update: it ended/);
  await until(async () => (await watchedOne(s)) === null, "it is no longer watched");
  await until(async () => (await s.daemon.owner.call("plan", {}))["digest"] === null, "the files are as before");
});
