// Holds with the real daemon: what a rule allows waits, is cancelled without a proof, and outlives a kill -9.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connectControl } from "../../src/control/index.ts";
import { isObject, textAt, type JsonObject } from "../../src/kernel/index.ts";
import { addClient, addRogues, effects, makeHome, openMcp, until, type TestDaemon } from "../fixtures/daemon.ts";

const RULES = 'rules:\n  - { id: ok, answer: allow, tool: one.write, args: { path: any }, reason: "mine" }\n';

async function accept(daemon: TestDaemon, file: string, change: (text: string) => string): Promise<void> {
  writeFileSync(file, change(readFileSync(file, "utf8")));
  const { digest } = await daemon.owner.call("plan", {});
  await daemon.owner.call("apply", { digest: digest ?? null });
}

function held(inbox: JsonObject): readonly JsonObject[] {
  const rows = inbox["held"];
  return Array.isArray(rows) ? rows.filter((row) => isObject(row)) : [];
}

test("a held call runs at the end of its hold, not when it is cancelled, and once after a kill -9", async (t) => {
  const home = makeHome(t);
  const first = await home.start({ waitMs: 20_000 });
  const folder = home.folder("one");
  await addRogues(first, home.paths, [{ name: "one", folder }]);
  const token = await addClient(first, "shell");
  const card = join(home.paths.cardsDir, "one.yaml");
  const holdFor = (length: string) => (text: string) =>
    text.replace(/(\n {2}write:\n(?: {4}.*\n)*? {4}effect: \S+\n)(?: {4}hold: \S+\n)?/, `$1    hold: ${length}\n`);
  writeFileSync(join(home.paths.dir, "rules.yaml"), RULES);
  await accept(first, card, holdFor("1s"));
  const client = await openMcp(first.url, token);
  assert.equal((await client.call("one__write", { path: "a" })).isError, false);
  assert.equal(effects(folder).length, 1);

  await accept(first, card, holdFor("1h"));
  const waits = client.call("one__write", { path: "b" });
  await until(async () => held(await first.owner.call("inbox", {})).length === 1, "it is held");
  const [row] = held(await first.owner.call("inbox", {}));
  assert.equal((await first.owner.call("status", {}))["held"], 1);
  const anybody = await connectControl(home.paths.controlSocket);
  t.after(() => anybody.close());
  const cancelled = await anybody.call("hold.cancel", { id: textAt(row ?? {}, "id") ?? "", note: "not b" });
  assert.equal(cancelled["state"], "no");
  assert.match((await waits).text, /cancelled while it was held: not b/);

  await accept(first, card, holdFor("2s"));
  const lost = client.call("one__write", { path: "c" }).catch(() => null);
  await until(async () => held(await first.owner.call("inbox", {})).length === 1, "it is held");
  await first.kill9();
  await lost;
  const second = await home.start({ waitMs: 20 });
  await until(() => effects(folder).length === 2, "it runs after the restart");
  await until(async () => held(await second.owner.call("inbox", {})).length === 0, "nothing is held any more");
  assert.equal(effects(folder).length, 2);
  assert.equal((await second.owner.call("ledger.verify", {}))["kind"], "good");
});
