import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isObject, textAt, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { contextOf } from "./context.ts";
import { cutOff, isUnfinished, openQuestions, turnBody, turnFrom, type Turn } from "./turns.ts";

const SYSTEM = "You are a test.";

function messagesOf(body: JsonObject): readonly JsonObject[] {
  const messages = body["messages"];
  return Array.isArray(messages) ? messages.filter((one: JsonValue) => isObject(one)) : [];
}

function callIds(message: JsonObject): readonly string[] {
  const calls = message["tool_calls"];
  return Array.isArray(calls) ? calls.map((one: JsonValue) => (isObject(one) ? (textAt(one, "id") ?? "") : "")) : [];
}

const said = fc.string({ maxLength: 200 }).map((text): Turn => ({ kind: "said", text, isOwners: true }));
const news = fc.string({ maxLength: 200 }).map((text): Turn => ({ kind: "news", text, question: null }));
const ended = fc.constant<Turn>({ kind: "ended", receipt: {} });
/** An answer with calls, some of whose results are missing, as after a kill. */
const exchange = fc
  .tuple(fc.nat(1_000_000), fc.array(fc.tuple(fc.boolean(), fc.string({ maxLength: 3_000 })), { maxLength: 4 }))
  .map(([seed, results]): readonly Turn[] => {
    const calls = results.map((_result, at) => ({
      id: `c${seed}-${at}`,
      name: "call",
      args: at % 2 === 0 ? "{}" : "{",
    }));
    const given = results.flatMap(([isThere, text], at): readonly Turn[] =>
      isThere ? [{ kind: "result", call: `c${seed}-${at}`, text, question: null }] : [],
    );
    return [{ kind: "answered", text: "", calls, model: "m", request: "r" }, ...given];
  });
const conversations = fc
  .array(fc.oneof(said.map(one), news.map(one), ended.map(one), exchange), { maxLength: 12 })
  .map((parts): readonly Turn[] => [{ kind: "said", text: "first", isOwners: true }, ...parts.flat()]);

function one(turn: Turn): readonly Turn[] {
  return [turn];
}

test("whatever was kept, each request is one that a model takes: a result for each call, and no other", () => {
  fc.assert(
    fc.property(conversations, fc.integer({ min: 3_000, max: 30_000 }), (turns, charsMax) => {
      const context = contextOf(SYSTEM, turns, charsMax);
      if (context === null) return;
      let waiting: readonly string[] = [];
      for (const message of messagesOf(context.body)) {
        const id = textAt(message, "tool_call_id");
        if (id === null) assert.deepEqual(waiting, []);
        else assert.ok(waiting.includes(id), id);
        waiting = id === null ? callIds(message) : waiting.filter((other) => other !== id);
      }
      assert.deepEqual(waiting, []);
    }),
  );
});

test("a request never outgrows its budget, keeps the owner's present words, and says when it is not whole", () => {
  fc.assert(
    fc.property(conversations, fc.integer({ min: 3_000, max: 30_000 }), (turns, charsMax) => {
      const context = contextOf(SYSTEM, turns, charsMax);
      assert.ok(context !== null, "words of 200 characters always fit");
      assert.ok(JSON.stringify(context.body).length <= charsMax);
      const texts = messagesOf(context.body).map((message) => textAt(message, "content") ?? "");
      const present = turns.findLast((turn) => turn.kind === "said");
      assert.ok(present?.kind === "said" && texts.includes(present.text));
      const whole = contextOf(SYSTEM, turns, 10_000_000);
      const isWhole = JSON.stringify(whole?.body) === JSON.stringify(context.body);
      assert.equal(context.leftOut === null, isWhole);
      assert.equal(
        texts.some((text) => text.startsWith("[Freehold] Left out to fit")),
        !isWhole,
      );
    }),
  );
});

test("words that are longer than a request may be are refused, not cut", () => {
  assert.equal(contextOf(SYSTEM, [{ kind: "said", text: "x".repeat(5_000), isOwners: true }], 4_000), null);
});

test("what is kept comes back as it was, and what is not understood is left out", () => {
  fc.assert(
    fc.property(conversations, (turns) => {
      assert.deepEqual(
        turns.map((turn) => turnFrom(turnBody(turn))),
        turns,
      );
    }),
  );
  assert.equal(turnFrom({ kind: "of a later build" }), null);
});

test("calls without a result, questions without an end and a turn without one are known", () => {
  const turns: readonly Turn[] = [
    { kind: "said", text: "do", isOwners: true },
    {
      kind: "answered",
      text: "",
      calls: ["a", "b"].map((id) => ({ id, name: "call", args: "{}" })),
      model: "m",
      request: "r",
    },
    { kind: "result", call: "a", text: "Waiting", question: "7KQ" },
  ];
  assert.deepEqual(
    cutOff(turns).map(({ id }) => id),
    ["b"],
  );
  assert.deepEqual(openQuestions(turns), ["7KQ"]);
  assert.deepEqual(openQuestions([...turns, { kind: "news", text: "done", question: "7KQ" }]), []);
  assert.equal(isUnfinished(turns), true);
  assert.equal(isUnfinished([...turns, { kind: "ended", receipt: {} }]), false);
});
