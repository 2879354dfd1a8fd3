// What a call over HTTP survives: broken streams, ended sessions, questions in its middle, a token that is too old.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { test, type TestContext } from "node:test";
import { isObject, type JsonObject } from "../kernel/index.ts";
import { handshake, openHttpPeer, readSurface, type HttpPeerOptions, type Peer } from "./index.ts";
import type { PeerCall } from "./peer.ts";

interface Heard {
  readonly verb: string;
  readonly headers: IncomingHttpHeaders;
  readonly id: number;
  readonly method: string;
  readonly params: JsonObject;
  say(result: JsonObject, headers?: Record<string, string>): void;
  status(code: number, headers?: Record<string, string>): void;
  readonly response: ServerResponse;
}

const HELLO: JsonObject = { protocolVersion: "2025-11-25", serverInfo: { name: "s", version: "1" }, capabilities: {} };
const DISCOVERED: JsonObject = {
  resultType: "complete",
  supportedVersions: ["2026-07-28"],
  capabilities: { tools: {} },
};

/** A server that greets in the old era unless `on` answers first; `on` answers what it knows. */
async function serve(
  t: TestContext,
  on: (heard: Heard, path: string) => boolean,
): Promise<{ url: string; heard: Heard[] }> {
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
    request.on("end", () => {
      const body: unknown = text === "" ? {} : JSON.parse(text);
      const { id = 0, method = "", params = {} } = isObject(body) ? body : {};
      const one: Heard = {
        verb: request.method ?? "",
        headers: request.headers,
        id: Number(id),
        method: typeof method === "string" ? method : "",
        params: isObject(params) ? params : {},
        say(result, headers = {}) {
          response.writeHead(200, { "content-type": "application/json", ...headers });
          response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
        },
        status: (code, headers = {}) => void response.writeHead(code, headers).end(),
        response,
      };
      heard.push(one);
      if (on(one, request.url ?? "")) return;
      if (one.method === "initialize") one.say(HELLO, { "mcp-session-id": "first" });
      else one.status(one.method.startsWith("notifications/") ? 202 : one.verb === "DELETE" ? 200 : 405);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/mcp`, heard };
}

async function openPeer(t: TestContext, url: string, more: Partial<HttpPeerOptions> = {}): Promise<Peer> {
  const peer = openHttpPeer({ url, headers: () => ({}), permit: async () => true, messageBytesMax: 4096, ...more });
  t.after(() => peer.close());
  return peer;
}

function callLook(peer: Peer, more: Partial<PeerCall> = {}) {
  const paramsText = '{"arguments":{},"name":"look"}';
  return peer.request({ method: "tools/call", paramsText, timeoutMs: 10_000, ...more });
}

const OK = { kind: "result", result: { content: [] } };

function events(response: ServerResponse, text: string): ServerResponse {
  response.writeHead(200, { "content-type": "text/event-stream" }).write(text);
  return response;
}

function answerText(id: number): string {
  return `data: ${JSON.stringify({ jsonrpc: "2.0", id, result: { content: [] } })}\n\n`;
}

test("a stream that breaks before the answer is taken up where it broke", async (t) => {
  let call = 0;
  const { url, heard } = await serve(t, (one) => {
    if (one.method === "tools/call") {
      call = one.id;
      events(one.response, "id: e1\nretry: 5\ndata: \n\n").end();
      return true;
    }
    if (one.verb !== "GET") return false;
    if (one.headers["last-event-id"] === "e1") events(one.response, "id: e2\nretry: 5\ndata: \n\n").end();
    else events(one.response, answerText(call)).end();
    return true;
  });
  const peer = await openPeer(t, url);
  await handshake(peer, { timeoutMs: 10_000, open: "legacy" });
  assert.deepEqual(await callLook(peer), OK);
  const gets = heard.filter((one) => one.verb === "GET");
  assert.deepEqual(
    gets.map((one) => one.headers["last-event-id"]),
    ["e1", "e2"],
  );
  assert.ok(gets.every((one) => one.headers["mcp-session-id"] === "first"));
  assert.equal(heard.filter((one) => one.method === "tools/call").length, 1);
});

test("a stream that never answers is given up, and one without an id is not taken up at all", async (t) => {
  let id = "e";
  const { url, heard } = await serve(t, (one) => {
    if (one.method !== "tools/call" && one.verb !== "GET") return false;
    events(one.response, `${id === "" ? "" : `id: ${id}\n`}retry: 1\ndata: \n\n`).end();
    return true;
  });
  const peer = await openPeer(t, url);
  await handshake(peer, { timeoutMs: 10_000, open: "legacy" });
  assert.equal((await callLook(peer)).kind, "broken");
  assert.equal(heard.filter((one) => one.verb === "GET").length, 10);
  id = "";
  assert.equal((await callLook(peer)).kind, "broken");
  assert.equal(heard.filter((one) => one.verb === "GET").length, 10);
});

test("a stream over the limit is not taken up: it would be over it again", async (t) => {
  const { url, heard } = await serve(t, (one) => {
    if (one.method !== "tools/call") return false;
    events(one.response, `id: e\nretry: 1\ndata: ${"x".repeat(5_000)}\n\n`);
    return true;
  });
  const peer = await openPeer(t, url);
  await handshake(peer, { timeoutMs: 10_000, open: "legacy" });
  assert.match(JSON.stringify(await callLook(peer)), /over 4096 bytes/);
  assert.equal(
    heard.some((one) => one.verb === "GET"),
    false,
  );
});

async function endedSession(t: TestContext, renewed: () => Promise<boolean>) {
  let session = "first";
  const { url, heard } = await serve(t, (one) => {
    if (one.method === "initialize") one.say(HELLO, { "mcp-session-id": session });
    else if (one.method !== "tools/call") return false;
    else if (one.headers["mcp-session-id"] === session) one.say({ content: [] });
    else one.status(404);
    return true;
  });
  const peer = await openPeer(t, url, { renewed });
  await handshake(peer, { timeoutMs: 10_000, open: "legacy" });
  session = "second";
  return { peer, heard };
}

test("an ended session is opened anew, and the refused call runs once in it", async (t) => {
  const { peer, heard } = await endedSession(t, async () => true);
  assert.deepEqual(await Promise.all([callLook(peer), callLook(peer)]), [OK, OK]);
  assert.equal(heard.filter((one) => one.method === "initialize").length, 2);
  assert.equal(heard.filter((one) => one.method === "tools/call").length, 4);
});

test("nothing is sent to a server that is another one in its new session", async (t) => {
  const { peer, heard } = await endedSession(t, async () => false);
  const reply = await callLook(peer);
  assert.equal(reply.kind, "error");
  assert.equal(heard.filter((one) => one.method === "tools/call").length, 1);
});

function modern(rounds: (params: JsonObject, heard: Heard) => JsonObject): (one: Heard) => boolean {
  return (one) => {
    if (one.method === "server/discover") one.say(DISCOVERED);
    else if (one.method === "tools/call") one.say(rounds(one.params, one));
    else return false;
    return true;
  };
}

const FORM = { method: "elicitation/create", params: { requestedSchema: { properties: { a: { default: 1 } } } } };

test("a call that asks in its middle goes on with the answers and the state, in a new request", async (t) => {
  const { url, heard } = await serve(
    t,
    modern((params) => {
      if (params["inputResponses"] !== undefined) return { resultType: "complete", content: [] };
      return { resultType: "input_required", inputRequests: { a: FORM }, requestState: '{"opaque":1}' };
    }),
  );
  const peer = await openPeer(t, url);
  await handshake(peer, { timeoutMs: 10_000 });
  const respond = async () => ({ kind: "result" as const, result: { action: "accept" } });
  assert.equal((await callLook(peer, { respond })).kind, "result");
  const [first, second] = heard.filter((one) => one.method === "tools/call");
  assert.notEqual(first?.id, second?.id);
  assert.deepEqual(second?.params["inputResponses"], { a: { action: "accept", content: { a: 1 } } });
  assert.equal(second?.params["requestState"], '{"opaque":1}');
  assert.equal(second?.params["name"], "look");
  const plain = await callLook(peer);
  assert.ok(plain.kind === "result" && plain.result["resultType"] === "input_required");
});

test("a server that never has enough input, or asks for what no client gives, gets no further try", async (t) => {
  let inputRequests: JsonObject = { a: FORM };
  const { url, heard } = await serve(
    t,
    modern(() => ({ resultType: "input_required", inputRequests })),
  );
  const peer = await openPeer(t, url);
  await handshake(peer, { timeoutMs: 10_000 });
  const respond = async () => ({ kind: "result" as const, result: { action: "decline" } });
  assert.match(JSON.stringify(await callLook(peer, { respond })), /asked for input 10 times/);
  assert.equal(heard.filter((one) => one.method === "tools/call").length, 10);
  const odd: readonly JsonObject[] = [{}, { a: { method: "tools/call" } }, { a: 1 }];
  for (inputRequests of odd) assert.equal((await callLook(peer, { respond })).kind, "error");
  const refusal = { kind: "error" as const, code: -32_000, message: "the owner said no" };
  inputRequests = { a: FORM };
  assert.deepEqual(await callLook(peer, { respond: async () => refusal }), refusal);
});

test("what an old server asks on a call's stream is answered by that call", async (t) => {
  const waiting: Heard[] = [];
  const { url } = await serve(t, (one) => {
    if (one.method !== "tools/call") return false;
    waiting.push(one);
    if (waiting.length < 2) return true;
    for (const { id, response } of waiting) {
      const ask = { jsonrpc: "2.0", id: `ask-${id}`, method: "elicitation/create", params: {} };
      events(response, `data: ${JSON.stringify(ask)}\n\n`);
    }
    return true;
  });
  const peer = await openPeer(t, url);
  await handshake(peer, { timeoutMs: 10_000, open: "legacy" });
  const asked: string[] = [];
  const both = Promise.withResolvers<void>();
  const respond = (name: string) => async () => {
    asked.push(name);
    if (asked.length === 2) both.resolve();
    return { kind: "result" as const, result: { action: "cancel" } };
  };
  const calls = [callLook(peer, { respond: respond("one") }), callLook(peer, { respond: respond("two") })];
  await both.promise;
  assert.deepEqual(asked.sort(), ["one", "two"]);
  for (const { id, response } of waiting) response.end(answerText(id));
  assert.deepEqual(await Promise.all(calls), [OK, OK]);
});

test("a refused token is asked for again at most twice, and never where nobody has one", async (t) => {
  let isOpen = false;
  const { url, heard } = await serve(t, (one) => {
    if (isOpen || one.method === "initialize" || one.method.startsWith("notifications/")) return false;
    one.status(401, { "www-authenticate": 'Bearer resource_metadata="https://a.example/m", scope="a b"' });
    return true;
  });
  const seen: unknown[] = [];
  let token = 0;
  const authorization = {
    token: async () => `t${token}`,
    async refused(challenge: unknown, used: string | null) {
      seen.push(challenge, used);
      token += 1;
      return true;
    },
  };
  const peer = await openPeer(t, url, { authorization });
  await handshake(peer, { timeoutMs: 10_000, open: "legacy" });
  const reply = await callLook(peer);
  assert.match(JSON.stringify(reply), /HTTP 401/);
  const challenge = { status: 401, error: null, scope: "a b", resourceMetadata: "https://a.example/m" };
  assert.deepEqual(seen, [challenge, "t0", challenge, "t1"]);
  const sent = heard.filter((one) => one.method === "tools/call").map((one) => one.headers.authorization);
  assert.deepEqual(sent, ["Bearer t0", "Bearer t1", "Bearer t2"]);
  isOpen = true;
  const plain = await openPeer(t, url);
  await handshake(plain, { timeoutMs: 10_000, open: "legacy" });
  isOpen = false;
  assert.match(JSON.stringify(await callLook(plain)), /HTTP 401/);
});

test("a tool whose headers cannot be made is left out by name, the others are called with theirs", async (t) => {
  const property = (header: string): JsonObject => ({ type: "string", "x-mcp-header": header });
  const tool = (name: string, header: string): JsonObject => ({
    name,
    inputSchema: { type: "object", properties: { where: property(header) } },
  });
  const { url, heard } = await serve(t, (one) => {
    if (one.method === "server/discover") one.say(DISCOVERED);
    else if (one.method === "tools/list") one.say({ tools: [tool("look", "Where"), tool("bad", "a b")] });
    else if (one.method === "tools/call") one.say({ content: [] });
    else return false;
    return true;
  });
  const peer = await openPeer(t, url);
  const hello = await handshake(peer, { timeoutMs: 10_000 });
  const leftOut: string[] = [];
  const limits = { timeoutMs: 10_000, pagesMax: 2, itemsMax: 9, onLeftOut: (name: string) => void leftOut.push(name) };
  const { tools } = await readSurface(peer, hello, limits);
  assert.deepEqual([tools.map((each) => each["name"]), leftOut], [["look"], ["bad"]]);
  await callLook(peer, { paramsText: '{"arguments":{"where":"süd"},"name":"look"}' });
  assert.equal(heard.at(-1)?.headers["mcp-param-where"], `=?base64?${Buffer.from("süd").toString("base64")}?=`);
  assert.equal(heard.at(-1)?.headers["mcp-name"], "look");
});

/** Of 2024-11-05: a stream that names `endpoint`, and answers on it. */
function oldServer(t: TestContext, endpoint: string) {
  let stream: ServerResponse | null = null;
  const posted: string[] = [];
  const on = (one: Heard, path: string): boolean => {
    if (one.verb === "GET") stream = events(one.response, `event: endpoint\ndata: ${endpoint}\n\n`);
    else if (path !== "/messages?s=1") one.status(405);
    else {
      posted.push(one.method);
      one.status(202);
      const result = one.method === "initialize" ? { ...HELLO, protocolVersion: "2024-11-05" } : { content: [] };
      if (one.id !== 0) stream?.write(`data: ${JSON.stringify({ jsonrpc: "2.0", id: one.id, result })}\n\n`);
    }
    return true;
  };
  return { served: serve(t, on), posted, end: () => stream?.end() };
}

test("a server of 2024-11-05 is asked where its stream says, and ends with that stream", async (t) => {
  const old = oldServer(t, "/messages?s=1");
  const peer = await openPeer(t, (await old.served).url);
  assert.equal((await handshake(peer, { timeoutMs: 10_000 })).protocol, "2024-11-05");
  peer.openStream();
  assert.deepEqual(await Promise.all([callLook(peer), callLook(peer)]), [OK, OK]);
  assert.deepEqual(old.posted, ["initialize", "notifications/initialized", "tools/call", "tools/call"]);
  old.end();
  assert.match(await peer.closed, /ended its stream/);
});

test("a stream that names an address elsewhere is not followed", async (t) => {
  const elsewhere = oldServer(t, "/messages?s=1");
  const { url } = await elsewhere.served;
  const old = oldServer(t, new URL("/messages?s=1", url).href);
  const peer = await openPeer(t, (await old.served).url);
  await assert.rejects(handshake(peer, { timeoutMs: 10_000 }), /HTTP 405/);
  assert.deepEqual(elsewhere.posted, []);
});
