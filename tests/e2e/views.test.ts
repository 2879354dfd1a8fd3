// Views with the real daemon and a real server: connected, listed, found, called, asked about, changed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isObject, textAt, type JsonObject, type JsonValue } from "../../src/kernel/index.ts";
import { addRogues, effects, makeHome, openMcp, until, type McpClient, type TestDaemon } from "../fixtures/daemon.ts";

const META = ["freehold_find", "freehold_describe", "freehold_call", "freehold_result"];

async function connect(daemon: TestDaemon, more: JsonObject): Promise<McpClient> {
  const { token, digest } = await daemon.owner.call("client.add", {
    name: "shell",
    compartments: ["personal"],
    ...more,
  });
  await daemon.owner.call("apply", { digest: digest ?? null });
  return openMcp(daemon.url, typeof token === "string" ? token : "");
}

async function listed(client: McpClient): Promise<readonly string[]> {
  const { result } = (await client.ask("tools/list", {})).body;
  const tools = isObject(result) && Array.isArray(result["tools"]) ? result["tools"] : [];
  return tools.flatMap((tool: JsonValue) => (isObject(tool) ? [textAt(tool, "name") ?? ""] : []));
}

function states(status: JsonObject): readonly JsonValue[] {
  const servers = Array.isArray(status["servers"]) ? status["servers"] : [];
  return servers.map((server: JsonValue) => (isObject(server) ? (server["state"] ?? null) : null));
}

test("a client that searches finds and calls a tool, and the owner is asked about that tool", async (t) => {
  const home = makeHome(t);
  const daemon = await home.start({ waitMs: 100 });
  const folder = home.folder("notes");
  await addRogues(daemon, home.paths, [{ name: "rogue", folder }]);
  const client = await connect(daemon, { view: "search" });

  assert.deepEqual(await listed(client), META);
  assert.match((await client.call("freehold_find", { query: "look" })).text, /^rogue__look\(path/);
  assert.match((await client.call("freehold_describe", { tool: "rogue__write" })).text, /^rogue__write \(\S+\)\n/);
  assert.deepEqual(states(await daemon.owner.call("status", {})), ["idle"], "reading about tools starts no server");

  const call = { tool: "rogue__write", arguments: { path: "/home/ada/list" } };
  assert.match((await client.call("freehold_call", call)).text, /^Waiting for the owner/);
  assert.deepEqual(effects(folder), []);
  const { questions } = await daemon.owner.call("inbox", {});
  const question: JsonValue | undefined = Array.isArray(questions) ? questions[0] : undefined;
  assert.ok(isObject(question));
  const id = textAt(question, "id") ?? "";
  const shown = await daemon.owner.call("question.show", { id });
  assert.equal(shown["tool"], "rogue.write");
  assert.match(textAt(shown, "sentence") ?? "", /^shell wants to write “\/home\/ada\/list”/);
  await daemon.owner.call("question.answer", { id, answer: "yes" });
  await until(async () => !(await client.call("freehold_result", { question: id })).isError, "the answer is there");
  assert.equal(effects(folder).length, 1);
});

test("connecting again with another view changes the view, and a word that is none changes nothing", async (t) => {
  const home = makeHome(t);
  const daemon = await home.start();
  await addRogues(daemon, home.paths, [{ name: "rogue", folder: home.folder("notes") }]);
  const first = await connect(daemon, {});
  const all = await listed(first);
  assert.ok(all.includes("rogue__look") && !all.includes("freehold_find"), all.join(" "));
  await assert.rejects(daemon.owner.call("client.add", { name: "shell", view: "serch" }), /Did you mean 'search'\?/);
  assert.deepEqual(await listed(first), all);
  const hybrid = await connect(daemon, { direct: ["rogue.look"] });
  assert.deepEqual(await listed(hybrid), [...META, "rogue__look"]);
  assert.deepEqual(await listed(await connect(daemon, { view: "direct" })), all);
});
