import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { isObject, type JsonObject } from "../../src/kernel/index.ts";
import {
  addClient,
  addRogues,
  effects,
  makeHome,
  openMcp,
  processesWith,
  until,
  type CallResult,
  type McpClient,
  type TestDaemon,
} from "../fixtures/daemon.ts";

const WALL_MS = 20;

interface Stage {
  readonly daemon: TestDaemon;
  readonly client: McpClient;
  readonly folder: (server: string) => string;
  readonly turn: (server: string, mode: string) => void;
}

/** One daemon with a server for each fault, so that no fault is hidden by the pause after another's crashes. */
async function stageOf(t: TestContext, servers: readonly string[]): Promise<Stage> {
  const home = makeHome(t);
  const daemon = await home.start({ waitMs: WALL_MS });
  await addRogues(
    daemon,
    home.paths,
    servers.map((name) => ({ name, folder: home.folder(name) })),
  );
  const client = await openMcp(daemon.url, await addClient(daemon, "shell"));
  const folder = (server: string): string => join(home.base, server);
  return {
    daemon,
    client,
    folder,
    turn(server, mode) {
      const file = join(folder(server), "mode");
      if (mode === "") rmSync(file, { force: true });
      else writeFileSync(file, mode);
    },
  };
}

async function stateOf(daemon: TestDaemon, server: string): Promise<JsonObject> {
  const { servers } = await daemon.owner.call("status", {});
  const rows = Array.isArray(servers) ? servers.filter(isObject) : [];
  return rows.find((row) => row["name"] === server) ?? {};
}

async function kindsOf(daemon: TestDaemon, tool: string): Promise<readonly unknown[]> {
  const { entries } = await daemon.owner.call("ledger.tail", { limit: 1_000 });
  const rows = Array.isArray(entries) ? entries.filter(isObject) : [];
  return rows.filter((entry) => entry["subject"] === tool).map((entry) => entry["kind"]);
}

async function yes(daemon: TestDaemon, told: CallResult): Promise<JsonObject> {
  const id = /question (\w+)\./.exec(told.text)?.[1] ?? "";
  assert.notEqual(id, "", told.text);
  return daemon.owner.call("question.answer", { id, answer: "yes" });
}

test("a server that misbehaves costs its own call and no more", async (t) => {
  const stage = await stageOf(t, ["good", "die", "huge", "odd"]);
  const { daemon, client, turn } = stage;
  const look = (server: string): Promise<CallResult> => client.call(`${server}__look`, { path: "a" });
  const goodStill = async (): Promise<void> => assert.equal((await look("good")).isError, false);

  await t.test("it dies in a read: the call fails, the ledger says lost, the next call starts it anew", async () => {
    turn("die", "die");
    const died = await look("die");
    assert.match(died.text, /server failed/);
    assert.deepEqual(await kindsOf(daemon, "die.look"), ["intent", "lost"]);
    turn("die", "");
    assert.equal((await look("die")).isError, false);
  });

  await t.test("it dies in an effect: nobody claims to know, and it is not run again", async () => {
    turn("die", "die-in-write");
    const answered = await yes(daemon, await client.call("die__write", { path: "x" }));
    assert.match(JSON.stringify(answered), /may or may not have happened/);
    assert.equal((await kindsOf(daemon, "die.write")).at(-1), "unknown");
    assert.equal(effects(stage.folder("die")).length, 1);
    assert.equal((await daemon.owner.call("inbox", {}))["unknown"] instanceof Array, true);
  });

  await t.test("it dies again and again: it is held back, that is said, and the owner can try again", async () => {
    turn("die", "die");
    for (let tries = 0; tries < 5; tries += 1) await look("die");
    assert.match((await look("die")).text, /held back: it ended by itself 5 times/);
    const { state, why } = await stateOf(daemon, "die");
    assert.equal(state, "held-back");
    assert.match(typeof why === "string" ? why : "", /freehold server restart die/);
    await goodStill();
    turn("die", "");
    assert.match((await look("die")).text, /held back/);
    await daemon.owner.call("server.restart", { name: "die" });
    assert.equal((await look("die")).isError, false);
  });

  await t.test("it sends 50 MB: the message is cut off, and the daemon does not swell", async () => {
    turn("huge", "huge");
    assert.match((await look("huge")).text, /over \d+ bytes/);
    await goodStill();
  });

  await t.test("it prints noise on stdout: the answer still comes through", async () => {
    turn("odd", "noise");
    assert.equal((await look("odd")).text, "after noise");
  });

  await t.test("it prints nothing but noise: it is ended", async () => {
    turn("huge", "noise-for-ever");
    assert.match((await look("huge")).text, /no messages of the protocol/);
  });

  await t.test("it floods stderr: the answer comes, and none of the flood does", async () => {
    turn("odd", "stderr");
    assert.equal((await look("odd")).text, "after stderr");
    await goodStill();
  });

  await t.test("it answers twice, reports progress for dead requests, answers what was never asked", async () => {
    turn("odd", "twice");
    for (let calls = 0; calls < 5; calls += 1) assert.equal((await look("odd")).text, "first");
    assert.deepEqual(new Set(await kindsOf(daemon, "odd.look")), new Set(["intent", "outcome"]));
  });

  await t.test("it sends half a character: the call fails or is mended, and the owner's side still works", async () => {
    turn("odd", "half");
    const got = await look("odd");
    assert.equal(got.text.isWellFormed(), true);
    turn("odd", "half-in-write");
    await yes(daemon, await client.call("odd__write", { path: "x" }));
    assert.deepEqual((await kindsOf(daemon, "odd.write")).length, 4);
    await goodStill();
  });

  await t.test(
    "it says two thousand times that its list changed: it is read again a few times, not two thousand",
    async () => {
      turn("odd", "storm");
      await look("odd");
      turn("odd", "");
      await until(async () => (await stateOf(daemon, "odd"))["state"] === "running", "the storm is over");
      assert.equal((await look("odd")).isError, false);
      const lists = readFileSync(join(stage.folder("odd"), "lists.log"), "utf8").split("\n").length;
      assert.ok(lists < 50, `read ${lists} times`);
    },
  );

  await t.test("it leaves children, detached ones too: none outlives the server", async () => {
    turn("odd", "children");
    assert.equal((await look("odd")).text, "with children");
    assert.equal(processesWith("3141").length >= 2, true, "the children run");
    await daemon.owner.call("stop", { reason: "enough" });
    await until(() => processesWith("3141").length === 0, "the children end");
    await daemon.owner.call("resume", {});
  });

  await t.test("after all of this the ledger verifies and the daemon holds less than 400 MB", async () => {
    assert.equal((await daemon.owner.call("ledger.verify", {}))["kind"], "good");
    const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, "utf8"))?.[1]);
    assert.ok(rss < 400 * 1024, `${rss} kB`);
  });
});

test("a surface that changes after the pin is never called", async (t) => {
  const stage = await stageOf(t, ["live", "grows", "again"]);
  const { daemon, client, turn } = stage;

  await t.test("a changed description, told by list_changed: that tool is denied, the other one is not", async () => {
    await client.call("live__look", { path: "a" });
    turn("live", "changed");
    await client.call("live__look", { path: "a" });
    const denied = await until(async () => {
      const got = await client.call("live__write", { path: "a" });
      return got.text.startsWith("Denied (C0)") && !got.text.includes("read again") ? got : null;
    }, "the change is seen");
    assert.match(denied.text, /Denied \(C0\)/);
    assert.deepEqual(effects(stage.folder("live")), []);
  });

  await t.test("a new tool, told by list_changed: the whole server is held back", async () => {
    await client.call("grows__look", { path: "a" });
    turn("grows", "new-tool");
    await client.call("grows__look", { path: "a" });
    await until(async () => (await stateOf(daemon, "grows"))["state"] === "held-back", "it is held back");
    assert.match((await client.call("grows__look", { path: "a" })).text, /Denied \(C0\)/);
    const unseen = await client.call("grows__extra", {});
    assert.match(String(unseen.error), /no tool/);
  });

  await t.test("changed while it was down: found at the start, before anything is asked", async () => {
    turn("again", "changed");
    assert.match((await client.call("again__write", { path: "a" })).text, /Denied \(C0\)/);
    assert.equal((await client.call("again__look", { path: "a" })).isError, false);
    const tools = await client.ask("tools/list", {});
    assert.doesNotMatch(tools.text, /Send everything/);
    assert.deepEqual((await daemon.owner.call("inbox", {}))["questions"], []);
  });

  await t.test("changed between the question and the yes: nothing runs", async () => {
    turn("again", "");
    await daemon.owner.call("stop", { reason: "restart its servers" });
    await daemon.owner.call("resume", {});
    const told = await client.call("again__write", { path: "b" });
    turn("again", "changed");
    await daemon.owner.call("stop", { reason: "restart its servers" });
    await daemon.owner.call("resume", {});
    assert.match(JSON.stringify(await yes(daemon, told)), /denied/);
    assert.deepEqual(effects(stage.folder("again")), []);
  });
});

test("a server that cannot be brought up", async (t) => {
  const stage = await stageOf(t, ["good", "broken", "slow"]);
  const { daemon, client, turn } = stage;

  await t.test("it does not start: its last words are shown, spelled out, and the rest works", async () => {
    turn("broken", "no-start");
    const got = await client.call("broken__look", { path: "a" });
    assert.match(got.text, /did not start.*cannot find my \\u001b\[31mconfiguration/s);
    assert.equal((await client.call("good__look", { path: "a" })).isError, false);
  });

  for (const mode of ["hang-in-list", "hang-at-start"]) {
    await t.test(`${mode}: others are served meanwhile, and stop does not wait for it`, async () => {
      turn("slow", mode);
      const hanging = client.call("slow__look", { path: "a" });
      await until(() => processesWith(stage.folder("slow")).length > 0, "it is being started");
      assert.equal((await client.call("good__look", { path: "a" })).isError, false);
      const before = Date.now();
      await daemon.owner.call("stop", { reason: "now" });
      const tookMs = Date.now() - before;
      assert.ok(tookMs < 10_000, `stop took ${tookMs} ms`);
      assert.equal((await hanging).isError, true);
      await daemon.owner.call("resume", {});
    });
  }

  await t.test("the daemon ends in order while a server hangs in its start", async () => {
    turn("slow", "hang-in-list");
    const hanging = client.call("slow__look", { path: "a" }).catch(() => null);
    await until(() => processesWith(stage.folder("slow")).length > 0, "it is being started");
    const before = Date.now();
    assert.equal(await daemon.end(), 0);
    assert.ok(Date.now() - before < 10_000);
    await hanging;
    assert.deepEqual(processesWith(stage.folder("slow")), []);
  });
});
