import assert from "node:assert/strict";
import { test } from "node:test";
import type { ModelReply } from "./peer.ts";
import { withCutOff } from "./cut-off.ts";

function reply(input: number, output = 10): ModelReply {
  const usage = { input, cacheRead: 0, cacheWrite: 0, output, reasoning: 0 };
  return { kind: "answered", identity: null, body: null, text: "x", calls: [], end: "stop", usage, firstMs: 1 };
}

function doubtOf(text: string, answered: ModelReply, contextTokens: number | null = null): string | undefined {
  const wire = { text, isStream: false, inputTokensMax: text.length, outputTokensMax: 100 };
  const seen = withCutOff(answered, wire, contextTokens);
  return seen.kind === "answered" ? seen.doubt : undefined;
}

const LONG = `{"messages":"${"some words ".repeat(1_000)}"}`;

test("fewer tokens than a text can have, or a full context, is a doubt", () => {
  assert.match(doubtOf(LONG, reply(500)) ?? "", /counted 500 tokens in 11015 bytes/);
  assert.match(doubtOf(LONG, reply(2_500, 1_480), 4_096) ?? "", /context of 4096 tokens was full/);
});

test("a plausible count, a short text, a picture and no count at all are none", () => {
  assert.equal(doubtOf(LONG, reply(2_200), 4_096), undefined);
  assert.equal(doubtOf("{}", reply(1)), undefined);
  assert.equal(
    doubtOf(`{"type":"image_url","url":"data:image/png;base64,${"A".repeat(9_000)}"}`, reply(300)),
    undefined,
  );
  const mute = reply(1);
  assert.equal(doubtOf(LONG, mute.kind === "answered" ? { ...mute, usage: null } : mute, 10), undefined);
});
