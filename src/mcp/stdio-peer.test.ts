import assert from "node:assert/strict";
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { after, test } from "node:test";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { handshake, openStdioPeer, readSurface, type Hello, type Peer, type PeerCall, type RpcReply } from "./index.ts";

const MEGABYTE = 1024 * 1024;
const LIMITS = { timeoutMs: 10_000, pagesMax: 10, itemsMax: 100 };
const children: ChildProcessWithoutNullStreams[] = [];
after(() => {
  for (const child of children) child.kill("SIGKILL");
});

interface Started {
  readonly peer: Peer;
  readonly child: ChildProcessWithoutNullStreams;
  readonly noise: string[];
}

function start(fixture: string, how: string): Started {
  const path = fileURLToPath(new URL(`../../tests/fixtures/${fixture}.ts`, import.meta.url));
  const child = spawn(process.execPath, [path, how], { stdio: "pipe" });
  children.push(child);
  const noise: string[] = [];
  const { stdin, stdout } = child;
  const peer = openStdioPeer({ stdin, stdout, messageBytesMax: 4 * MEGABYTE, onNoise: (line) => noise.push(line) });
  return { peer, child, noise };
}

async function greeted(fixture: string, how: string): Promise<Started & { readonly hello: Hello }> {
  const started = start(fixture, how);
  return { ...started, hello: await handshake(started.peer, { timeoutMs: 10_000 }) };
}

function call(peer: Peer, name: string, how: Partial<PeerCall> & { readonly args?: JsonObject } = {}) {
  const { args = {}, ...more } = how;
  const paramsText = JSON.stringify({ arguments: args, name });
  return peer.request({ method: "tools/call", paramsText, timeoutMs: 10_000, ...more });
}

function nextNotification(peer: Peer): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  peer.onNotification(resolve);
  return promise;
}

function textOf(reply: Awaited<ReturnType<typeof call>>): string {
  assert.equal(reply.kind, "result");
  assert.ok(reply.kind === "result");
  return JSON.stringify(reply.result);
}

for (const fixture of ["mcp-server-1", "mcp-server-2"]) {
  test(`a server on the official SDK is greeted, read and called over stdio (${fixture})`, async () => {
    const { peer, child, hello, noise } = await greeted(fixture, "stdio");
    assert.equal(hello.era, "legacy");
    assert.equal(hello.protocol, "2025-11-25");
    const surface = await readSurface(peer, hello, LIMITS);
    assert.ok(surface.tools.some((tool) => tool["name"] === "echo"));
    assert.match(textOf(await call(peer, "echo", { args: { text: "grüß" } })), /"grüß"/);
    assert.deepEqual(noise, []);
    peer.close();
    assert.equal((await once(child, "exit"))[0], 0);
  });
}

test("a server of 2026-07-28 is served statelessly over stdio when asked to", async () => {
  const { peer } = start("mcp-server-2", "stdio");
  const hello = await handshake(peer, { timeoutMs: 10_000, open: "probe" });
  assert.equal(hello.era, "modern");
  assert.equal(hello.serverInfo["name"], "fixture-2");
  assert.equal(hello.instructions, "Echo what you are given.");
  const surface = await readSurface(peer, hello, LIMITS);
  assert.deepEqual(
    surface.tools.map((tool) => tool["name"]),
    ["echo", "steps", "wait"],
  );
  assert.equal(surface.prompts.length, 1);
  assert.equal(surface.resources.length, 1);
  const progress: JsonObject[] = [];
  textOf(await call(peer, "steps", { args: { count: 3 }, onProgress: (step) => progress.push(step) }));
  assert.deepEqual(
    progress.map((step) => step["progress"]),
    [1, 2, 3],
  );
  assert.ok(progress.every((step) => !("progressToken" in step)));
});

test("a legacy server that is probed is still opened", async () => {
  const { peer } = start("mcp-server-1", "stdio");
  const hello = await handshake(peer, { timeoutMs: 10_000, open: "probe" });
  assert.equal(hello.era, "legacy");
});

test("a cancelled call tells the server, and the caller at once", async () => {
  for (const fixture of ["mcp-server-1", "mcp-server-2"]) {
    const { peer, child } = await greeted(fixture, "stdio");
    const stop = new AbortController();
    const waiting = call(peer, "wait", { signal: stop.signal });
    const heard = once(child.stderr, "data");
    await call(peer, "echo", { args: { text: "after" } });
    stop.abort();
    assert.deepEqual(await waiting, { kind: "broken", reason: "cancelled" });
    assert.match(String((await heard)[0]), /cancelled/);
  }
});

test("what the server asks us is refused unless somebody answers for it", async () => {
  const { peer, child } = start("mcp-server-1", "stdio");
  child.stderr.resume();
  await handshake(peer, { timeoutMs: 10_000, capabilities: { roots: {} } });
  assert.match(textOf(await call(peer, "ask")), /isError/);
  peer.setRequestResponder(async () => ({ kind: "result", result: { roots: [{ uri: "file:///a" }] } }));
  assert.match(textOf(await call(peer, "ask")), /file:\/\/\/a/);
});

test("a change of the surface is heard", async () => {
  const { peer } = await greeted("mcp-server-1", "stdio");
  const heard = nextNotification(peer);
  await call(peer, "more");
  assert.equal(await heard, "notifications/tools/list_changed");
});

test("older protocol versions are accepted, unknown ones refused", async () => {
  assert.equal((await greeted("rogue-server", "old")).hello.protocol, "2024-11-05");
  await assert.rejects(greeted("rogue-server", "unknown-version"), (error: unknown) => {
    assert.ok(error instanceof Fault);
    assert.equal(error.code, "mcp.version");
    assert.match(error.message, /1999-01-01/);
    return true;
  });
});

test("a server that never answers is a fault with a reason", async () => {
  const { peer } = start("rogue-server", "never-answers");
  await assert.rejects(handshake(peer, { timeoutMs: 20 }), { code: "mcp.handshake", message: /within 20 ms/ });
});

for (const [how, reason] of [
  ["hang-in-list", /no answer to tools\/list/],
  ["endless-list", /more than 10 pages/],
  ["circular-list", /circle/],
  ["same-name-twice", /two entries/],
] as const) {
  test(`a surface that cannot be read is a fault: ${how}`, async () => {
    const { peer, hello } = await greeted("rogue-server", how);
    const limits = { ...LIMITS, timeoutMs: how === "hang-in-list" ? 20 : 10_000 };
    await assert.rejects(readSurface(peer, hello, limits), { code: "mcp.surface", message: reason });
  });
}

test("a list that the server does not know is empty", async () => {
  const { peer, hello } = await greeted("rogue-server", "no-list");
  assert.deepEqual((await readSurface(peer, hello, LIMITS)).tools, []);
});

test("noise on stdout is reported on one harmless line and does not break the call", async () => {
  const first = await greeted("rogue-server", "noise-first");
  assert.deepEqual(first.noise, ["Welcome to the server!"]);
  const { peer, noise } = await greeted("rogue-server", "noise-in-call");
  assert.match(textOf(await call(peer, "poke")), /ok/);
  assert.equal(noise.length, 3);
  assert.ok(noise.every((line) => !line.includes("\u001b")));
});

test("a server that only makes noise is broken off", async () => {
  const { peer, noise } = start("rogue-server", "noise-for-ever");
  assert.match(await peer.closed, /no messages of the protocol/);
  assert.equal(noise.length, 100);
});

test("a 50 MB result breaks the server off without being held", async () => {
  const { peer, child } = await greeted("rogue-server", "huge-result");
  const before = process.memoryUsage().arrayBuffers;
  const reply = await call(peer, "poke");
  assert.ok(reply.kind === "broken");
  assert.match(reply.reason, /over 4194304 bytes/);
  assert.ok(process.memoryUsage().arrayBuffers - before < 16 * MEGABYTE);
  await once(child, "exit");
});

test("a server that dies in a call breaks that call and says so", async () => {
  const { peer } = await greeted("rogue-server", "die-in-call");
  const reply = await call(peer, "poke");
  assert.ok(reply.kind === "broken");
  assert.match(reply.reason, /went away/);
  assert.match(await peer.closed, /went away/);
  assert.equal((await call(peer, "poke")).kind, "broken");
});

test("a second answer and answers nobody asked for change nothing", async () => {
  const twice = await greeted("rogue-server", "answers-twice");
  assert.match(textOf(await call(twice.peer, "poke")), /"ok"/);
  assert.match(textOf(await call(twice.peer, "poke")), /"ok"/);
  assert.deepEqual(twice.noise, []);
  const unknown = await greeted("rogue-server", "unknown-ids");
  assert.match(textOf(await call(unknown.peer, "poke")), /"ok"/);
  assert.equal(unknown.noise.length, 2);
});

test("the answer to a call that timed out is dropped, and the server was told", async () => {
  const { peer, child } = await greeted("rogue-server", "late");
  const told = once(child.stderr, "data");
  const reply = await call(peer, "poke", { timeoutMs: 5 });
  assert.equal(reply.kind, "broken");
  assert.match(String((await told)[0]), /initialized|cancelled/);
  assert.match(textOf(await call(peer, "poke")), /"ok"/);
});

test("half a character is mended, and a result nested without end is no answer", async () => {
  const half = await greeted("rogue-server", "half-a-character");
  assert.match(textOf(await call(half.peer, "poke")), /a\ufffd/);
  const deep = await greeted("rogue-server", "deep-result");
  assert.match(textOf(await call(deep.peer, "poke")), /"ok"/);
  assert.equal(deep.noise.length, 1);
});

test("a server cannot flood us with its own requests", async () => {
  const { peer } = await greeted("rogue-server", "asks-much");
  let asked = 0;
  peer.setRequestResponder(() => {
    asked += 1;
    return Promise.withResolvers<RpcReply>().promise;
  });
  assert.match(textOf(await call(peer, "poke")), /"ok"/);
  assert.equal(asked, 16);
});

test("the text of the arguments arrives byte for byte, and a second _meta is a bug", async () => {
  const { peer } = await greeted("mcp-server-1", "stdio");
  assert.throws(() => void peer.request({ method: "x", paramsText: '{"_meta":{}}', timeoutMs: 0 }), /Bug/);
  assert.match(textOf(await call(peer, "echo", { args: { text: 'the word "_meta" is harmless' } })), /harmless/);
});

test("a server that does not read its input, and a message over the limit, break the peer off", async () => {
  const open = (): Peer => {
    const [stdin, stdout] = [new PassThrough({ highWaterMark: 1 }), new PassThrough()];
    return openStdioPeer({ stdin, stdout, messageBytesMax: 1000, onNoise: () => undefined });
  };
  const deaf = open();
  const replies = [1, 2, 3].map(() => call(deaf, "poke", { args: { text: "x".repeat(500) } }));
  assert.deepEqual(
    (await Promise.all(replies)).map((reply) => reply.kind),
    ["broken", "broken", "broken"],
  );
  assert.match(await deaf.closed, /does not read/);
  const large = open();
  await call(large, "poke", { args: { text: "x".repeat(2000) } });
  assert.match(await large.closed, /over the limit/);
});
