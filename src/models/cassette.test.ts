// A cassette says again what a model once said, to the letter, and nothing else.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { JsonObject, ModelEvent } from "../kernel/index.ts";
import { recordingPeer, replayingPeer } from "./cassette.ts";
import type { ModelPeer, ModelReply } from "./peer.ts";
import { readChatAnswer } from "./read-chat.ts";

const folder = mkdtempSync(join(tmpdir(), "freehold-cassette-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const tape = join(folder, "tape.jsonl");

const HELLO: JsonObject = { messages: [{ role: "user", content: "hello" }], stream: true };
const MESSAGES = [
  '{"model":"m-1","choices":[{"index":0,"delta":{"content":"Good "},"finish_reason":null}]}',
  '{"choices":[{"index":0,"delta":{"content":"morning"},"finish_reason":null}]}',
  '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}',
  "[DONE]",
];

/** Reads messages as a wire does, and counts how often it was asked. */
function model(says: () => readonly string[]): ModelPeer {
  return {
    name: "near",
    dialect: "openai-chat",
    address: "near.example:443",
    price: null,
    place: async () => ({ kind: "proven", place: "this-machine", how: "a test" }),
    wire: async ({ body }) => ({ text: JSON.stringify(body), isStream: true, inputTokensMax: 9, outputTokensMax: 9 }),
    post: async ({ onEvent }): Promise<ModelReply> => {
      const reader = readChatAnswer();
      for (const data of says()) {
        onEvent({ kind: "raw", dialect: "openai-chat", event: null, data });
        const pieces = reader.message({ event: null, data });
        assert.ok(!("message" in pieces));
        for (const piece of pieces) onEvent(piece);
      }
      const { text, calls, end, usage, identity } = reader.collected();
      return { kind: "answered", identity, body: null, text, calls, end: end ?? "other", usage, firstMs: 1 };
    },
  };
}

async function ask(peer: ModelPeer, body: JsonObject): Promise<{ reply: ModelReply; events: readonly ModelEvent[] }> {
  const events: ModelEvent[] = [];
  const wire = await peer.wire({ dialect: "openai-chat", body });
  assert.ok(!("kind" in wire), JSON.stringify(wire));
  const reply = await peer.post({ wire, signal: new AbortController().signal, onEvent: (one) => events.push(one) });
  return { reply, events };
}

test("a recorded stream is played back event by event, without the model", async () => {
  const recorded = await ask(
    recordingPeer(
      model(() => MESSAGES),
      tape,
    ),
    HELLO,
  );
  const replayed = await ask(replayingPeer("near", tape), { stream: true, messages: HELLO["messages"] ?? [] });
  assert.deepEqual(replayed, recorded);
  assert.ok(replayed.reply.kind === "answered");
  assert.equal(replayed.reply.text, "Good morning");
});

test("what was asked twice is answered in that order, and then as the last time", async () => {
  const file = join(folder, "twice.jsonl");
  let turn = 0;
  const peer = recordingPeer(
    model(() => [MESSAGES[1]?.replace("morning", `${(turn += 1)}`) ?? "", ...MESSAGES.slice(2)]),
    file,
  );
  await ask(peer, HELLO);
  await ask(peer, HELLO);
  const player = replayingPeer("near", file);
  const said: string[] = [];
  for (let time = 0; time < 3; time += 1) {
    const { reply } = await ask(player, HELLO);
    said.push(reply.kind === "answered" ? reply.text : reply.reason);
  }
  assert.deepEqual(said, ["1", "2", "2"]);
});

test("what was never asked is refused by name, and so is a cassette that is not there", async () => {
  const other = { messages: [{ role: "user", content: "hello!" }], stream: true };
  for (const file of [tape, join(folder, "none.jsonl")]) {
    const wire = await replayingPeer("near", file).wire({ dialect: "openai-chat", body: other });
    assert.ok("kind" in wire);
    assert.match(wire.reason, /holds no answer to this request \([0-9a-f]{12}\); record it anew/);
  }
});
