// Every way in which a server's words arrive, with the value of a secret in it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../kernel/index.ts";
import { filteredPeer, type Peer, type PeerCall, type Responder, type RpcReply } from "../mcp/index.ts";
import { openHearing, type Hearing } from "./hearing.ts";

const VALUE = "ghp_16C7e42F292c6912E7710c83";
const CALL: PeerCall = { method: "tools/call", paramsText: "{}", timeoutMs: 1_000 };

interface Fake {
  readonly peer: Peer;
  readonly hearing: Hearing;
  readonly told: string[];
  nowMs: number;
  reply: (call: PeerCall) => RpcReply;
  notify: (method: string, params: JsonObject) => void;
  ask: Responder;
}

function open(): Fake {
  const told: string[] = [];
  const hearing = openHearing({ nowMs: () => fake.nowMs });
  hearing.onSaid((server, secrets) => void told.push(`${server}: ${secrets.join(", ")}`));
  hearing.learn(new Map([["github", VALUE]]));
  const raw: Peer = {
    transport: "stdio",
    closed: Promise.resolve(`it said ${VALUE}`),
    request: async (call) => fake.reply(call),
    notify: () => undefined,
    onNotification(listener) {
      fake.notify = listener;
      return () => undefined;
    },
    setRequestResponder: (respond) => void (fake.ask = respond),
    mirror: () => undefined,
    speak: () => undefined,
    openStream: () => undefined,
    close: () => undefined,
  };
  const fake: Fake = {
    peer: filteredPeer(raw, hearing.from("files")),
    hearing,
    told,
    nowMs: 1_800_000_000_000,
    reply: () => ({ kind: "result", result: {} }),
    notify: () => undefined,
    ask: async () => ({ kind: "result", result: {} }),
  };
  return fake;
}

test("results, errors, ends, progress, notifications and questions of a server come without the value", async () => {
  const fake = open();
  const heard: unknown[] = [await fake.peer.closed];
  fake.peer.onNotification((method, params) => void heard.push(method, params));
  fake.notify("notifications/message", { data: { token: VALUE } });
  fake.peer.setRequestResponder(async (method, params) => {
    heard.push(method, params);
    return { kind: "result", result: {} };
  });
  await fake.ask("elicitation/create", { message: `is ${VALUE} right?` });
  const replies: RpcReply[] = [
    { kind: "result", result: { content: [{ type: "text", text: VALUE }] } },
    { kind: "error", code: -1, message: VALUE },
    { kind: "error", code: -1, message: VALUE.slice(0, 12), data: { rest: VALUE.slice(12) } },
    { kind: "broken", reason: VALUE },
  ];
  for (const reply of replies) {
    fake.reply = (call) => {
      call.onProgress?.({ progress: 1, message: VALUE });
      return reply;
    };
    heard.push(await fake.peer.request({ ...CALL, onProgress: (progress) => void heard.push(progress) }));
  }
  assert.equal(JSON.stringify(heard).match(/\[secret:github\]/g)?.length, 11);
  assert.doesNotMatch(JSON.stringify(heard), /ghp_16|2c6912E7710c83/);
});

test("what the owner is told of a server: whose secret, once an hour", async () => {
  const fake = open();
  fake.reply = () => ({ kind: "broken", reason: VALUE });
  for (const minutes of [0, 1, 59, 61]) {
    fake.nowMs = 1_800_000_000_000 + minutes * 60_000;
    await fake.peer.request(CALL);
  }
  assert.deepEqual(fake.told, ["files: github", "files: github"]);
  assert.deepEqual(fake.hearing.saidBy("files"), ["github"]);
  assert.deepEqual(fake.hearing.saidBy("mail"), []);
});

test("a value that was replaced or removed stays masked, as a running server may still have it", () => {
  const { hearing } = open();
  hearing.learn(new Map([["github", "the-new-value-of-it"]]));
  hearing.learn(new Map());
  assert.equal(hearing.text(`${VALUE} and the-new-value-of-it`), "[secret:github] and [secret:github]");
  assert.match(hearing.faultIn({ a: [VALUE] }) ?? "", /the value of your secret 'github'/);
  assert.equal(hearing.faultIn({ a: ["nothing"] }), null);
});
