// A question is spent at most once, only after a yes, and never after it ended.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bindingDigest, questionId, step, type Binding, type Question, type QuestionEvent } from "./questions.ts";

const binding: Binding = {
  session: "s1",
  principal: "agent",
  tool: "files.write",
  args: "{}",
  pin: "a",
  policy: "b",
  label: { compartments: ["family"], integrity: "system", secret: false },
  expiresAtMs: 1_000,
};

const open: Question = {
  id: "7KQ",
  request: "r1",
  binding,
  digest: bindingDigest(binding),
  state: "open",
  because: "C3",
  clauses: [],
  sentence: "",
  askedAtMs: 0,
  laterUntilMs: null,
  answeredAtMs: null,
  note: null,
};

const anyEvent: fc.Arbitrary<QuestionEvent> = fc.oneof(
  fc.constantFrom<QuestionEvent>({ kind: "yes" }, { kind: "spend" }, { kind: "expire" }),
  fc.constantFrom<QuestionEvent>({ kind: "no", note: "n" }, { kind: "void", note: "v" }, { kind: "later", untilMs: 9 }),
);

test("whatever happens in whatever order, at most one yes is spent, and final states stay", () => {
  const steps = fc.array(fc.tuple(anyEvent, fc.nat({ max: 400 })), { maxLength: 12 });
  fc.assert(
    fc.property(steps, (events) => {
      let [question, nowMs, spent, saidYes] = [open, 0, 0, false];
      for (const [event, passedMs] of events) {
        nowMs += passedMs;
        const result = step(question, event, nowMs);
        if (result.kind === "refused") continue;
        assert.ok(!["spent", "no", "expired", "void"].includes(question.state), question.state);
        assert.deepEqual({ ...result.question.binding }, binding);
        if (event.kind === "yes") saidYes = true;
        if (event.kind === "spend") {
          spent += 1;
          assert.ok(saidYes && nowMs < binding.expiresAtMs);
        }
        question = result.question;
      }
      assert.ok(spent <= 1);
    }),
  );
});

test("another value in any field of the binding is another digest", () => {
  const others: readonly Partial<Binding>[] = [
    { session: "s2" },
    { principal: "owner" },
    { tool: "files.read" },
    { args: '{"a":1}' },
    { pin: "b" },
    { policy: "a" },
    { label: { ...binding.label, secret: true } },
    { label: { ...binding.label, compartments: [] } },
    { expiresAtMs: 1_001 },
  ];
  const digests = new Set([binding, ...others.map((other) => ({ ...binding, ...other }))].map(bindingDigest));
  assert.equal(digests.size, others.length + 1);
});

test("a question's name has no letters that are mistaken for each other", () => {
  const name = questionId(Uint8Array.from({ length: 256 }, (_, at) => at));
  assert.match(name, /^[2-9A-HJ-NP-Z]{256}$/);
});
