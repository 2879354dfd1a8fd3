// Calls that wait, as tasks, on the wire of the real daemon: the official client of 2025-11-25, and what 2026-07-28
// writes, for which the official client has no tasks.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { isObject, textAt, type JsonObject } from "../../src/kernel/index.ts";
import { addClient, addRogues, effects, makeHome, until, type TestDaemon } from "../fixtures/daemon.ts";

/** Longer than any test: a client that waits at all does not get done. */
const LONG_MS = 600_000;

async function given(t: TestContext) {
  const home = makeHome(t);
  const daemon = await home.start({ waitMs: LONG_MS });
  const folder = home.folder("one");
  await addRogues(daemon, home.paths, [{ name: "one", folder }]);
  return { home, daemon, folder, token: await addClient(daemon, "official") };
}

async function openQuestion(daemon: TestDaemon): Promise<string> {
  let id = "";
  await until(async () => {
    const { questions } = await daemon.owner.call("inbox", {});
    const [first] = Array.isArray(questions) ? questions.filter(isObject) : [];
    id = first === undefined ? "" : (textAt(first, "id") ?? "");
    return id !== "";
  }, "the owner is asked");
  return id;
}

test("the official client of 2025-11-25 follows a call that waits to its result", async (t) => {
  const { daemon, folder, token } = await given(t);
  const client = new Client({ name: "official", version: "1" }, { capabilities: { tasks: {} } });
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  // The SDK's own types disagree under exactOptionalPropertyTypes.
  await client.connect(new StreamableHTTPClientTransport(new URL(`${daemon.url}mcp`), { requestInit }));
  const { tools } = await client.listTools();
  assert.equal(tools.find(({ name }) => name === "one__write")?.execution?.taskSupport, "optional");

  const { tasks } = client.experimental;
  const stream = tasks.callToolStream({ name: "one__write", arguments: { path: "a" } }, undefined, { task: {} });
  const created = await stream.next();
  assert.ok(created.value?.type === "taskCreated", JSON.stringify(created));
  const { taskId, statusMessage } = created.value.task;
  const id = await openQuestion(daemon);
  assert.equal(statusMessage, `Waiting for the owner, question ${id}`);
  assert.deepEqual(
    (await tasks.listTasks()).tasks.map((task) => task.taskId),
    [taskId],
  );
  await daemon.owner.call("question.answer", { id, answer: "yes" });
  let last: unknown;
  for await (const message of stream) last = message;
  assert.ok(isObject(last) && last["type"] === "result", JSON.stringify(last));
  assert.equal(effects(folder).length, 1);

  const second = tasks.callToolStream({ name: "one__write", arguments: { path: "b" } }, undefined, { task: {} });
  const waiting = await second.next();
  assert.ok(waiting.value?.type === "taskCreated");
  assert.equal((await tasks.cancelTask(waiting.value.task.taskId)).status, "cancelled");
  await assert.rejects(tasks.cancelTask(waiting.value.task.taskId), /-32602/);
  const back = /question (\w+)$/.exec(waiting.value.task.statusMessage ?? "")?.[1] ?? "";
  const told = JSON.stringify(await daemon.owner.call("why", { id: back }));
  assert.ok(told.includes(`client:official took ${back} back`), told);
  // What a program takes back is no answer of the owner's.
  const { questions, answered } = await daemon.owner.call("meter", {});
  assert.deepEqual([questions, answered], [2, 1]);
  assert.equal(effects(folder).length, 1);
  await client.close();
});

const VERSION = "2026-07-28";
const TASKS = "io.modelcontextprotocol/tasks";

interface Wire {
  readonly url: string;
  readonly token: string;
  /** What the client declares beside the protocol. */
  readonly extensions: JsonObject;
}

const DECLARED: JsonObject = { [TASKS]: {} };

async function modern({ url, token, extensions }: Wire, method: string, params: JsonObject) {
  const name = textAt(params, "name") ?? textAt(params, "taskId");
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientCapabilities": { extensions },
  };
  const response = await fetch(`${url}mcp`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": VERSION,
      "mcp-method": method,
      ...(name === null ? {} : { "mcp-name": name }),
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } }),
  });
  const body: unknown = await response.json();
  assert.ok(isObject(body));
  const [result, error] = [body["result"], body["error"]];
  return { status: response.status, result: isObject(result) ? result : {}, error: isObject(error) ? error : null };
}

test("2026-07-28 on the wire: declared, created, polled after a restart, done once", async (t) => {
  const { home, daemon, folder, token } = await given(t);
  const wire = { url: daemon.url, token, extensions: DECLARED };
  const discovered = await modern(wire, "server/discover", {});
  const { capabilities } = discovered.result;
  assert.ok(isObject(capabilities));
  assert.deepEqual([capabilities["extensions"], capabilities["tasks"]], [DECLARED, undefined]);

  const call = { name: "one__write", arguments: { path: "a" } };
  const { result: task } = await modern(wire, "tools/call", call);
  assert.deepEqual([task["resultType"], task["status"]], ["task", "working"]);
  const taskId = textAt(task, "taskId") ?? "";
  const gated = await modern({ ...wire, extensions: {} }, "tasks/get", { taskId });
  assert.deepEqual([gated.status, gated.error?.["code"]], [400, -32_021]);
  const id = await openQuestion(daemon);
  await daemon.kill9();

  const again = await home.start({ waitMs: LONG_MS });
  const now = { url: again.url, token, extensions: DECLARED };
  const working = await modern(now, "tasks/get", { taskId });
  assert.deepEqual([working.result["status"], working.result["resultType"]], ["working", "complete"]);
  await again.owner.call("question.answer", { id, answer: "yes" });
  const done = await modern(now, "tasks/get", { taskId });
  assert.equal(done.result["status"], "completed");
  assert.ok(isObject(done.result["result"]) && Array.isArray(done.result["result"]["content"]));
  assert.equal(effects(folder).length, 1);

  const other = { ...now, token: await addClient(again, "another") };
  assert.equal((await modern(other, "tasks/get", { taskId })).error?.["code"], -32_602);
  assert.equal((await modern(now, "tasks/cancel", { taskId })).result["resultType"], "complete");
  assert.equal((await modern(now, "tasks/update", { taskId, inputResponses: {} })).error, null);
});
