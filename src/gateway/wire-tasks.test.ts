// A call that waits for the owner, as a task: over the real door and store, in both revisions.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isObject, textAt, type JsonObject } from "../kernel/index.ts";
import type { RpcReply } from "../mcp/index.ts";
import { heldFiles, openFixture, OWNER, policyFiles, type DoorFixture } from "../../tests/fixtures/door.ts";
import { openEndpoint } from "./endpoint.ts";

type Era = "2025-11-25" | "2026-07-28";

interface Client {
  call(method: string, params?: JsonObject): Promise<JsonObject>;
}

const DECLARED: Readonly<Record<Era, JsonObject>> = {
  "2025-11-25": { tasks: {} },
  "2026-07-28": { extensions: { "io.modelcontextprotocol/tasks": {} } },
};
const WRITE = { name: "notes__write_note", arguments: { path: "/list", text: "milk" } };
/** Longer than any test: who waits at all does not get done. */
const LONG_MS = 600_000;

interface As {
  readonly era: Era;
  readonly name?: string;
  readonly wire?: string;
  readonly capabilities?: JsonObject;
}

function clientOf(fixture: DoorFixture): (as: As) => Client {
  const clock = { nowMs: (): number => fixture.nowMs };
  const { door, store, policy } = fixture;
  const respond = openEndpoint({ door, store, clock, policy });
  return ({ era, name = "shell", wire = "1", capabilities = DECLARED[era] }) => ({
    async call(method, params = {}) {
      const reply = await respond({
        identity: { principal: { kind: "client", name }, key: name },
        wire: {
          id: wire,
          era: era === "2026-07-28" ? "modern" : "legacy",
          protocol: era,
          clientInfo: {},
          capabilities,
        },
        method,
        params,
        signal: new AbortController().signal,
        logLevel: null,
        tell: () => undefined,
        ask: async () => ({ kind: "broken", reason: "nobody is there" }),
      });
      return plain(reply);
    },
  });
}

function plain(reply: RpcReply): JsonObject {
  if (reply.kind === "result") return reply.result;
  return reply.kind === "error" ? { error: reply.code, message: reply.message, data: reply.data ?? null } : {};
}

function at(value: JsonObject, ...path: readonly string[]): JsonObject {
  return path.reduce((found, name) => {
    const next = found[name];
    assert.ok(isObject(next), `${name} in ${JSON.stringify(found)}`);
    return next;
  }, value);
}

function opened(waitMs = LONG_MS): { fixture: DoorFixture; as: (as: As) => Client; question: () => string } {
  const fixture = openFixture({ waitMs });
  const question = (): string => fixture.store.questions.list(["open", "held"])[0]?.id ?? "";
  return { fixture, as: clientOf(fixture), question };
}

/** As the era has it: flat and unasked for, or in an envelope where the client asked. */
async function taskOf(client: Client, era: Era): Promise<JsonObject> {
  const params = era === "2025-11-25" ? { ...WRITE, task: { ttl: 1_000 } } : WRITE;
  const result = await client.call("tools/call", params);
  return era === "2025-11-25" ? at(result, "task") : result;
}

const idOf = (task: JsonObject): string => textAt(task, "taskId") ?? "";
const ERAS = ["2025-11-25", "2026-07-28"] as const;

for (const era of ERAS) {
  test(`${era}: a call that waits is a task at once, and runs once when the owner says yes`, async () => {
    const { fixture, as, question } = opened();
    const client = as({ era });
    const task = await taskOf(client, era);
    const id = question();
    assert.equal(task["status"], "working");
    assert.equal(task["statusMessage"], `Waiting for the owner, question ${id}`);
    assert.match(textAt(task, "createdAt") ?? "", /^\d{4}-\d\d-\d\dT.*Z$/);
    const [ttl, poll] = era === "2025-11-25" ? ["ttl", "pollInterval"] : ["ttlMs", "pollIntervalMs"];
    assert.equal(task[ttl], 2 * 24 * 3_600_000);
    assert.equal(task[poll], 5_000);
    assert.deepEqual(fixture.sent, []);
    const taskId = idOf(task);
    assert.equal((await client.call("tasks/get", { taskId }))["status"], "working");
    await fixture.door.answer(id, { kind: "yes" }, OWNER);
    assert.equal(fixture.sent.length, 1);
    const done = await client.call("tasks/get", { taskId });
    assert.equal(done["status"], "completed");
    const result = era === "2025-11-25" ? await client.call("tasks/result", { taskId }) : at(done, "result");
    assert.deepEqual(result["content"], [{ type: "text", text: "done" }]);
    const related = { "io.modelcontextprotocol/related-task": { taskId } };
    assert.deepEqual(result["_meta"], era === "2025-11-25" ? related : undefined);
    assert.equal(fixture.sent.length, 1);
    fixture.end();
  });

  test(`${era}: a task outlives the daemon and the conversation`, async () => {
    const { fixture, as, question } = opened();
    const taskId = idOf(await taskOf(as({ era }), era));
    const id = question();
    const again = fixture.reopen();
    const client = clientOf(again)({ era, wire: "2" });
    assert.equal((await client.call("tasks/get", { taskId }))["status"], "working");
    await again.door.answer(id, { kind: "yes" }, OWNER);
    assert.equal((await client.call("tasks/get", { taskId }))["status"], "completed");
    assert.equal(again.sent.length, 1);
    again.end();
  });

  test(`${era}: another client's task, a guessed id and one that is too old are not found`, async () => {
    const { fixture, as, question } = opened();
    const client = as({ era });
    const taskId = idOf(await taskOf(client, era));
    const other = as({ era, name: "other" });
    const guesses = [question(), `${question()}-${"A".repeat(32)}`, "", "x", `${taskId}A`];
    for (const method of ["tasks/get", "tasks/cancel", era === "2025-11-25" ? "tasks/result" : "tasks/update"]) {
      assert.equal((await other.call(method, { taskId }))["error"], -32_602, method);
      for (const guess of guesses) {
        assert.equal((await client.call(method, { taskId: guess }))["error"], -32_602, `${method} ${guess}`);
      }
    }
    assert.equal(fixture.store.questions.list(["open"]).length, 1);
    fixture.nowMs += 2 * 24 * 3_600_000;
    assert.equal((await client.call("tasks/get", { taskId }))["error"], -32_602);
    fixture.end();
  });

  test(`${era}: a client takes back what the owner has not answered, and the ledger says who did`, async () => {
    const { fixture, as, question } = opened();
    const client = as({ era });
    const taskId = idOf(await taskOf(client, era));
    const id = question();
    const cancelled = await client.call("tasks/cancel", { taskId });
    assert.equal(cancelled["status"], era === "2025-11-25" ? "cancelled" : undefined);
    const now = await client.call("tasks/get", { taskId });
    assert.equal(now["status"], "cancelled");
    assert.equal(now["statusMessage"], "the program that asked took it back");
    assert.equal(fixture.store.questions.get(id)?.state, "no");
    const [entry] = fixture.store.ledger.entries({ kind: "answer", limit: 1 });
    assert.equal(entry?.principal, "client:shell");
    assert.equal((await fixture.door.answer(id, { kind: "yes" }, OWNER)).kind, "refused");
    assert.deepEqual(fixture.sent, []);
    const again = await client.call("tasks/cancel", { taskId });
    assert.equal(again["error"], era === "2025-11-25" ? -32_602 : undefined);
    fixture.end();
  });

  test(`${era}: what has run is not called back`, async () => {
    const { fixture, as, question } = opened();
    const client = as({ era });
    const taskId = idOf(await taskOf(client, era));
    await fixture.door.answer(question(), { kind: "yes" }, OWNER);
    await client.call("tasks/cancel", { taskId });
    assert.equal((await client.call("tasks/get", { taskId }))["status"], "completed");
    fixture.end();
  });

  test(`${era}: the owner's no and its reason end the task`, async () => {
    const { fixture, as, question } = opened();
    const client = as({ era });
    const taskId = idOf(await taskOf(client, era));
    await fixture.door.answer(question(), { kind: "no", note: "keep it" }, OWNER);
    const now = await client.call("tasks/get", { taskId });
    assert.equal(now["status"], era === "2025-11-25" ? "failed" : "completed");
    assert.match(JSON.stringify(now), /the owner said no: keep it/);
    fixture.end();
  });

  test(`${era}: what is held is a task as well, and can be taken back`, async () => {
    const { fixture, as } = opened();
    fixture.accept(heldFiles());
    const client = as({ era });
    const task = await taskOf(client, era);
    assert.match(textAt(task, "statusMessage") ?? "", /^Held until .* as [2-9A-Z]{3}; the owner can cancel it$/);
    await client.call("tasks/cancel", { taskId: idOf(task) });
    assert.equal((await client.call("tasks/get", { taskId: idOf(task) }))["status"], "cancelled");
    fixture.nowMs += 60_000;
    await fixture.door.carryOutHeld();
    assert.deepEqual(fixture.sent, []);
    fixture.end();
  });

  test(`${era}: a server's own error is the task's`, async () => {
    const { fixture, as, question } = opened();
    const client = as({ era });
    const taskId = idOf(await taskOf(client, era));
    fixture.reply = async () => ({ kind: "error", code: -32_001, message: "no paper", data: { tray: 1 } });
    await fixture.door.answer(question(), { kind: "yes" }, OWNER);
    const now = await client.call("tasks/get", { taskId });
    assert.equal(now["status"], "failed");
    const error = era === "2025-11-25" ? await client.call("tasks/result", { taskId }) : at(now, "error");
    assert.equal(error["message"], "no paper");
    assert.deepEqual(error["data"], { tray: 1 });
    fixture.end();
  });
}

test("a task follows its call to the question that was asked anew, and is taken back there", async () => {
  const { fixture, as, question } = opened();
  const client = as({ era: "2026-07-28" });
  const taskId = idOf(await taskOf(client, "2026-07-28"));
  const first = question();
  const files = policyFiles(null);
  const cards = (files["cards/notes.yaml"] ?? "").replace("effect: write", "effect: send");
  fixture.accept({ ...files, "cards/notes.yaml": cards });
  await fixture.door.answer(first, { kind: "yes" }, OWNER);
  const second = question();
  assert.notEqual(second, first);
  const now = await client.call("tasks/get", { taskId });
  assert.equal(now["statusMessage"], `Waiting for the owner, question ${second}`);
  await client.call("tasks/cancel", { taskId });
  assert.equal(fixture.store.questions.get(second)?.state, "no");
  assert.equal((await client.call("tasks/get", { taskId }))["status"], "cancelled");
  fixture.end();
});

test("another program does not take back what one asked", async () => {
  const { fixture, as, question } = opened();
  await taskOf(as({ era: "2026-07-28" }), "2026-07-28");
  const other = { kind: "client", name: "other" } as const;
  assert.equal((await fixture.door.cancel(question(), "", other)).kind, "refused");
  assert.equal((await fixture.door.cancel(question(), "")).kind, "refused");
  assert.equal(fixture.store.questions.list(["open"]).length, 1);
  fixture.end();
});

test("an identical call is the same task", async () => {
  const { fixture, as } = opened();
  const client = as({ era: "2026-07-28" });
  const [first, second] = [await taskOf(client, "2026-07-28"), await taskOf(client, "2026-07-28")];
  assert.equal(idOf(first), idOf(second));
  fixture.end();
});

test("a client that declares no tasks gets none, and its methods say what it must declare", async () => {
  const { fixture, as } = opened(0);
  const silent = as({ era: "2026-07-28", capabilities: {} });
  assert.equal((await silent.call("tools/call", WRITE))["isError"], true);
  for (const method of ["tasks/get", "tasks/update", "tasks/cancel"]) {
    const refused = await silent.call(method, { taskId: "x" });
    assert.equal(refused["error"], -32_021);
    assert.deepEqual(refused["data"], {
      requiredCapabilities: { extensions: { "io.modelcontextprotocol/tasks": {} } },
    });
  }
  const old = as({ era: "2025-11-25" });
  assert.equal((await old.call("tools/call", WRITE))["isError"], true);
  fixture.end();
});

test("methods of the other revision's tasks are unknown", async () => {
  const { fixture, as } = opened();
  for (const method of ["tasks/result", "tasks/list"]) {
    assert.equal((await as({ era: "2026-07-28" }).call(method, { taskId: "x" }))["error"], -32_601);
  }
  assert.equal((await as({ era: "2025-11-25" }).call("tasks/update", { taskId: "x" }))["error"], -32_601);
  fixture.end();
});

test("2026-07-28: what does not wait is no task, not even where an old client would wish for one", async () => {
  const { fixture, as } = opened();
  const read = { name: "notes__read_note", arguments: { path: "a" }, task: {} };
  const result = await as({ era: "2026-07-28" }).call("tools/call", read);
  assert.deepEqual(result["content"], [{ type: "text", text: "done" }]);
  fixture.end();
});

test("2025-11-25: a read that was asked for as a task is one, for its own conversation alone", async () => {
  const { fixture, as } = opened();
  const client = as({ era: "2025-11-25" });
  const read = { name: "notes__read_note", arguments: { path: "a" }, task: {} };
  const task = at(await client.call("tools/call", read), "task");
  assert.equal(task["status"], "working");
  const taskId = idOf(task);
  assert.equal((await client.call("tasks/get", { taskId }))["status"], "completed");
  assert.deepEqual((await client.call("tasks/result", { taskId }))["content"], [{ type: "text", text: "done" }]);
  assert.equal((await as({ era: "2025-11-25", wire: "2" }).call("tasks/get", { taskId }))["error"], -32_602);
  assert.equal((await client.call("tasks/cancel", { taskId }))["error"], -32_602);
  const unknown = { name: "notes__burn", arguments: {}, task: {} };
  assert.equal((await client.call("tools/call", unknown))["error"], -32_602);
  fixture.nowMs += 600_000;
  assert.equal((await client.call("tasks/get", { taskId }))["error"], -32_602);
  fixture.end();
});

test("2025-11-25: a conversation has at most 32 tasks that do not wait", async () => {
  const { fixture, as } = opened();
  const client = as({ era: "2025-11-25" });
  const read = { name: "notes__read_note", arguments: { path: "a" }, task: {} };
  for (let turn = 0; turn < 32; turn += 1) at(await client.call("tools/call", read), "task");
  assert.equal((await client.call("tools/call", read))["error"], -32_000);
  fixture.end();
});

test("2025-11-25: tools say that they can be tasks, to clients that know tasks", async () => {
  const { fixture, as } = opened();
  const kinds = async (as: Client): Promise<readonly unknown[]> => {
    const { tools } = await as.call("tools/list");
    assert.ok(Array.isArray(tools));
    return tools.filter(isObject).map((tool) => tool["execution"]);
  };
  const optional = { taskSupport: "optional" };
  assert.deepEqual(await kinds(as({ era: "2025-11-25" })), [undefined, optional, optional]);
  assert.deepEqual(await kinds(as({ era: "2025-11-25", capabilities: {} })), [undefined, undefined, undefined]);
  assert.deepEqual(await kinds(as({ era: "2026-07-28" })), [undefined, undefined, undefined]);
  fixture.end();
});

test("2025-11-25: the list names a client's own tasks that have not ended", async () => {
  const { fixture, as, question } = opened();
  const client = as({ era: "2025-11-25" });
  const task = await taskOf(client, "2025-11-25");
  const ids = async (who: Client): Promise<readonly string[]> => {
    const { tasks } = await who.call("tasks/list");
    assert.ok(Array.isArray(tasks));
    return tasks.filter(isObject).map(idOf);
  };
  assert.deepEqual(await ids(client), [idOf(task)]);
  assert.deepEqual(await ids(as({ era: "2025-11-25", name: "other" })), []);
  await fixture.door.answer(question(), { kind: "no", note: "" }, OWNER);
  assert.deepEqual(await ids(client), []);
  fixture.end();
});

test("in a search view the task is of the inner tool", async () => {
  const { fixture, as, question } = opened();
  const files = heldFiles();
  const stack = (files["stack.yaml"] ?? "").replace("shell: { c", "shell: { view: search, c");
  fixture.accept({ ...files, "stack.yaml": stack, "rules.yaml": "rules: []\n" });
  const client = as({ era: "2026-07-28" });
  const task = await client.call("tools/call", {
    name: "freehold_call",
    arguments: { tool: "notes__write_note", arguments: WRITE.arguments },
  });
  assert.equal(task["resultType"], "task");
  assert.equal(fixture.store.questions.get(question())?.binding.tool, "notes.write_note");
  fixture.end();
});
