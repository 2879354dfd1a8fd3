import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ask, begin, startToy, type Answer, type Ask, type Toy } from "../../tests/fixtures/toy-endpoint.ts";
import { isObject, textAt, type JsonObject } from "../kernel/index.ts";
import type { RpcReply, Served } from "./index.ts";

const CAPABLE: JsonObject = { elicitation: {}, sampling: {} };
const ACCEPTED: JsonObject = { action: "accept", content: { name: "Ada" } };
const QUESTION = { method: "elicitation/create", params: { message: "Name?" }, key: "who" };

type Respond = (call: Served<string>) => Promise<RpcReply>;

async function toyFor(t: TestContext, respond: Respond): Promise<Toy> {
  const toy = await startToy({ respond });
  t.after(() => toy.close());
  return toy;
}

function said(value: unknown): RpcReply {
  return { kind: "result", result: { content: [{ type: "text", text: JSON.stringify(value) }] } };
}

const asksOnce: Respond = async (call) => said(await call.ask(QUESTION));

async function openSession(toy: Toy, capabilities: JsonObject, token = "ada-token"): Promise<Ask["headers"]> {
  const params = { protocolVersion: "2025-11-25", capabilities, clientInfo: { name: "t", version: "1" } };
  const { headers } = await ask(toy, { body: { jsonrpc: "2.0", id: 0, method: "initialize", params }, token });
  return { "mcp-session-id": String(headers["mcp-session-id"]), "mcp-protocol-version": "2025-11-25" };
}

const call = (id: number, name = "x"): JsonObject => ({ jsonrpc: "2.0", id, method: "tools/call", params: { name } });

function events(answer: Answer): readonly JsonObject[] {
  const lines = answer.text.split("\n").filter((line) => line.startsWith("data: {"));
  return lines.map((line): unknown => JSON.parse(line.slice(6))).filter((event) => isObject(event));
}

function textIn(message: JsonObject | undefined): unknown {
  const { result } = message ?? {};
  const content = isObject(result) && Array.isArray(result["content"]) ? result["content"] : [];
  const first: unknown = content[0];
  return isObject(first) ? JSON.parse(textAt(first, "text") ?? "null") : null;
}

test("a server's question goes out on the stream of its call, and the session's answer ends it", async (t) => {
  const toy = await toyFor(t, asksOnce);
  const headers = { ...(await openSession(toy, CAPABLE)) };
  const stream = await begin(toy, { body: call(1), headers });
  const reply = await ask(toy, { body: { jsonrpc: "2.0", id: "freehold-1", result: ACCEPTED }, headers });
  assert.equal(reply.status, 202);
  const [question, answer] = events(await stream.rest());
  assert.deepEqual(question, { jsonrpc: "2.0", id: "freehold-1", method: QUESTION.method, params: QUESTION.params });
  assert.deepEqual(textIn(answer), { kind: "result", result: ACCEPTED });
});

test("nobody answers for another's session", async (t) => {
  const toy = await toyFor(t, asksOnce);
  const ada = { ...(await openSession(toy, CAPABLE)) };
  const bob = { ...(await openSession(toy, CAPABLE, "bob-token")) };
  const stream = await begin(toy, { body: call(1), headers: ada });
  const forged = { jsonrpc: "2.0", id: "freehold-1", result: { action: "accept", content: { name: "Bob" } } };
  assert.equal((await ask(toy, { body: forged, headers: bob, token: "bob-token" })).status, 202);
  assert.equal((await ask(toy, { body: forged, headers: ada, token: "bob-token" })).status, 404);
  await ask(toy, { body: { jsonrpc: "2.0", id: "freehold-1", result: ACCEPTED }, headers: ada });
  assert.deepEqual(textIn(events(await stream.rest())[1]), { kind: "result", result: ACCEPTED });
});

test("a client that did not say it can be asked is not asked, in either era", async (t) => {
  const toy = await toyFor(t, asksOnce);
  const headers = { ...(await openSession(toy, { sampling: {} })) };
  const legacy: unknown = JSON.parse((await ask(toy, { body: call(1), headers })).text);
  const refusal = { kind: "error", code: -32_601, message: "The client cannot be asked: elicitation/create" };
  assert.deepEqual(textIn(isObject(legacy) ? legacy : undefined), refusal);
  assert.deepEqual(textIn((await modern(toy, {}, { capabilities: { sampling: {} } })).message), refusal);
});

test("a call that is cancelled takes its question back", async (t) => {
  const toy = await toyFor(t, asksOnce);
  const headers = { ...(await openSession(toy, CAPABLE)) };
  const stream = await begin(toy, { body: call(1), headers });
  const params = { requestId: 1 };
  await ask(toy, { body: { jsonrpc: "2.0", method: "notifications/cancelled", params }, headers });
  const [, taken, end] = events(await stream.rest());
  assert.deepEqual(taken?.["params"], { requestId: "freehold-1" });
  assert.deepEqual(end?.["error"], { code: -32_000, message: "Cancelled." });
});

test("a stream that broke is taken up where it was, by its own session alone", async (t) => {
  const gate = Promise.withResolvers<void>();
  const toy = await toyFor(t, async (served) => {
    served.tell("notifications/message", { level: "info", data: "one" });
    await gate.promise;
    served.tell("notifications/message", { level: "info", data: "two" });
    return said("done");
  });
  const headers = { ...(await openSession(toy, {})) };
  await begin(toy, { body: call(1), headers });
  const bob = { ...(await openSession(toy, {}, "bob-token")), "last-event-id": "1-0" };
  const other = await begin(toy, { method: "GET", headers: bob, token: "bob-token" });
  const again = await begin(toy, { method: "GET", headers: { ...headers, "last-event-id": "1-1" } });
  gate.resolve();
  const [second, answer, ...more] = events(await again.rest());
  assert.deepEqual(second?.["params"], { level: "info", data: "two" });
  assert.equal(textIn(answer), "done");
  assert.deepEqual(more, []);
  toy.endpoint.close();
  assert.deepEqual(events(await other.rest()), [], "another's stream holds nothing of it");
});

test("what was told while nobody listened is played to the client that comes back", async (t) => {
  const toy = await toyFor(t, asksOnce);
  const headers = { ...(await openSession(toy, {})) };
  await begin(toy, { method: "GET", headers });
  const again = await begin(toy, { method: "GET", headers: { ...headers, "last-event-id": "1-0" } });
  toy.endpoint.notify(() => true, "notifications/tools/list_changed", {});
  const third = await begin(toy, { method: "GET", headers: { ...headers, "last-event-id": "1-0" } });
  toy.endpoint.close();
  assert.equal(events(await again.rest()).length, 1);
  assert.equal(events(await third.rest()).length, 1);
});

test("log messages are told from the level that the client named on", async (t) => {
  const toy = await toyFor(t, async (served) => {
    for (const level of ["debug", "info", "warning", "no-level"]) served.tell("notifications/message", { level });
    return said("done");
  });
  const headers = { ...(await openSession(toy, {})) };
  const level = (value: string): JsonObject => ({
    jsonrpc: "2.0",
    id: 9,
    method: "logging/setLevel",
    params: { level: value },
  });
  const levels = async (): Promise<readonly unknown[]> => {
    const told = events(await ask(toy, { body: call(1), headers })).slice(0, -1);
    return told.map(({ params }) => (isObject(params) ? params["level"] : null));
  };
  assert.deepEqual(await levels(), ["info", "warning"]);
  assert.match((await ask(toy, { body: level("debug"), headers })).text, /"result":\{\}/);
  assert.deepEqual(await levels(), ["debug", "info", "warning"]);
  assert.match((await ask(toy, { body: level("loud"), headers })).text, /-32602/);
  const meta = { "io.modelcontextprotocol/logLevel": "warning" };
  assert.equal((await modern(toy, { _meta: meta })).told.length, 1);
  assert.equal((await modern(toy, {})).told.length, 0);
});

interface Modern {
  readonly message: JsonObject;
  readonly result: JsonObject;
  readonly error: JsonObject | null;
  readonly told: readonly JsonObject[];
}

/** `as` says who asks, and what they can be asked. */
async function modern(
  toy: Toy,
  more: JsonObject,
  as: { readonly capabilities?: JsonObject; readonly token?: string } = {},
): Promise<Modern> {
  const { capabilities = CAPABLE, token = "ada-token" } = as;
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": capabilities,
    ...(isObject(more["_meta"]) ? more["_meta"] : {}),
  };
  const name = typeof more["name"] === "string" ? more["name"] : "x";
  const body = { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name, ...more, _meta } };
  const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": name };
  const answer = await ask(toy, { body, headers, token });
  const told = events(answer);
  const last: unknown = told.at(-1) ?? JSON.parse(answer.text);
  const message = isObject(last) ? last : {};
  const { result, error } = message;
  return {
    message,
    result: isObject(result) ? result : {},
    error: isObject(error) ? error : null,
    told: told.slice(0, -1),
  };
}

const INVALID_STATE = "Invalid or expired requestState.";

test("in the new era a question is a result that asks for input, and the next try goes on with the call", async (t) => {
  let calls = 0;
  const toy = await toyFor(t, (served) => {
    calls += 1;
    return asksOnce(served);
  });
  const first = await modern(toy, {});
  assert.equal(first.result["resultType"], "input_required");
  assert.deepEqual(first.result["inputRequests"], { who: { method: QUESTION.method, params: QUESTION.params } });
  const requestState = first.result["requestState"] ?? null;
  const second = await modern(toy, { inputResponses: { who: ACCEPTED, other: {} }, requestState });
  assert.deepEqual(textIn(second.message), { kind: "result", result: ACCEPTED });
  assert.equal(calls, 1, "handed on once");
});

test("a try without the answer is asked again, under a new state", async (t) => {
  const toy = await toyFor(t, asksOnce);
  const { requestState = null } = (await modern(toy, {})).result;
  const again = await modern(toy, { inputResponses: {}, requestState });
  assert.equal(again.result["resultType"], "input_required");
  assert.notEqual(again.result["requestState"], requestState);
});

test("answers may come before the question, and all questions of one breath go out together", async (t) => {
  const toy = await toyFor(t, async (served) => {
    const other = { ...QUESTION, method: "sampling/createMessage", key: null };
    return said(await Promise.all([served.ask(QUESTION), served.ask(other)]));
  });
  const both = await modern(toy, {});
  const { inputRequests } = both.result;
  assert.deepEqual(isObject(inputRequests) ? Object.keys(inputRequests) : [], ["who", "sampling"]);
  const one = await modern(toy, { inputResponses: { who: ACCEPTED } });
  const left = one.result["inputRequests"];
  assert.deepEqual(isObject(left) ? Object.keys(left) : [], ["sampling"]);
});

test("a state is good once, for the same call of the same client, untouched", async (t) => {
  const toy = await toyFor(t, asksOnce);
  const state = async (): Promise<string> => textAt((await modern(toy, {})).result, "requestState") ?? "";
  const inputResponses = { who: ACCEPTED };
  const own = await state();
  const refused = [
    await modern(toy, { inputResponses, requestState: `${own}x` }),
    await modern(toy, { inputResponses, requestState: 7 }),
    await modern(toy, { inputResponses, requestState: own }, { token: "bob-token" }),
    await modern(toy, { inputResponses, requestState: own, name: "y" }),
    await modern(toy, { inputResponses, requestState: own, arguments: { a: 1 } }),
  ];
  for (const { error } of refused) assert.deepEqual([error?.["code"], error?.["message"]], [-32_602, INVALID_STATE]);
  assert.equal((await modern(toy, { inputResponses, requestState: own })).result["resultType"], "complete");
  assert.equal((await modern(toy, { inputResponses, requestState: own })).error?.["message"], INVALID_STATE);
});

test("answers that are no objects are refused before anything is called", async (t) => {
  let calls = 0;
  const toy = await toyFor(t, async () => said((calls += 1)));
  for (const inputResponses of [null, 5, [ACCEPTED], { who: 12_345 }]) {
    assert.equal((await modern(toy, { inputResponses })).error?.["code"], -32_602);
  }
  assert.equal(calls, 0);
});

test("a client that is disconnected is no longer waited for", async (t) => {
  const outcome = Promise.withResolvers<RpcReply>();
  const toy = await toyFor(t, async (served) => {
    const reply = await served.ask(QUESTION);
    outcome.resolve(reply);
    assert.ok(served.signal.aborted);
    return said(reply);
  });
  const { requestState = null } = (await modern(toy, {})).result;
  toy.endpoint.endSessions((identity) => identity === "ada");
  assert.deepEqual(await outcome.promise, { kind: "error", code: -32_000, message: "The client has left." });
  assert.equal((await modern(toy, { inputResponses: { who: ACCEPTED }, requestState })).error?.["code"], -32_602);
});
