import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../kernel/index.ts";
import type { Hello } from "./handshake.ts";
import { listenForChanges } from "./listen.ts";
import type { RpcReply } from "./messages.ts";
import type { Peer, PeerCall } from "./peer.ts";

const ENDED: RpcReply = { kind: "result", result: {} };
const UNKNOWN: RpcReply = { kind: "error", code: -32_601, message: "no such method" };

function peerWith() {
  const asked: PeerCall[] = [];
  const replies: ((reply: RpcReply) => void)[] = [];
  const closing = Promise.withResolvers<string>();
  let streams = 0;
  const peer: Peer = {
    transport: "http",
    closed: closing.promise,
    request(call) {
      asked.push(call);
      const { promise, resolve } = Promise.withResolvers<RpcReply>();
      replies.push(resolve);
      return promise;
    },
    openStream: () => (streams += 1),
    notify: () => undefined,
    onNotification: () => () => undefined,
    setRequestResponder: () => undefined,
    mirror: () => undefined,
    speak: () => undefined,
    close: () => closing.resolve("closed"),
  };
  return { peer, asked, replies, streams: () => streams };
}

function hello(era: Hello["era"], capabilities: JsonObject): Hello {
  return { era, protocol: "", serverInfo: {}, capabilities, instructions: null };
}

test("an old server is heard on its stream, a new one by a subscription to the lists that it says can change", () => {
  const old = peerWith();
  listenForChanges(old.peer, hello("legacy", { tools: { listChanged: true } }), () => undefined);
  assert.deepEqual([old.streams(), old.asked.length], [1, 0]);
  const fresh = peerWith();
  const capabilities = { tools: { listChanged: true }, prompts: {}, resources: { listChanged: true } };
  listenForChanges(fresh.peer, hello("modern", capabilities), () => undefined);
  const wanted = '{"notifications":{"toolsListChanged":true,"resourcesListChanged":true}}';
  assert.deepEqual(
    fresh.asked.map(({ paramsText, timeoutMs }) => [paramsText, timeoutMs]),
    [[wanted, 0]],
  );
  const silent = peerWith();
  listenForChanges(silent.peer, hello("modern", { tools: {} }), () => undefined);
  assert.equal(silent.asked.length + silent.streams(), 0);
});

test("a subscription that ends is made again after a pause, as something may have been missed meanwhile", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { peer, asked, replies } = peerWith();
  let missed = 0;
  listenForChanges(peer, hello("modern", { tools: { listChanged: true } }), () => (missed += 1));
  replies[0]?.(ENDED);
  await Promise.resolve();
  assert.deepEqual([asked.length, missed], [1, 0]);
  t.mock.timers.tick(60_000);
  assert.deepEqual([asked.length, missed], [2, 1]);
  replies[1]?.(ENDED);
  await Promise.resolve();
  peer.close();
  await peer.closed;
  t.mock.timers.tick(600_000);
  assert.equal(asked.length, 2);
});

test("a server that knows no subscriptions is not asked again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { peer, asked, replies } = peerWith();
  listenForChanges(peer, hello("modern", { tools: { listChanged: true } }), () => undefined);
  replies[0]?.(UNKNOWN);
  await Promise.resolve();
  t.mock.timers.tick(600_000);
  assert.equal(asked.length, 1);
});
