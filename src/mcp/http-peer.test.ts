import assert from "node:assert/strict";
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { fileURLToPath } from "node:url";
import { after, test } from "node:test";
import type { JsonObject } from "../kernel/index.ts";
import { handshake, openHttpPeer, readSurface, type HttpPeerOptions, type Peer, type PeerCall } from "./index.ts";

const LIMITS = { timeoutMs: 10_000, pagesMax: 10, itemsMax: 100 };
const WAIT = { timeoutMs: 10_000 };
const children: ChildProcessWithoutNullStreams[] = [];
const servers: Server[] = [];
const peers: Peer[] = [];
after(() => {
  for (const peer of peers) peer.close();
  for (const child of children) child.kill("SIGKILL");
  for (const server of servers) server.close().closeAllConnections();
});

async function startFixture(fixture: string): Promise<{ url: string; child: ChildProcessWithoutNullStreams }> {
  const path = fileURLToPath(new URL(`../../tests/fixtures/${fixture}.ts`, import.meta.url));
  const child = spawn(process.execPath, [path, "http"], { stdio: "pipe" });
  children.push(child);
  const [line] = await once(child.stdout, "data");
  return { url: String(line).trim(), child };
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/mcp`;
}

function openPeer(url: string, more: Partial<HttpPeerOptions> = {}): Peer {
  const peer = openHttpPeer({ url, headers: () => ({}), permit: async () => true, messageBytesMax: 1 << 20, ...more });
  peers.push(peer);
  return peer;
}

function call(peer: Peer, name: string, how: Partial<PeerCall> & { readonly args?: JsonObject } = {}) {
  const { args = {}, ...more } = how;
  const paramsText = JSON.stringify({ arguments: args, name });
  return peer.request({ method: "tools/call", paramsText, timeoutMs: 10_000, ...more });
}

interface Posted {
  readonly id: number;
  readonly method: string;
}

function readPosted(request: IncomingMessage, done: (posted: Posted) => void): void {
  let text = "";
  request.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
  request.on("end", () => done(JSON.parse(text) as Posted));
}

test("a 2026-07-28 server is found by its answer to server/discover and called without a session", async () => {
  const { url } = await startFixture("mcp-server-2");
  const peer = openPeer(url);
  const hello = await handshake(peer, WAIT);
  assert.equal(hello.era, "modern");
  const surface = await readSurface(peer, hello, LIMITS);
  assert.equal(surface.tools.length, 3);
  const steps: JsonObject[] = [];
  const reply = await call(peer, "steps", { args: { count: 2 }, onProgress: (step) => steps.push(step) });
  assert.equal(reply.kind, "result");
  assert.deepEqual(
    steps.map((step) => step["progress"]),
    [1, 2],
  );
  const note = await peer.request({ method: "resources/read", paramsText: '{"uri":"memo://note"}', timeoutMs: 5000 });
  assert.equal(note.kind, "result");
});

test("cancelling a call closes its connection, which ends it at a 2026-07-28 server", async () => {
  const { url, child } = await startFixture("mcp-server-2");
  const peer = openPeer(url);
  await handshake(peer, WAIT);
  const stop = new AbortController();
  const waiting = call(peer, "wait", { signal: stop.signal });
  await call(peer, "echo", { args: { text: "x" } });
  const heard = once(child.stderr, "data");
  stop.abort();
  assert.equal((await waiting).kind, "broken");
  assert.match(String((await heard)[0]), /cancelled/);
});

test("a 2025 server is opened with a session, which is deleted at the end", async () => {
  const { url, child } = await startFixture("mcp-server-1");
  const peer = openPeer(url);
  const hello = await handshake(peer, { ...WAIT, capabilities: { roots: {} } });
  assert.equal(hello.era, "legacy");
  assert.equal((await readSurface(peer, hello, LIMITS)).tools.length, 4);
  peer.setRequestResponder(async () => ({ kind: "result", result: { roots: [{ uri: "file:///b" }] } }));
  peer.openStream();
  const asked = await call(peer, "ask");
  assert.match(JSON.stringify(asked), /file:\/\/\/b/);
  const changed = Promise.withResolvers<string>();
  peer.onNotification(changed.resolve);
  await call(peer, "more");
  assert.equal(await changed.promise, "notifications/tools/list_changed");
  peer.close();
  assert.match(String((await once(child.stderr, "data"))[0]), /session deleted/);
});

test("a session that the server ended closes the peer, so that the caller greets anew", async () => {
  const { url, child } = await startFixture("mcp-server-1");
  const peer = openPeer(url);
  await handshake(peer, WAIT);
  child.kill("SIGUSR2");
  let reply = await call(peer, "echo", { args: { text: "x" } });
  while (reply.kind === "result") reply = await call(peer, "echo", { args: { text: "x" } });
  const message = "the server ended the session; call again";
  assert.deepEqual(reply, { kind: "error", code: -32_000, message });
  assert.equal(await peer.closed, "the server ended the session");
});

test("no connection is made without a permit, and it goes to the address that was resolved", async () => {
  const url = await listen((_request, response) => response.writeHead(500).end());
  const { port } = new URL(url);
  const asked: unknown[] = [];
  const refused = openPeer(url, {
    permit: async (target) => {
      asked.push(target);
      return false;
    },
  });
  await assert.rejects(handshake(refused, WAIT), { code: "mcp.handshake", message: /not permitted/ });
  assert.deepEqual(asked, [{ host: "127.0.0.1", port: Number(port) }]);
  const seen: (string | undefined)[] = [];
  const named = await listen((request, response) => {
    seen.push(request.headers.host);
    response.writeHead(500).end();
  });
  const other = openPeer(named.replace("127.0.0.1", "mcp.example"), { resolve: async () => "127.0.0.1" });
  await assert.rejects(handshake(other, WAIT), /HTTP 500/);
  assert.deepEqual(seen, [`mcp.example:${new URL(named).port}`]);
  const forbidden = openPeer(url, { resolve: () => Promise.reject(new Error("the address is private")) });
  await assert.rejects(handshake(forbidden, WAIT), /the address is private/);
});

test("an outage or a wall is never taken for an old server", async () => {
  for (const status of [401, 403, 500, 302]) {
    let requests = 0;
    const url = await listen((_request, response) => {
      requests += 1;
      response.writeHead(status, { location: "http://127.0.0.1:1/" }).end();
    });
    await assert.rejects(handshake(openPeer(url), WAIT), new RegExp(`HTTP ${status}`));
    assert.equal(requests, 1);
  }
});

test("headers are asked for before each request and name and method are repeated for the modern era", async () => {
  const seen: IncomingMessage["headers"][] = [];
  const url = await listen((request, response) => {
    seen.push(request.headers);
    readPosted(request, ({ id }) => {
      const result = { resultType: "complete", supportedVersions: ["2026-07-28"], capabilities: {} };
      response.setHeader("content-type", "application/json").end(JSON.stringify({ jsonrpc: "2.0", id, result }));
    });
  });
  let count = 0;
  const peer = openPeer(url, { headers: () => ({ authorization: `Bearer ${(count += 1)}` }) });
  await handshake(peer, WAIT);
  await call(peer, "größe");
  assert.deepEqual(
    seen.map((headers) => headers.authorization),
    ["Bearer 1", "Bearer 2"],
  );
  assert.equal(seen[1]?.["mcp-protocol-version"], "2026-07-28");
  assert.equal(seen[1]?.["mcp-method"], "tools/call");
  assert.equal(seen[1]?.["mcp-name"], `=?base64?${Buffer.from("größe").toString("base64")}?=`);
});

test("answers that are too large, no answer, cut off or not JSON break that call alone", async () => {
  const answers: Record<string, (id: number) => [string, string]> = {
    large: () => ["application/json", `"${"x".repeat(3000)}"`],
    "large-stream": () => ["text/event-stream", `data: "${"x".repeat(3000)}"\n\n`],
    empty: () => ["application/json", ""],
    html: () => ["text/html", "<html>"],
    "silent-stream": () => ["text/event-stream", ": hello\n\n"],
    fine: (id) => ["text/event-stream", `id: 1\r\ndata: {"jsonrpc":"2.0","id":${id},\r\ndata: "result":{}}\r\n\r\n`],
    error: (id) => ["application/json", `{"jsonrpc":"2.0","id":${id},"error":{"code":-32000,"message":"no"}}`],
  };
  const url = await listen((request, response) => {
    readPosted(request, ({ id, method }) => {
      const [type, body] = answers[method]?.(id) ?? ["text/plain", ""];
      response.setHeader("content-type", type).end(body);
    });
  });
  const peer = openPeer(url, { messageBytesMax: 2000 });
  const told = async (method: string): Promise<string> => {
    const reply = await peer.request({ method, paramsText: "{}", timeoutMs: 5000 });
    return reply.kind === "broken" ? reply.reason : reply.kind;
  };
  assert.match(await told("large"), /over 2000 bytes/);
  assert.match(await told("large-stream"), /over 2000 bytes/);
  assert.match(await told("empty"), /carried no answer/);
  assert.match(await told("html"), /text\/html/);
  assert.match(await told("silent-stream"), /ended without an answer/);
  assert.equal(await told("fine"), "result");
  assert.equal(await told("error"), "error");
});

test("a server that hangs is left after the time given", async () => {
  const url = await listen(() => undefined);
  const peer = openPeer(url);
  const reply = await peer.request({ method: "tools/list", paramsText: "{}", timeoutMs: 20 });
  assert.deepEqual(reply, { kind: "broken", reason: "no answer to tools/list within 20 ms" });
});

test("an answer on another request's stream, or on the stream for what is said unasked, is nobody's", async () => {
  const arrived = Promise.withResolvers<void>();
  let first: { readonly id: number; readonly end: () => void } | null = null;
  const event = (id: number, said: string): string =>
    `data: {"jsonrpc":"2.0","id":${id},"result":{"said":"${said}"}}\n\n`;
  const url = await listen((request, response) => {
    response.setHeader("content-type", "text/event-stream");
    if (request.method === "GET") return void response.write(event(1, "unasked") + event(2, "unasked"));
    readPosted(request, ({ id }) => {
      if (first !== null) return void response.end(event(first.id, "swapped") + event(id, "second"));
      first = { id, end: () => response.end(event(id, "first")) };
      response.flushHeaders();
      arrived.resolve();
    });
  });
  const peer = openPeer(url);
  peer.speak({ era: "legacy", protocol: "2025-11-25" });
  const one = call(peer, "one");
  await arrived.promise;
  peer.openStream();
  assert.deepEqual(await call(peer, "other"), { kind: "result", result: { said: "second" } });
  (first as { readonly end: () => void } | null)?.end();
  assert.deepEqual(await one, { kind: "result", result: { said: "first" } });
});

test("progress on another request's stream, or without a number, reaches nobody", async () => {
  const arrived = Promise.withResolvers<void>();
  let first: { readonly id: number; readonly end: () => void } | null = null;
  const progress = (progressToken: number, value: unknown): string => {
    const params = { progressToken, progress: value };
    return `data: ${JSON.stringify({ jsonrpc: "2.0", method: "notifications/progress", params })}\n\n`;
  };
  const answer = (id: number): string => `data: {"jsonrpc":"2.0","id":${id},"result":{}}\n\n`;
  const url = await listen((request, response) => {
    response.setHeader("content-type", "text/event-stream");
    readPosted(request, ({ id }) => {
      if (first !== null) return void response.end(progress(first.id, 1) + progress(id, 2) + answer(id));
      first = { id, end: () => response.end(progress(id, { odd: true }) + progress(id, 3) + answer(id)) };
      response.flushHeaders();
      arrived.resolve();
    });
  });
  const peer = openPeer(url);
  const [heardByOne, heardByOther]: [unknown[], unknown[]] = [[], []];
  const one = call(peer, "one", { onProgress: (heard) => heardByOne.push(heard["progress"]) });
  await arrived.promise;
  await call(peer, "other", { onProgress: (heard) => heardByOther.push(heard["progress"]) });
  (first as { readonly end: () => void } | null)?.end();
  await one;
  assert.deepEqual([heardByOne, heardByOther], [[3], [2]]);
});
