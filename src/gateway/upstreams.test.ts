// Real servers without a sandbox: when they are stopped for being idle, and when not.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openHearing } from "./hearing.ts";
import { openUpstreams, type Upstreams } from "./upstreams.ts";

const ROGUE = join(import.meta.dirname, "..", "..", "tests", "fixtures", "rogue", "server.ts");
const NO_WALLS = { read: [], write: [], network: "none", memoryMb: 512, pidsMax: 64, off: true } as const;
const PARAMS = JSON.stringify({ name: "look", arguments: { path: "a" } });

interface Stage {
  readonly upstreams: Upstreams;
  readonly mode: (text: string) => void;
  isNeeded: boolean;
  idleStopMs: number;
  /** Lets time pass, and the look at idle servers come. */
  pass(ms: number): Promise<void>;
}

function open(t: TestContext): Stage {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const folder = mkdtempSync(join(tmpdir(), "freehold-upstreams-"));
  let nowMs = 1_800_000_000_000;
  const hearing = openHearing({ nowMs: () => nowMs });
  const stage: Stage = {
    mode: (text) => writeFileSync(join(folder, "mode"), text),
    isNeeded: false,
    idleStopMs: 600_000,
    async pass(ms) {
      nowMs += ms;
      t.mock.timers.tick(15_000);
      await new Promise(setImmediate);
    },
    upstreams: openUpstreams({
      clock: { nowMs: () => nowMs },
      launch: async (server) => ({
        kind: "process",
        server,
        command: [process.execPath, ROGUE, folder],
        cwd: folder,
        env: { NODE_NO_WARNINGS: "1" },
        secrets: {},
        asks: [],
        sandbox: NO_WALLS,
      }),
      lockedRoot: () => null,
      secret: async () => null,
      hearing: (server) => hearing.from(server),
      idleStopMs: () => stage.idleStopMs,
      isNeeded: () => stage.isNeeded,
      authorization: () => assert.fail("not a remote server"),
      needsLogin: () => null,
      probe: async () => ({ kind: "absent", reason: "not asked for", fix: "" }),
      permitConnection: () => async () => false,
      protect: [],
      installed: [],
      onChange: () => undefined,
    }),
  };
  t.after(async () => {
    await stage.upstreams.stopAll();
    rmSync(folder, { recursive: true, force: true });
  });
  return stage;
}

test("a server is stopped after the time that its owner gave it, and starts again when called", async (t) => {
  const stage = open(t);
  const first = await stage.upstreams.start("one");
  await stage.pass(600_000);
  assert.equal(stage.upstreams.running("one"), first);
  await stage.pass(1);
  assert.equal(stage.upstreams.running("one"), null);
  await first.peer.closed;
  assert.notEqual(await stage.upstreams.start("one"), first);
});

test("it is never stopped where the owner said so, nor while a question about it is open", async (t) => {
  const stage = open(t);
  const first = await stage.upstreams.start("one");
  stage.idleStopMs = 0;
  await stage.pass(86_400_000);
  assert.equal(stage.upstreams.running("one"), first);
  stage.idleStopMs = 600_000;
  stage.isNeeded = true;
  await stage.pass(86_400_000);
  assert.equal(stage.upstreams.running("one"), first);
  stage.isNeeded = false;
  await stage.pass(600_001);
  assert.equal(stage.upstreams.running("one"), null);
});

test("a call under way keeps a server, and the time counts from its end", async (t) => {
  const stage = open(t);
  const upstream = await stage.upstreams.start("one");
  stage.mode("hang");
  const cut = new AbortController();
  const call = { method: "tools/call", paramsText: PARAMS, timeoutMs: 0, signal: cut.signal };
  const answer = upstream.peer.request(call);
  await stage.pass(86_400_000);
  assert.equal(stage.upstreams.running("one"), upstream);
  cut.abort();
  assert.equal((await answer).kind, "broken");
  await stage.pass(600_000);
  assert.equal(stage.upstreams.running("one"), upstream);
  await stage.pass(1);
  assert.equal(stage.upstreams.running("one"), null);
});

test("a server that died in a call is started by the next one", async (t) => {
  const stage = open(t);
  const upstream = await stage.upstreams.start("one");
  stage.mode("die");
  await upstream.peer.request({ method: "tools/call", paramsText: PARAMS, timeoutMs: 5_000 });
  await upstream.peer.closed;
  stage.mode("");
  assert.notEqual(await stage.upstreams.start("one"), upstream);
});
