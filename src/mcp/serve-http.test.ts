import assert from "node:assert/strict";
import { connect } from "node:net";
import { test, type TestContext } from "node:test";
import { ask, begin, rawBytes, startToy, type Answer, type Ask, type Toy } from "../../tests/fixtures/toy-endpoint.ts";
import { isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";
import type { ServeHttpOptions } from "./index.ts";

const PING: JsonObject = { jsonrpc: "2.0", id: 1, method: "ping" };
const HELLO: JsonObject = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } },
};

async function toyFor(context: TestContext, more: Partial<ServeHttpOptions<string>> = {}): Promise<Toy> {
  const toy = await startToy(more);
  context.after(() => toy.close());
  return toy;
}

function errorIn(answer: Answer): number {
  const { error } = JSON.parse(answer.text) as { error: { code: number } };
  return error.code;
}

async function openSession(toy: Toy, token = "ada-token"): Promise<string> {
  const answer = await ask(toy, { body: HELLO, token });
  assert.equal(answer.status, 200);
  return String(answer.headers["mcp-session-id"]);
}

function modern(method: string, params: Record<string, JsonValue> = {}, more: Partial<Ask> = {}): Ask {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    ...(isObject(params["_meta"]) ? params["_meta"] : {}),
  };
  const name = params["name"] ?? params["uri"];
  return {
    body: { jsonrpc: "2.0", id: 7, method, params: { ...params, _meta } },
    ...more,
    headers: {
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...(typeof name === "string" ? { "mcp-name": name } : {}),
      ...more.headers,
    },
  };
}

function eventsIn(answer: Answer): JsonObject[] {
  const lines = answer.text.split("\n").filter((line) => line.startsWith("data: {"));
  return lines.map((line) => JSON.parse(line.slice(6)) as JsonObject);
}

test("a foreign Host or Origin is refused before anything else, token or not", async (context) => {
  const toy = await toyFor(context);
  for (const headers of [
    { host: "evil.example" },
    { host: `localhost:${toy.port}` },
    { host: "localhost" },
    { origin: "http://evil.example" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
  ]) {
    for (const token of ["ada-token", null]) {
      const answer = await ask(toy, { body: PING, headers, token });
      assert.equal(answer.status, 403, JSON.stringify(headers));
    }
  }
  assert.equal((await ask(toy, { body: HELLO, headers: { origin: `http://127.0.0.1:${toy.port}` } })).status, 200);
  assert.match(await rawBytes(toy.port, "POST /mcp HTTP/1.0\r\nContent-Length: 0\r\n\r\n"), /^HTTP\/1\.1 403/);
  const upgrade = { upgrade: "websocket", connection: "Upgrade" };
  assert.equal((await ask(toy, { method: "GET", headers: upgrade })).status, 400);
});

test("no token, a wrong token or a token in the URL is refused", async (context) => {
  const toy = await toyFor(context);
  for (const token of [null, "eve-token", ""]) {
    const answer = await ask(toy, { body: PING, token });
    assert.equal(answer.status, 401);
    assert.match(String(answer.headers["www-authenticate"]), /^Bearer /);
  }
  for (const path of ["/mcp?token=ada-token", "/mcp?access_token=ada-token", "/mcp?a=1&API_KEY=x"]) {
    assert.equal((await ask(toy, { body: PING, path })).status, 400);
    assert.equal((await ask(toy, { body: PING, path, token: null })).status, 400);
  }
  assert.equal((await ask(toy, { method: "OPTIONS" })).status, 405);
  assert.equal((await ask(toy, { method: "PUT", body: PING })).status, 405);
});

test("a body of the wrong type, form or size is refused", async (context) => {
  const toy = await toyFor(context);
  assert.equal((await ask(toy, { body: PING, headers: { "content-type": "text/plain" } })).status, 415);
  assert.equal(
    (await ask(toy, { body: PING, headers: { "content-type": "application/json; charset=utf-16" } })).status,
    415,
  );
  assert.equal((await ask(toy, { body: PING, headers: { "content-encoding": "gzip" } })).status, 415);
  assert.equal((await ask(toy, { body: PING, headers: { accept: "text/html" } })).status, 406);
  assert.equal((await ask(toy, { body: `"${"x".repeat(5000)}"` })).status, 413);
  const chunked = { "transfer-encoding": "chunked" };
  assert.equal((await ask(toy, { body: `"${"x".repeat(5000)}"`, headers: chunked })).status, 413);
  assert.deepEqual(toy.seen, []);
});

test("JSON that is malformed or has two readings is refused with 400", async (context) => {
  const toy = await toyFor(context);
  const session = await openSession(toy);
  const headers = { "mcp-session-id": session };
  const cases: readonly (readonly [string | Uint8Array, number])[] = [
    ["", -32700],
    ["{", -32700],
    ["\ufeff{}", -32700],
    [new Uint8Array([0x22, 0xff, 0x22]), -32700],
    ['{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"ping"}', -32600],
    ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","\\u006eame":"b"}}', -32600],
    ['{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}', -32600],
    ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"n":9007199254740993}}}', -32600],
    ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"__proto__":{}}}', -32600],
    ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"a":"\\ud800"}}', -32600],
    [`{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":${"[".repeat(200)}${"]".repeat(200)}}}`, -32600],
    ['[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600],
    ['{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600],
    ['{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600],
    ['{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600],
    ['{"jsonrpc":"2.0","id":1,"method":7}', -32600],
    ['{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32600],
    ['{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}', -32600],
    ["7", -32600],
    ["null", -32600],
  ];
  for (const [body, code] of cases) {
    const answer = await ask(toy, { body, headers });
    assert.equal(answer.status, 400, String(body));
    assert.equal(errorIn(answer), code, String(body));
  }
  assert.deepEqual(toy.seen, []);
});

test("a session belongs to the token that opened it", async (context) => {
  const toy = await toyFor(context);
  const session = await openSession(toy);
  const headers = { "mcp-session-id": session };
  assert.equal((await ask(toy, { body: PING, headers })).status, 200);
  for (const method of ["POST", "GET", "DELETE"]) {
    const foreign = await ask(toy, {
      method,
      headers,
      token: "bob-token",
      ...(method === "POST" ? { body: PING } : {}),
    });
    assert.equal(foreign.status, 404);
    assert.equal(errorIn(foreign), -32001);
  }
  assert.equal((await ask(toy, { body: PING, headers: { "mcp-session-id": "guess" } })).status, 404);
  assert.equal((await ask(toy, { body: PING })).status, 400);
  assert.equal((await ask(toy, { method: "DELETE", headers })).status, 200);
  assert.equal((await ask(toy, { body: PING, headers })).status, 404);
  assert.deepEqual(toy.events, ["opened ada 2025-11-25", "closed ada"]);
});

test("sessions are bounded, the longest unused goes first, a disconnected client's go at once", async (context) => {
  const toy = await toyFor(context);
  const first = await openSession(toy);
  const second = await openSession(toy);
  await openSession(toy, "bob-token");
  await ask(toy, { body: PING, headers: { "mcp-session-id": first } });
  await openSession(toy);
  assert.equal((await ask(toy, { body: PING, headers: { "mcp-session-id": second } })).status, 404);
  assert.equal((await ask(toy, { body: PING, headers: { "mcp-session-id": first } })).status, 200);
  toy.endpoint.endSessions((identity) => identity === "ada");
  assert.equal((await ask(toy, { body: PING, headers: { "mcp-session-id": first } })).status, 404);
  assert.equal(toy.events.filter((event) => event === "closed ada").length, 3);
});

test("initialize agrees on a version that both speak", async (context) => {
  const toy = await toyFor(context);
  for (const [asked, agreed] of [
    ["2025-11-25", "2025-11-25"],
    ["2024-11-05", "2024-11-05"],
    ["1999-01-01", "2025-11-25"],
  ]) {
    const answer = await ask(toy, { body: { ...HELLO, params: { protocolVersion: asked ?? "" } } });
    const { result } = JSON.parse(answer.text) as { result: JsonObject };
    assert.equal(result["protocolVersion"], agreed);
    assert.equal(result["instructions"], "Hello ada");
  }
  assert.equal(errorIn(await ask(toy, { body: { ...HELLO, params: {} } })), -32602);
  const headers = { "mcp-session-id": await openSession(toy), "mcp-protocol-version": "1999-01-01" };
  assert.equal((await ask(toy, { body: PING, headers })).status, 400);
});

test("only the protocol's own keys of _meta go on", async (context) => {
  const toy = await toyFor(context);
  const headers = { "mcp-session-id": await openSession(toy) };
  const hidden = {
    evil: 1,
    "io.modelcontextprotocol/evil": 2,
    "com.example/x": 3,
    progressToken: { a: 1 },
    traceparent: 5,
  };
  const call = (_meta: JsonObject) =>
    ask(toy, { body: { jsonrpc: "2.0", id: 2, method: "tools/list", params: { _meta } }, headers });
  await call(hidden);
  await call({ ...hidden, progressToken: "p", traceparent: "00-a" });
  await ask(toy, modern("tools/list", { _meta: hidden }));
  assert.deepEqual(toy.seen[0]?.params, {});
  assert.deepEqual(toy.seen[1]?.params, { _meta: { progressToken: "p", traceparent: "00-a" } });
  assert.deepEqual(Object.keys(toy.seen[2]?.params["_meta"] ?? {}), [
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientCapabilities",
  ]);
});

test("a 2026-07-28 request is answered without a session and with its era's fields", async (context) => {
  const toy = await toyFor(context);
  const list = JSON.parse((await ask(toy, modern("tools/list"))).text) as { id: number; result: JsonObject };
  const { tools, ...rest } = list.result;
  assert.ok(Array.isArray(tools) && tools.length === 3);
  const meta = { "io.modelcontextprotocol/serverInfo": { name: "toy", version: "1" } };
  assert.deepEqual(rest, { resultType: "complete", ttlMs: 0, cacheScope: "private", _meta: meta });
  const shared = JSON.parse((await ask(toy, modern("resources/list"))).text) as { result: JsonObject };
  assert.equal(shared.result["ttlMs"], 0);
  assert.equal(shared.result["cacheScope"], "private");
  const found = JSON.parse((await ask(toy, modern("server/discover"))).text) as { result: JsonObject };
  assert.deepEqual(found.result["supportedVersions"], ["2026-07-28"]);
  assert.equal(found.result["instructions"], "Hello ada");
  const process = "0123456789abcdef0123456789abcdef";
  await ask(toy, modern("tools/list", {}, { headers: { "freehold-process": process } }));
  assert.deepEqual(
    toy.seen.map((call) => call.wire.id),
    ["stateless", "stateless", process],
  );
});

test("a 2026-07-28 request whose headers or envelope disagree is refused with its era's code", async (context) => {
  const toy = await toyFor(context);
  const call = modern("tools/call", { name: "größe" });
  const name = `=?base64?${Buffer.from("größe").toString("base64")}?=`;
  const refusal = async (wanted: Ask): Promise<readonly [number, number]> => {
    const answer = await ask(toy, wanted);
    return [answer.status, errorIn(answer)];
  };
  const withHeaders = (headers: Record<string, string>, wanted = call): Ask => ({ ...wanted, headers });
  const good = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": name };
  assert.equal((await ask(toy, withHeaders(good))).status, 200);
  const { "mcp-name": _name, ...nameless } = good;
  const { "mcp-method": _method, ...methodless } = good;
  const { "mcp-protocol-version": _version, ...versionless } = good;
  for (const headers of [
    nameless,
    methodless,
    versionless,
    { ...good, "mcp-name": "other" },
    { ...good, "mcp-name": "=?base64?!!?=" },
    { ...good, "mcp-method": "tools/list" },
    { ...good, "mcp-protocol-version": "2025-11-25" },
  ]) {
    assert.deepEqual(await refusal(withHeaders(headers)), [400, -32020], JSON.stringify(headers));
  }
  const future = { _meta: { "io.modelcontextprotocol/protocolVersion": "2027-01-01" } };
  const tomorrow = await ask(toy, modern("tools/list", future, { headers: { "mcp-protocol-version": "2027-01-01" } }));
  assert.equal(tomorrow.status, 400);
  const { error } = JSON.parse(tomorrow.text) as { error: { code: number; data: JsonObject } };
  assert.deepEqual(error.data, { supported: ["2026-07-28"], requested: "2027-01-01" });
  assert.equal(error.code, -32022);
  const bare = { jsonrpc: "2.0", id: 1, method: "tools/list" };
  assert.deepEqual(await refusal({ body: bare, headers: { "mcp-protocol-version": "2026-07-28" } }), [400, -32602]);
  const incapable = { "io.modelcontextprotocol/clientCapabilities": 5 };
  assert.deepEqual(await refusal(modern("tools/list", { _meta: incapable })), [400, -32602]);
  for (const method of ["ping", "initialize", "logging/setLevel", "resources/subscribe", "no/such"]) {
    assert.deepEqual(await refusal(modern(method)), [404, -32601], method);
  }
  assert.deepEqual(await refusal(modern("completion/complete")), [404, -32601]);
  const got = await ask(toy, { method: "GET", headers: { "mcp-protocol-version": "2026-07-28" } });
  assert.equal(got.status, 405);
});

test("progress comes as events before the answer, with the client's own token, when asked for", async (context) => {
  const toy = await toyFor(context);
  const events = eventsIn(await ask(toy, modern("tools/call", { name: "steps", _meta: { progressToken: "p1" } })));
  assert.equal(events.length, 4);
  assert.deepEqual(events[0]?.["params"], { progress: 1, total: 3, progressToken: "p1" });
  assert.equal(events[3]?.["id"], 7);
  const plain = await ask(toy, modern("tools/call", { name: "steps" }));
  assert.equal(plain.headers["content-type"], "application/json");
  const deaf = { headers: { accept: "application/json" } };
  const unheard = await ask(toy, modern("tools/call", { name: "steps", _meta: { progressToken: 1 } }, deaf));
  assert.equal(unheard.headers["content-type"], "application/json");
});

test("a legacy client can cancel by id, and an id is not used twice at once", async (context) => {
  const toy = await toyFor(context);
  const headers = { "mcp-session-id": await openSession(toy) };
  const wait = { jsonrpc: "2.0", id: "w", method: "tools/call", params: { name: "wait" } };
  const waiting = ask(toy, { body: wait, headers });
  while (!toy.events.includes("waiting")) await ask(toy, { body: PING, headers });
  assert.equal(errorIn(await ask(toy, { body: wait, headers })), -32600);
  const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "w" } };
  assert.equal((await ask(toy, { body: cancel, headers })).status, 202);
  assert.equal(errorIn(await waiting), -32000);
  assert.ok(toy.events.includes("cancelled"));
});

test("leaving cancels in 2026-07-28 and not before", async (context) => {
  const toy = await toyFor(context);
  const leave = async (wanted: Ask): Promise<void> => {
    const before = toy.events.length;
    const body = JSON.stringify(wanted.body);
    const head = Object.entries({
      authorization: "Bearer ada-token",
      "content-type": "application/json",
      ...wanted.headers,
    });
    const lines = head.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const socket = connect(toy.port, "127.0.0.1");
    socket.write(
      `POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:${toy.port}\r\ncontent-length: ${body.length}\r\n${lines}\r\n${body}`,
    );
    while (toy.events.length === before) await ask(toy, modern("tools/list"));
    socket.destroy();
  };
  await leave(modern("tools/call", { name: "wait" }));
  while (!toy.events.includes("cancelled")) await ask(toy, modern("tools/list"));
  const headers = { "mcp-session-id": await openSession(toy) };
  await leave({ body: { jsonrpc: "2.0", id: 3, method: "tools/call", params: { name: "wait" } }, headers });
  for (let count = 0; count < 5; count += 1) await ask(toy, modern("tools/list"));
  assert.equal(toy.events.filter((event) => event === "cancelled").length, 1);
});

test("one client cannot have more than 64 requests under way", async (context) => {
  const toy = await toyFor(context);
  const waits = Array.from({ length: 65 }, () => ask(toy, modern("tools/call", { name: "wait" })));
  const refused = await Promise.race(waits);
  assert.equal(refused.status, 429);
  assert.equal((await ask(toy, modern("tools/list", {}, { token: "bob-token" }))).status, 200);
  await toy.close();
  await Promise.allSettled(waits);
});

test("fields of one era do not reach clients of the other, and a bug tells nothing of itself", async (context) => {
  const toy = await toyFor(context);
  const headers = { "mcp-session-id": await openSession(toy) };
  const legacy = async (method: string, params: JsonObject = {}): Promise<string> =>
    (await ask(toy, { body: { jsonrpc: "2.0", id: 4, method, params }, headers })).text;
  assert.equal(await legacy("resources/list"), '{"jsonrpc":"2.0","id":4,"result":{"resources":[]}}');
  assert.match(await legacy("tools/call", { name: "ask" }), /asks for input/);
  assert.match((await ask(toy, modern("tools/call", { name: "ask" }))).text, /"resultType":"input_required"/);
  const failed = await legacy("prompts/list");
  assert.match(failed, /-32603/);
  assert.doesNotMatch(failed, /path/);
  assert.ok(toy.events.includes("failure"));
});

test("a change is told on the open stream of those it concerns, in both eras", async (context) => {
  const toy = await toyFor(context);
  const headers = { "mcp-session-id": await openSession(toy) };
  const stream = await begin(toy, { method: "GET", headers });
  const filter = { toolsListChanged: true, promptsListChanged: true };
  const listening = await begin(toy, modern("subscriptions/listen", { notifications: filter }));
  const stranger = await begin(toy, modern("subscriptions/listen", { notifications: filter }, { token: "bob-token" }));
  toy.endpoint.notify((identity) => identity === "ada", "notifications/tools/list_changed", {});
  toy.endpoint.notify((identity) => identity === "ada", "notifications/prompts/list_changed", {});
  toy.endpoint.close();
  assert.deepEqual(
    eventsIn(await stream.rest()).map((event) => event["method"]),
    ["notifications/tools/list_changed", "notifications/prompts/list_changed"],
  );
  const [acknowledged, changed, goodbye] = eventsIn(await listening.rest());
  assert.deepEqual(acknowledged?.["params"], {
    _meta: { "io.modelcontextprotocol/subscriptionId": 7 },
    notifications: { toolsListChanged: true },
  });
  assert.equal(changed?.["method"], "notifications/tools/list_changed");
  assert.equal(goodbye?.["id"], 7);
  assert.equal(eventsIn(await stranger.rest()).length, 2);
});

test("a session in use is not taken from its client for another", async (context) => {
  const toy = await toyFor(context);
  for (let count = 0; count < 3; count += 1) {
    await begin(toy, { method: "GET", headers: { "mcp-session-id": await openSession(toy) } });
  }
  assert.equal((await ask(toy, { body: HELLO, token: "bob-token" })).status, 503);
  assert.equal((await ask(toy, modern("tools/list", {}, { token: "bob-token" }))).status, 200);
});
