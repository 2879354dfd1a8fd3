import assert from "node:assert/strict";
import { test } from "node:test";
import { TASK } from "../kernel/index.ts";
import { taskRows, together, togetherKind, type AskedCall } from "./together.ts";

const asked = (id: string, more: Partial<AskedCall> = {}): AskedCall => ({
  id,
  session: id,
  principal: "agent",
  tool: "mail.send",
  args: '{"text":"x","to":"bob@example.org"}',
  ...more,
});
const named = (questions: readonly AskedCall[]): unknown =>
  together(questions).map(({ kind, questions: each }) => [kind, each.map(({ id }) => id).join()]);

test("questions of one conversation go together, the others by their shape, all in their order", () => {
  const other = { tool: "mail.delete" };
  const questions = [
    asked("A", other),
    asked("B", { session: "s" }),
    asked("C"),
    asked("D", { ...other, session: "s" }),
    asked("E"),
    asked("F", { principal: "client:x" }),
  ];
  assert.deepEqual(named(questions), [
    ["alike", "A"],
    ["one conversation", "B,D"],
    ["alike", "C,E"],
    ["alike", "F"],
  ]);
});

test("no group is longer than what is read with care", () => {
  const talk = Array.from({ length: 45 }, (_, at) => asked(`Q${at}`, { session: "s" }));
  assert.deepEqual(
    together(talk).map(({ questions }) => questions.length),
    [20, 20, 5],
  );
});

test("what is neither of one conversation nor of one shape has no one word for all", () => {
  assert.equal(togetherKind([asked("A"), asked("B", { args: '{"to":"x"}' })]), null);
  assert.equal(togetherKind([asked("A"), asked("B", { principal: "client:x" })]), null);
  assert.equal(togetherKind([asked("A", { args: "[]" }), asked("B", { args: "[]" })]), null);
  assert.equal(togetherKind([asked("A", { tool: TASK }), asked("B", { tool: TASK })]), null, "two whole tasks");
  assert.equal(togetherKind([asked("A"), asked("B")]), "alike");
  assert.equal(
    togetherKind([asked("A", { session: "s" }), asked("B", { session: "s", tool: "x.y" })]),
    "one conversation",
  );
});

test("a whole task is shown row by row: how often each tool, and every call in full", () => {
  const exact = { tool: "mail.send", args: { to: "bob@example.org", text: "hi" }, open: [] };
  const calls = [exact, { ...exact, args: { to: "dora@example.org" }, open: ["text"] }];
  const args = JSON.stringify({ calls, outline: { "mail.send": 2, "mail.delete": 1 } });
  const rows = taskRows({ tool: TASK, args }) ?? [];
  assert.deepEqual(
    rows.map(({ name, text }) => [name, JSON.stringify(text).includes("bob"), text.includes("dora")]),
    [
      ["mail.send", false, false],
      ["mail.delete", false, false],
      ["1. mail.send (exactly this, once)", true, false],
      ["2. mail.send (still open, and asked then: text)", false, true],
    ],
  );
  assert.equal(taskRows({ tool: "mail.send", args }), null);
  assert.equal(taskRows({ tool: TASK, args: '{"calls":1}' }), null);
});
