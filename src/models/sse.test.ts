import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { golden } from "../../tests/fixtures/model-provider.ts";
import { createSseReader, sseText, type SseMessage } from "./sse.ts";

const MAX = 1_000_000;

function readAll(chunks: readonly Uint8Array[], max = MAX): { messages: SseMessage[]; isWhole: boolean } {
  const messages: SseMessage[] = [];
  const reader = createSseReader(max, (message) => messages.push(message));
  const isWhole = chunks.every((chunk) => reader.feed(Buffer.from(chunk)));
  return { messages, isWhole };
}

/** The bytes cut at these places, in any order. */
function cut(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const at = [...new Set(places.map((one) => one % (bytes.length + 1)))].sort((one, other) => one - other);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

describe("the stream of a model", () => {
  test("reads the same however its bytes are cut", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "é", "🙂", ":", " ", "data", "\\"), maxLength: 20 });
    const end = fc.constantFrom("\n", "\r", "\r\n");
    const message = fc.record({ data: fc.array(text, { minLength: 1, maxLength: 3 }), event: fc.option(text), end });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.nat()), fc.boolean(), (messages, places, bom) => {
        const written = messages.map(({ data, event, end: eol }) => {
          const named = event === null ? "" : `event: ${event}${eol}`;
          return `: a comment${eol}${named}${data.map((line) => `data: ${line}${eol}`).join("")}${eol}`;
        });
        const bytes = Buffer.from((bom ? "\uFEFF" : "") + written.join(""));
        const expected = messages.map(({ data, event }) => ({
          event: event === "" ? null : event,
          data: data.join("\n"),
        }));
        assert.deepEqual(readAll(cut(bytes, places)), { messages: expected, isWhole: true });
      }),
    );
  });

  test("survives any bytes, and reads them the same however they are cut", () => {
    const noise = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.constant(Buffer.from("\n\ndata: x\r\n\r")),
        fc.constant(Buffer.from("data:")),
      ),
    );
    fc.assert(
      fc.property(noise, fc.array(fc.nat()), (parts, places) => {
        const bytes = Buffer.concat(parts);
        assert.deepEqual(readAll(cut(bytes, places)), readAll([bytes]));
      }),
    );
  });

  test("says what a provider really said", () => {
    const { messages } = readAll([Buffer.from(golden("messages-text"))]);
    assert.deepEqual(messages[2], { event: "ping", data: '{"type": "ping"}' });
    assert.equal(messages.length, 12);
  });

  test("bytes that are no UTF-8 become signs of replacement, and the rest is read", () => {
    const bytes = Buffer.concat([Buffer.from("data: a"), Buffer.from([0xff, 0xc3]), Buffer.from("b\n\ndata: c\n\n")]);
    const { messages } = readAll([bytes]);
    assert.deepEqual(
      messages.map(({ data }) => data),
      ["a\uFFFD\uFFFDb", "c"],
    );
  });

  test("a line of 100 MB ends at the limit, and costs no more than that", () => {
    let told = 0;
    const reader = createSseReader(1_000_000, () => (told += 1));
    const chunk = Buffer.alloc(64 * 1024, "x");
    let fed = 0;
    reader.feed(Buffer.from("data: "));
    while (fed < 100_000_000 && reader.feed(chunk)) fed += chunk.length;
    assert.ok(fed <= 1_000_000);
    assert.equal(reader.feed(Buffer.from("\n\ndata: {}\n\n")), false);
    assert.equal(told, 0);
  });

  test("many short lines of one message are one message, with the same limit", () => {
    const lines = Buffer.from("data: 12345\n".repeat(100));
    assert.equal(readAll([lines], 500).isWhole, false);
    assert.equal(readAll([Buffer.from("data: 12345\n\n".repeat(100))], 500).isWhole, true);
  });

  test("what is written is read back, of several lines too", () => {
    assert.deepEqual(readAll([Buffer.from(sseText("a\nb", "ping") + sseText("c"))]).messages, [
      { event: "ping", data: "a\nb" },
      { event: null, data: "c" },
    ]);
  });
});
