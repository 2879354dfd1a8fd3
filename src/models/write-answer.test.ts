import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { EndReason, ModelEvent, ModelUsage } from "../kernel/index.ts";
import { golden } from "../../tests/fixtures/model-provider.ts";
import type { Answered, AnswerDialect, Piece } from "./answer-parts.ts";
import { isProviderError, objectIn, type AnswerReader, type Collected } from "./read-answer.ts";
import { readChatAnswer } from "./read-chat.ts";
import { readMessagesAnswer } from "./read-messages.ts";
import { createSseReader, type SseMessage } from "./sse.ts";
import { writeStream, writeWhole } from "./write-answer.ts";

type TwoWay = Exclude<AnswerDialect, "openai-responses">;
const READERS: Readonly<Record<TwoWay, () => AnswerReader>> = {
  "openai-chat": readChatAnswer,
  "anthropic-messages": readMessagesAnswer,
};
const BOTH: readonly TwoWay[] = ["openai-chat", "anthropic-messages"];
const FRAME = { id: "1", model: "one", createdAtS: 1 };

function messagesIn(text: string): readonly SseMessage[] {
  const messages: SseMessage[] = [];
  assert.ok(createSseReader(10_000_000, (message) => messages.push(message)).feed(Buffer.from(text)));
  return messages;
}

function read(dialect: TwoWay, text: string): { readonly pieces: readonly Piece[]; readonly all: Collected } {
  const reader = READERS[dialect]();
  const pieces = messagesIn(text).flatMap((message) => {
    const found = reader.message(message);
    assert.ok(!isProviderError(found));
    return found;
  });
  return { pieces, all: reader.collected() };
}

function answerOf(said: Partial<Answered>): Answered {
  const nothing = { body: null, text: "", calls: [], end: "stop", usage: null } as const;
  return { kind: "answered", request: "r", model: "one", dialect: "openai-chat", ...nothing, ...said };
}

function written(dialect: AnswerDialect, events: readonly ModelEvent[], usage: ModelUsage | null): string {
  const writer = writeStream({ ...FRAME, dialect, withUsage: true });
  return events.map((event) => writer.event(event)).join("") + writer.end(answerOf({ usage }));
}

/** Texts of one kind in a row may be cut otherwise; empty ones say nothing. */
function merged(pieces: readonly Piece[]): readonly Piece[] {
  const out: Piece[] = [];
  for (const piece of pieces) {
    const last = out.at(-1);
    const isMore = piece.kind === "call" && last?.kind === "call" && last.index === piece.index;
    if (isMore) out[out.length - 1] = { ...last, piece: last.piece + piece.piece };
    else if ((piece.kind === "text" || piece.kind === "thinking") && last?.kind === piece.kind) {
      out[out.length - 1] = { kind: piece.kind, text: last.text + piece.text };
    } else out.push({ ...piece });
  }
  return out;
}

const words = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 });
const said = fc.record({ kind: fc.constantFrom("text" as const, "thinking" as const), text: words });
/** Arguments are what the model wrote: JSON or not. */
const called = fc.record({ name: words, id: words, pieces: fc.array(words, { minLength: 1, maxLength: 3 }) });
const usages = fc
  .record({
    cacheRead: fc.nat(99),
    input: fc.integer({ min: 100, max: 1e6 }),
    output: fc.nat(),
    reasoning: fc.constant(0),
    cacheWrite: fc.constant(0),
  })
  .map((usage) => ({ ...usage }));

function piecesOf(
  texts: readonly Piece[],
  calls: readonly { id: string; name: string; pieces: string[] }[],
  end: EndReason,
): Piece[] {
  const calling = calls.flatMap(({ id, name, pieces }, index) =>
    pieces.map((piece, at): Piece => ({ kind: "call", index, ...(at === 0 ? { id, name } : {}), piece })),
  );
  return [...texts, ...calling, { kind: "end", reason: calls.length > 0 ? "calls" : end }];
}

describe("what is written is read back the same", () => {
  for (const dialect of BOTH) {
    test(`as a stream of ${dialect}`, () => {
      const end = fc.constantFrom<EndReason>("stop", "length", "refusal");
      const ending = fc.record({ calls: fc.array(called, { maxLength: 3 }), reason: end });
      fc.assert(
        fc.property(fc.array(said), ending, usages, (texts, { calls, reason }, usage) => {
          const pieces = piecesOf(texts, calls, reason);
          const back = read(dialect, written(dialect, pieces, usage));
          assert.deepEqual(merged(back.pieces), merged(pieces));
          assert.deepEqual(back.all.usage, usage);
        }),
      );
    });

    test(`as a whole body of ${dialect}`, () => {
      const args = fc.dictionary(words, fc.integer()).map((value) => JSON.stringify(value));
      const call = fc.record({ id: words, name: words, args });
      fc.assert(
        fc.property(fc.option(words, { nil: "" }), fc.array(call, { maxLength: 3 }), usages, (text, calls, usage) => {
          const end: EndReason = calls.length > 0 ? "calls" : "stop";
          const body = writeWhole(dialect, { text, calls, end, usage }, FRAME);
          assert.ok(body !== null);
          const reader = READERS[dialect]();
          assert.equal(reader.whole(body), null);
          const { identity, ...back } = reader.collected();
          assert.deepEqual({ ...back, calls: back.calls.map(normal) }, { text, calls: calls.map(normal), end, usage });
          assert.equal(identity, "one");
        }),
      );
    });
  }

  test("across the dialects: what one provider said, in the other's words", () => {
    for (const [name, from, to] of [
      ["chat-text", "openai-chat", "anthropic-messages"],
      ["chat-calls", "openai-chat", "anthropic-messages"],
      ["messages-text", "anthropic-messages", "openai-chat"],
      ["messages-calls", "anthropic-messages", "openai-chat"],
    ] as const) {
      const { pieces, all } = read(from, golden(name));
      const back = read(to, written(to, pieces, all.usage)).all;
      assert.deepEqual([back.text, back.calls, back.end], [all.text, all.calls, all.end], name);
      assert.equal(back.usage?.input, all.usage?.input);
    }
  });
});

function normal({ id, name, args }: { readonly id: string; readonly name: string; readonly args: string }): unknown {
  return { id, name, args: objectIn(args) };
}

describe("a program of the model's own dialect", () => {
  test("gets the messages as they came, unknown fields and all", () => {
    for (const [dialect, name] of [
      ["openai-chat", "chat-text"],
      ["anthropic-messages", "messages-text"],
    ] as const) {
      const raw = messagesIn(golden(name)).filter(({ data }) => data !== "[DONE]");
      const writer = writeStream({ ...FRAME, dialect, withUsage: true });
      const text = raw.map(({ event, data }) => writer.event({ kind: "raw", dialect, event, data })).join("");
      assert.deepEqual(messagesIn(text + writer.end(answerOf({}))), messagesIn(golden(name)));
    }
  });

  test("is not told of the usage that it did not ask for, and of nothing less", () => {
    const writer = writeStream({ ...FRAME, dialect: "openai-chat", withUsage: false });
    const raw = messagesIn(golden("chat-text")).map(({ data }) =>
      writer.event({ kind: "raw", dialect: "openai-chat", event: null, data }),
    );
    assert.deepEqual(
      raw.map((text) => text === ""),
      [false, false, false, false, true, false],
    );
  });
});

describe("what cannot be said", () => {
  test("a call whose arguments are no JSON has no whole form in the Messages dialect", () => {
    const broken = { text: "", calls: [{ id: "a", name: "b", args: '{"c' }], end: "calls", usage: null } as const;
    assert.equal(writeWhole("anthropic-messages", broken, FRAME), null);
    assert.ok(writeWhole("openai-chat", broken, FRAME) !== null);
    assert.ok(writeWhole("openai-responses", broken, FRAME) !== null);
  });

  test("a call without a name of its own gets one that is unique in the answer", () => {
    const calls = [1, 2].map((one) => ({ id: "", name: `tool${one}`, args: "{}" }));
    const body = JSON.stringify(writeWhole("openai-chat", { text: "", calls, end: "stop", usage: null }, FRAME));
    assert.match(body, /"call_1_0".*"call_1_1".*"finish_reason":"tool_calls"/);
  });
});

test("the Responses dialect is written in the order that its clients expect", () => {
  const { pieces, all } = read("anthropic-messages", golden("messages-calls"));
  const events = messagesIn(written("openai-responses", pieces, all.usage));
  const bodies = events.map(({ data }) => objectIn(data) ?? {});
  assert.deepEqual(
    bodies.map(({ sequence_number: number }) => number),
    bodies.map((_body, index) => index),
  );
  assert.deepEqual(
    events.map(({ event }) => event?.replace("response.", "")),
    [
      ...["created", "in_progress", "output_item.added", "content_part.added", "output_text.delta"],
      ...["output_text.done", "content_part.done", "output_item.done"],
      ...["output_item.added", "function_call_arguments.delta", "function_call_arguments.delta"],
      ...["function_call_arguments.done", "output_item.done"],
      ...["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"],
      "completed",
    ],
  );
});
