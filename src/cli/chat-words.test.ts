import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { endLines, shownText } from "./chat-turn.ts";
import { callTyped, typedIn } from "./chat-words.ts";

test("a line is words, a command, nothing, or a command that does not exist", () => {
  assert.deepEqual(typedIn("  hello there "), { kind: "words", text: "hello there" });
  assert.deepEqual(typedIn("   "), { kind: "nothing" });
  assert.deepEqual(typedIn("/find read mail"), {
    kind: "command",
    name: "find",
    rest: "read mail",
    line: "/find read mail",
  });
  assert.equal(typedIn("/constructor").kind, "wrong");
  assert.deepEqual(typedIn("//etc/hosts is a file"), { kind: "words", text: "/etc/hosts is a file" });
});

test("arguments are name=value, quoted texts, JSON values, or one JSON object", () => {
  const args = { to: "bob@example.org", body: 'See "you"', count: 3, now: true };
  assert.deepEqual(callTyped('mail.send to=bob@example.org body="See \\"you\\"" count:=3 now:=true'), {
    kind: "call",
    tool: "mail.send",
    args,
  });
  assert.deepEqual(callTyped(`mail.send ${JSON.stringify(args)}`), { kind: "call", tool: "mail.send", args });
  assert.deepEqual(callTyped("mail.read"), { kind: "call", tool: "mail.read", args: {} });
});

test("what is neither is refused, not guessed", () => {
  for (const line of ["", "mail.send to bob", "mail.send {to}", "mail.send count:=x", 'mail.send body="open']) {
    assert.equal(callTyped(line).kind, "wrong", line);
  }
});

test("whatever a person types, it is read without a fault", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (line) => {
      const typed = typedIn(line);
      if (typed.kind === "command") callTyped(typed.rest);
      callTyped(line);
    }),
  );
});

test("a model's text cannot move the cursor, hide or reorder; its lines stay", () => {
  assert.equal(shownText("one\n\ttwo\r\nthree"), "one\n\ttwo\nthree");
  assert.equal(shownText("\u001b[2J\u202eevil\rgone"), "\\u001b[2J\\u202eevil\\u000dgone");
});

test("a turn ends with what it took within 80 columns; where no model was asked, with the reason alone", () => {
  const state = { label: "personal data, text of strangers", costToday: 0, currency: "EUR" };
  const took = { inputTokens: 1_320, outputTokens: 94, model: "local", place: "this-machine" };
  assert.deepEqual(endLines({ state, receipt: { ...took, why: "done", reason: "" } }, 80), [
    "local (on this machine) · 1,320 + 94 tokens · 0 EUR today",
    "it has read personal data, text of strangers",
  ]);
  const none = { inputTokens: 0, outputTokens: 0, model: null, place: "", why: "no-model", reason: "no model" };
  assert.deepEqual(endLines({ state, receipt: none }, 80), ["ended: no model"]);
  assert.deepEqual(endLines({ state, receipt: null }, 80), []);
});
