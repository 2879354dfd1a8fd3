// A model file through the whole product: installed by a command, pulled, declared, and asked by a program over HTTP.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isObject, readJson, textAt, type JsonObject } from "../../src/kernel/index.ts";
import { treeFolder } from "../../src/supply/places.ts";
import { unsealTree } from "../../src/supply/tree.ts";
import { addClient, makeHome, type TestDaemon } from "../fixtures/daemon.ts";
import { scriptedGguf } from "../fixtures/gguf.ts";
import { fillStore, whyNoLlama } from "../fixtures/llama.ts";

const skip = (await whyNoLlama()) ?? false;
const SAYS = scriptedGguf([{ after: "hello", says: ["Good", " morning", "."] }]);

interface Said {
  readonly status: number;
  readonly text: string;
  readonly body: JsonObject;
}

async function post(daemon: TestDaemon, token: string, body: JsonObject): Promise<Said> {
  const response = await fetch(new URL("/v1/chat/completions", daemon.url), {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const value = text.startsWith("{") ? readJson(text) : {};
  return { status: response.status, text, body: isObject(value) ? value : {} };
}

function ask(text: string, more: JsonObject = {}): JsonObject {
  return { model: "small", messages: [{ role: "user", content: text }], ...more };
}

test(
  "a model file is installed for, pulled, declared and asked; its receipt names the very bytes",
  { skip },
  async (t) => {
    const home = makeHome(t);
    const daemon = await home.start();
    const { owner } = daemon;
    const apply = async (reply: JsonObject): Promise<void> =>
      void (await owner.call("apply", { digest: reply["digest"] ?? null, read: [] }));
    const source = join(home.base, "small.gguf");
    writeFileSync(source, SAYS);
    const pulled = await owner.call("model.pull", { name: "tiny", source });
    await apply(pulled);
    await apply(await owner.call("model.add", { name: "small", speaks: "gguf", model: "tiny", place: "this-machine" }));
    const token = await addClient(daemon, "shell");
    const written = readFileSync(home.paths.stack, "utf8");
    writeFileSync(home.paths.stack, written.replace("  shell:\n", "  shell:\n    models: [small]\n"));
    await apply(await owner.call("plan", {}));

    const before = await post(daemon, token, ask("say hello"));
    assert.equal(before.status, 503, before.text);
    assert.match(before.text, /the engine for model files is not installed\. Next: freehold model engine/);
    fillStore(home.paths);
    const installed = await owner.call("model.engine", {});
    assert.equal(installed["version"], "3.22.1");

    const whole = await post(daemon, token, ask("say hello"));
    assert.equal(whole.status, 200, whole.text);
    assert.match(whole.text, /"content":"Good morning\."/);
    const streamed = await post(daemon, token, ask("say hello", { stream: true }));
    assert.equal(streamed.text.match(/"content":"/g)?.length, 3);
    assert.match(streamed.text, /data: \[DONE\]/);
    const long = await post(daemon, token, ask("word ".repeat(1_000)));
    assert.equal(long.status, 400, long.text);
    assert.match(long.text, /it is 5\d\d\d tokens, and small has 2048 for question and answer together/);
    const ledger = JSON.stringify(await owner.call("ledger.tail", { lines: 50 }));
    assert.match(ledger, new RegExp(`sha256:${textAt(pulled, "sha256") ?? "?"}`));

    const kept = await owner.call("gc", { dry: true, keep: 1 });
    assert.deepEqual(kept["trees"], [], "the engine's tree is in use");
  },
);

test("an engine that was changed on disk is not started", { skip }, async (t) => {
  const home = makeHome(t);
  fillStore(home.paths);
  const { owner } = await home.start();
  const tree = textAt(await owner.call("model.engine", {}), "tree") ?? "";
  const source = join(home.base, "small.gguf");
  writeFileSync(source, SAYS);
  const declaration = { name: "small", speaks: "gguf", model: "tiny", place: "this-machine" };
  for (const [op, input] of [
    ["model.pull", { name: "tiny", source }],
    ["model.add", declaration],
  ] as const) {
    const { digest } = await owner.call(op, input);
    await owner.call("apply", { digest: digest ?? null, read: [] });
  }
  const folder = treeFolder(home.paths, tree);
  unsealTree(folder);
  writeFileSync(join(folder, "node_modules", "node-llama-cpp", "dist", "index.js"), "export {};\n");
  const refused = JSON.stringify(
    await owner.call("model.test", { name: "small" }).catch((error: unknown) => String(error)),
  );
  assert.match(refused, /files of the engine were changed/);
});
