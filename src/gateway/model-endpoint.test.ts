import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { describe, test } from "node:test";
import { isObject, readJson, type JsonObject } from "../kernel/index.ts";
import { endpointRig, type EndpointRig } from "../../tests/fixtures/model-endpoint.ts";
import { says } from "../../tests/fixtures/model-provider.ts";

const HELLO = { model: "gpt", messages: [{ role: "user", content: "hello" }] };
const CHAT = "/v1/chat/completions";
const MESSAGES = "/v1/messages";

interface Sent {
  readonly path?: string;
  readonly method?: string;
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text is sent as it is. */
  readonly body?: JsonObject | string | Buffer;
}

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: JsonObject;
}

function send(
  one: EndpointRig,
  { path = CHAT, method = "POST", token, headers = {}, body = HELLO }: Sent,
): Promise<Got> {
  const own = token === undefined ? one.tokens.shell : token;
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  const all = {
    "content-type": "application/json",
    ...(own === null ? {} : { authorization: `Bearer ${own}` }),
    ...headers,
  };
  const request = httpRequest(`${one.url}${path}`, { method, headers: all, agent: false }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    response.on("end", () => {
      const value = readJson(text === "" ? "{}" : text);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: isObject(value) ? value : {} });
    });
  });
  request.on("error", reject);
  const written = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  request.end(method === "GET" ? undefined : written);
  return promise;
}

/** A body that begins and does not go on; begun once the endpoint reads it. */
function beginSlowly(one: EndpointRig): { readonly begun: Promise<unknown>; readonly end: () => void } {
  const headers = {
    "content-type": "application/json",
    "content-length": "1000",
    authorization: `Bearer ${one.tokens.shell}`,
    expect: "100-continue",
  };
  const request = httpRequest(`${one.url}${CHAT}`, { method: "POST", headers, agent: false });
  request.on("error", () => undefined);
  request.flushHeaders();
  const begun = once(request, "continue");
  return { begun, end: () => void request.destroy() };
}

function messageOf({ body }: Got): string {
  const error = body["error"];
  return isObject(error) && typeof error["message"] === "string" ? error["message"] : "";
}

test("a model's name and words with half a character in them are settled and recorded as any other", async (t) => {
  const one = await endpointRig(t);
  const half = "\ud83d";
  const usage = { prompt_tokens: 9, completion_tokens: 1 };
  const choices = [{ message: { content: half }, finish_reason: "stop" }];
  for (const model of [half, `${"x".repeat(199)}\ud83d\ude42`]) {
    one.gpt.answer = says({ model, choices, usage });
    assert.equal((await send(one, {})).status, 200);
  }
  one.gpt.answer = says({ error: { message: `${half} no`, type: half, code: half } }, 400);
  assert.equal((await send(one, {})).status, 400);
  assert.deepEqual(one.failures, []);
  assert.equal(one.store.ledger.entries({ kind: "outcome", limit: 9 }).length, 3);
});

describe("who may ask", () => {
  test("a client by its token, in either header, and nobody else", async (t) => {
    const one = await endpointRig(t);
    one.gpt.answer = says({ choices: [{ message: { content: "hi" }, finish_reason: "stop" }] });
    assert.equal((await send(one, {})).status, 200);
    assert.equal((await send(one, { token: null, headers: { "x-api-key": one.tokens.shell } })).status, 200);
    for (const token of [null, "x", "y".repeat(43)]) {
      const got = await send(one, { token });
      assert.deepEqual([got.status, got.headers["www-authenticate"]], [401, 'Bearer realm="freehold"']);
    }
    // Two keys that disagree are not tried one after the other.
    assert.equal((await send(one, { token: "x", headers: { "x-api-key": one.tokens.shell } })).status, 401);
    assert.equal((await send(one, { path: `${CHAT}?api_key=${one.tokens.shell}` })).status, 400);
  });

  test("no page of another site, and no name that leads here from elsewhere", async (t) => {
    const one = await endpointRig(t);
    assert.equal((await send(one, { headers: { host: "evil.example" } })).status, 403);
    assert.equal((await send(one, { headers: { origin: "https://evil.example" } })).status, 403);
    assert.equal((await send(one, { headers: { "sec-fetch-site": "cross-site" } })).status, 403);
    assert.equal(one.gpt.asked.length, 0);
  });

  test("no client to which the stack gives no models", async (t) => {
    const one = await endpointRig(t);
    const got = await send(one, { token: one.tokens.other });
    assert.equal(got.status, 403);
    assert.match(messageOf(got), /names no models for this client/);
    assert.equal((await send(one, { token: one.tokens.other, path: "/v1/models", method: "GET" })).status, 403);
  });
});

describe("what may be asked", () => {
  test("a model by its name or exact name, or whichever is cleared; another is not put in its place", async (t) => {
    const one = await endpointRig(t);
    one.gpt.answer = says({ choices: [{ message: { content: "hi" }, finish_reason: "stop" }] });
    for (const model of ["gpt", "gpt-test-2026-05-01", "auto"]) {
      assert.equal((await send(one, { body: { ...HELLO, model } })).status, 200, model);
    }
    for (const model of ["other", "other-1", "gpt-4o", "", "__proto__"]) {
      const got = await send(one, { body: { ...HELLO, model } });
      assert.equal(got.status, 404, model);
      assert.match(messageOf(got), /There are 'gpt', 'claude', 'auto'\./);
    }
    assert.deepEqual(
      one.gpt.asked.map(({ body }) => body["model"]),
      ["gpt-exact", "gpt-exact", "gpt-exact"],
    );
  });

  test("JSON of one reading, of a bounded size", async (t) => {
    const one = await endpointRig(t);
    const wrong: readonly (readonly [Sent, number])[] = [
      [{ body: "{" }, 400],
      [{ body: "[]" }, 400],
      [{ body: '{"model":"gpt","model":"claude"}' }, 400],
      [{ body: Buffer.from([0x7b, 0xff, 0x7d]) }, 400],
      [{ body: '{"model":"gpt","seed":9007199254740993}' }, 400],
      [{ headers: { "content-type": "text/plain" } }, 415],
      [{ headers: { "content-length": String(33 * 1024 * 1024) }, body: "" }, 413],
    ];
    for (const [sent, status] of wrong) assert.equal((await send(one, sent)).status, status, JSON.stringify(sent));
    assert.equal(one.gpt.asked.length, 0);
  });

  test("at the addresses that there are", async (t) => {
    const one = await endpointRig(t);
    assert.equal((await send(one, { path: "/v1/files" })).status, 404);
    assert.equal((await send(one, { method: "GET" })).status, 404);
    assert.equal((await send(one, { path: "/v1/models/nobody", method: "GET" })).status, 404);
    const counted = await send(one, { path: "/v1/messages/count_tokens" });
    assert.deepEqual([counted.status, counted.body["type"]], [404, "error"]);
    const list = await send(one, { path: "/v1/models", method: "GET", headers: { "anthropic-version": "2023-06-01" } });
    assert.deepEqual([list.body["first_id"], list.body["has_more"]], ["gpt", false]);
  });
});

describe("a refusal", () => {
  test("has the status and the form of the program's dialect", async (t) => {
    const one = await endpointRig(t);
    const long = { ...HELLO, max_tokens: 5, messages: [{ role: "user", content: "x".repeat(900_000) }] };
    const tooLong = await send(one, { body: long });
    assert.deepEqual(
      [tooLong.status, isObject(tooLong.body["error"]) && tooLong.body["error"]["code"]],
      [400, "context_length_exceeded"],
    );
    const other = await send(one, { path: MESSAGES, body: { ...long, model: "claude" } });
    assert.deepEqual(
      [other.status, isObject(other.body["error"]) && other.body["error"]["type"]],
      [413, "request_too_large"],
    );
    const unsayable = await send(one, { body: { ...HELLO, model: "claude", logprobs: true } });
    assert.deepEqual(
      [unsayable.status, messageOf(unsayable)],
      [400, "Freehold: logprobs cannot be had from this model"],
    );
    await one.door.stop("a test");
    const stopped = await send(one, {});
    assert.deepEqual([stopped.status, stopped.headers["x-should-retry"]], [503, "false"]);
  });

  test("names the request, for the ledger", async (t) => {
    const one = await endpointRig(t);
    one.gpt.answer = says({ error: { message: "broken" } }, 500);
    const got = await send(one, {});
    const ids = one.store.ledger.entries({ after: 0, limit: 10 }).map(({ request }) => request);
    assert.equal(got.status, 500);
    assert.ok(ids.includes(String(got.headers["x-request-id"])));
  });

  test("of what cannot be connected to, or cannot be said in the dialect, is a bad gateway", async (t) => {
    const one = await endpointRig(t);
    one.gpt.answer = (response) => response.destroy();
    assert.equal((await send(one, {})).status, 502);
    const call = { id: "a", type: "function", function: { name: "b", arguments: '{"broken' } };
    one.gpt.answer = says({
      choices: [{ message: { content: null, tool_calls: [call] }, finish_reason: "tool_calls" }],
    });
    const got = await send(one, { path: MESSAGES, body: { ...HELLO, max_tokens: 5 } });
    assert.equal(got.status, 502);
    assert.match(messageOf(got), /no JSON object/);
  });

  test("for the tokens of a conversation ends with the owner's day: a program's are one in it", async (t) => {
    const one = await endpointRig(t);
    one.budget("{ day: 10, sessionTokens: 15000 }");
    const usage = { prompt_tokens: 2_000, completion_tokens: 8_000 };
    one.gpt.answer = says({ choices: [{ message: { content: "hi" }, finish_reason: "stop" }], usage });
    assert.equal((await send(one, {})).status, 200);
    const over = await send(one, {});
    assert.equal(over.status, 429);
    assert.match(messageOf(over), /over the budget tokens:/);
    one.nowMs += 86_400_000;
    assert.equal((await send(one, {})).status, 200);
  });

  test("in a provider's words, which may quote what it was sent, leaves them out of the ledger's facts", async (t) => {
    const one = await endpointRig(t);
    one.gpt.answer = says({ error: { message: "CANARY-4711 is not what you may ask", type: "x" } }, 400);
    assert.match(messageOf(await send(one, {})), /CANARY-4711/);
    const [denied] = one.store.ledger.entries({ kind: "denied", limit: 1 });
    assert.deepEqual(denied?.facts, { why: "failed" });
    assert.match(one.store.ledger.text(denied?.seq ?? 0) ?? "", /CANARY-4711/);
  });

  test("comes when too much is under way, and not before or after", async (t) => {
    const one = await endpointRig(t);
    const waiting: (() => void)[] = [];
    const full = Promise.withResolvers<void>();
    const answer = says({ choices: [{ message: { content: "hi" }, finish_reason: "stop" }] });
    one.gpt.answer = (response, asked) => {
      waiting.push(() => void answer(response, asked));
      if (waiting.length === 32) full.resolve();
    };
    const first = Array.from({ length: 32 }, () => send(one, {}));
    await full.promise;
    assert.deepEqual(
      [(await send(one, {})).status, (await send(one, { token: one.tokens.office })).status],
      [503, 403],
    );
    one.gpt.answer = answer;
    for (const go of waiting) go();
    assert.deepEqual(new Set((await Promise.all(first)).map(({ status }) => status)), new Set([200]));
    assert.equal((await send(one, {})).status, 200);
  });

  test("comes when too many send their bodies slowly, and no more once they are gone", async (t) => {
    const one = await endpointRig(t);
    one.gpt.answer = says({ choices: [{ message: { content: "hi" }, finish_reason: "stop" }] });
    const slow = Array.from({ length: 32 }, () => beginSlowly(one));
    await Promise.all(slow.map(({ begun }) => begun));
    const got = await send(one, {});
    assert.deepEqual([got.status, got.headers["retry-after"]], [503, "1"]);
    for (const { end } of slow) end();
    let last = 503;
    for (let turn = 0; turn < 100 && last === 503; turn += 1) last = (await send(one, {})).status;
    assert.equal(last, 200);
  });

  test("comes when the bodies under way are too many bytes together, and no more afterwards", async (t) => {
    const one = await endpointRig(t, { heldBytesMax: 100_000 });
    one.gpt.answer = says({ choices: [{ message: { content: "hi" }, finish_reason: "stop" }] });
    const large = { ...HELLO, messages: [{ role: "user", content: "x".repeat(70_000) }] };
    const holding = Promise.withResolvers<() => void>();
    const answer = one.gpt.answer;
    one.gpt.answer = (response, asked) => holding.resolve(() => void answer(response, asked));
    const first = send(one, { body: large });
    const go = await holding.promise;
    assert.equal((await send(one, { body: large })).status, 503);
    one.gpt.answer = answer;
    go();
    assert.equal((await first).status, 200);
    assert.equal((await send(one, { body: large })).status, 200);
  });
});
