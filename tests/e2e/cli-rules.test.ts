// Rules, alike questions and the meter on the command line, on a terminal against scripted answers, and without.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { test, type TestContext } from "node:test";
import { QUESTION, scriptDaemon, type Scripted } from "../fixtures/control-socket.ts";
import { hasPty, onTerminal, type Transcript, type Typing } from "./pty.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const PIN = { expect: "Your PIN or passphrase: ", send: "482913\r" };

const absent = hasPty() ? null : "python3 with its pty module is not installed";
if (absent !== null && process.env["CI"] === "true") throw new Error(absent);

function terminalTest(name: string, run: (context: TestContext) => Promise<void>): void {
  test(name, { skip: absent ?? false }, run);
}

function type(home: string, args: readonly string[], steps: readonly Typing[]): Promise<Transcript> {
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, TERM: "dumb", NO_COLOR: "1" };
  return onTerminal({ argv: [process.execPath, MAIN, ...args, "--home", home], env, cwd: home, steps });
}

async function plain(home: string, args: readonly string[]): Promise<{ code: unknown; stdout: string }> {
  const env = { PATH: process.env["PATH"] ?? "", HOME: home };
  const argv = [MAIN, ...args, "--home", home];
  const child = spawn(process.execPath, argv, { detached: true, env, stdio: ["ignore", "pipe", "inherit"] });
  let stdout = "";
  child.stdout.on("data", (chunk) => (stdout += String(chunk)));
  const [code] = (await once(child, "close")) as [unknown];
  return { code, stdout };
}

const IDEA = {
  width: "near",
  sentence: "claude-code may use mail.send with to at example.org, at most 3 times a day, until 20 February 2027",
  reason: "always, after question 7KQ on 22 November 2026",
  rule: "mail-send-1",
  said: "would have allowed 41 of 43, one of which you denied",
  test: { worst: [{ request: "r-1", atMs: 0, ended: "no", call: '{"to":"mallory@example.org"}' }] },
};
/** A new file, of which other proposals show the beginning alone. */
const COMMENTS = "+# a comment\n".repeat(12);
const DIFF = `--- /dev/null\n+++ b/rules.yaml\n@@ -0,0 +1,13 @@\n${COMMENTS}+  - id: mail-send-1\n`;
const CHANGES = [{ kind: "added", file: "rules.yaml", what: "rule mail-send-1 is new", wider: true }];
const OTHER_ARGS = '{"body":"ho","to":"eve@example.org"}';
const OTHER = { ...QUESTION, id: "M4T", session: "s2", digest: "d2", args: OTHER_ARGS, shown: OTHER_ARGS };

async function scripted(context: TestContext, more: Readonly<Record<string, Scripted>> = {}) {
  const daemon = await scriptDaemon({
    "owner.state": () => ({ set: true }),
    "owner.prove": () => ({ owner: true }),
    "question.show": () => QUESTION,
    "question.list": () => ({ questions: [QUESTION, OTHER] }),
    "question.answer": ({ id }) => ({ id, state: "spent", outcome: { kind: "result" } }),
    "questions.answerAlike": () => ({
      outcomes: [
        { id: "7KQ", state: "spent", outcome: { kind: "result" }, refused: null },
        { id: "M4T", state: null, outcome: null, refused: "it is already no" },
      ],
    }),
    inbox: () => ({ questions: [QUESTION, OTHER], unknown: [] }),
    "rule.ideas": () => ({
      notes: ["A note."],
      ideas: [
        { ...IDEA, key: "7KQ.exact" },
        { ...IDEA, key: "7KQ.near" },
      ],
    }),
    "rule.add": () => ({ digest: "abc123", changes: CHANGES, diff: DIFF }),
    "rule.withdraw": () => ({ digest: null, changes: [], diff: "" }),
    apply: ({ digest }) => ({ digest, changes: CHANGES }),
    ...more,
  });
  context.after(() => daemon.close());
  const changed = new Set(["rule.add", "rule.withdraw", "apply", "question.answer", "questions.answerAlike"]);
  return { home: daemon.home, made: () => daemon.calls.filter(({ op }) => changed.has(op)) };
}

terminalTest(
  "always shows the question and each idea's test, then the diff, answers, and applies what was shown",
  async (t) => {
    const { home, made } = await scripted(t);
    const ran = await type(
      home,
      ["always", "7KQ"],
      [
        PIN,
        { expect: "[1] [2] or [n]one ", send: "2" },
        { expect: "]: ", send: "the team\r" },
        { expect: "+  - id: mail-send-1", send: "" },
        { expect: "Apply exactly this? [y/N] ", send: "y\r" },
        { expect: "And yes to question 7KQ itself, once and now? [y/N] ", send: "y\r" },
      ],
    );
    assert.deepEqual([ran.missed, ran.code], [null, 0], ran.output);
    for (const text of ["bob@example.org", "41 of 43", "you said no to", "mallory@example.org", "A note."]) {
      assert.ok(ran.output.indexOf(text) !== -1 && ran.output.indexOf(text) < ran.output.indexOf("[1] [2]"), text);
    }
    assert.deepEqual(made(), [
      { op: "rule.add", input: { idea: "7KQ.near", reason: "the team" } },
      { op: "question.answer", input: { id: "7KQ", answer: "yes" } },
      { op: "apply", input: { digest: "abc123" } },
    ]);
  },
);

terminalTest("a rule that is not wanted after its diff is taken back, and none is made by any other key", async (t) => {
  const { home, made } = await scripted(t);
  const none = await type(home, ["always", "7KQ"], [PIN, { expect: "[n]one ", send: "n" }]);
  assert.deepEqual([none.code, made()], [2, []], none.output);
  const ran = await type(
    home,
    ["always", "7KQ"],
    [
      PIN,
      { expect: "[n]one ", send: "1" },
      { expect: "]: ", send: "\r" },
      { expect: "Apply exactly this? [y/N] ", send: "\r" },
    ],
  );
  assert.equal(ran.code, 2, ran.output);
  assert.deepEqual(made(), [
    { op: "rule.add", input: { idea: "7KQ.exact" } },
    { op: "rule.withdraw", input: { digest: "abc123" } },
  ]);
});

terminalTest("where no rule is possible the reason is said and nothing is offered", async (t) => {
  const notes = ["mail.run runs a program: look each time."];
  const { home, made } = await scripted(t, { "rule.ideas": () => ({ notes, ideas: [] }) });
  const ran = await type(home, ["always", "7KQ"], [PIN, { expect: "look each time", send: "" }]);
  assert.deepEqual([ran.missed, ran.code, made()], [null, 0, []], ran.output);
});

terminalTest(
  "alike questions stand there in full, every one, before one key answers them by their digests",
  async (t) => {
    const { home, made } = await scripted(t);
    const ran = await type(
      home,
      ["inbox"],
      [
        { expect: "Open them? [y/N] ", send: "y\r" },
        PIN,
        { expect: "bob@example.org", send: "" },
        { expect: "eve@example.org", send: "" },
        { expect: "[a]ll 2 yes", send: "a" },
        { expect: "Question M4T: not answered, it is already no.", send: "" },
      ],
    );
    assert.deepEqual([ran.missed, ran.code], [null, 0], ran.output);
    assert.deepEqual(made(), [
      { op: "questions.answerAlike", input: { ids: ["7KQ", "M4T"], digests: ["d1gest", "d2"] } },
    ]);
  },
);

terminalTest("alike questions can be taken one by one, and other questions are never put together", async (t) => {
  const { home, made } = await scripted(t);
  const oneByOne = await type(
    home,
    ["inbox"],
    [
      { expect: "Open them? [y/N] ", send: "y\r" },
      PIN,
      { expect: "[a]ll 2 yes", send: "o" },
      { expect: "[e]dit, then yes", send: "q" },
    ],
  );
  assert.deepEqual([oneByOne.missed, oneByOne.code, made()], [null, 2, []], oneByOne.output);
  const unlike = { ...OTHER, tool: "mail.delete" };
  const other = await scripted(t, { "question.list": () => ({ questions: [QUESTION, unlike] }) });
  const ran = await type(
    other.home,
    ["inbox"],
    [
      { expect: "Open them? [y/N] ", send: "y\r" },
      PIN,
      { expect: "[q]uit ", send: "s" },
      { expect: "[q]uit ", send: "s" },
    ],
  );
  assert.deepEqual([ran.missed, ran.code, ran.output.includes("are alike")], [null, 2, false], ran.output);
});

terminalTest("questions of one conversation stand there together, in the inbox and for yes --all", async (t) => {
  const talk = { ...OTHER, session: QUESTION.session, tool: "mail.delete" };
  const { home, made } = await scripted(t, { "question.list": () => ({ questions: [QUESTION, talk] }) });
  const inbox = await type(
    home,
    ["inbox"],
    [
      { expect: "Open them? [y/N] ", send: "y\r" },
      PIN,
      { expect: "These 2 are of one conversation.", send: "" },
      { expect: "[a]ll 2 yes", send: "s" },
    ],
  );
  assert.deepEqual([inbox.missed, inbox.code, made()], [null, 2, []], inbox.output);
  const all = await type(
    home,
    ["yes", "7KQ", "--all"],
    [PIN, { expect: "eve@example.org", send: "" }, { expect: "Yes to exactly these 2? [y/N] ", send: "y\r" }],
  );
  assert.deepEqual([all.missed, all.code], [null, 0], all.output);
  const input = { ids: ["7KQ", "M4T"], digests: ["d1gest", "d2"] };
  assert.deepEqual(made(), [{ op: "questions.answerAlike", input }]);
});

terminalTest("one key in the inbox leads to a rule, and back to the question where no rule was made", async (t) => {
  const { home, made } = await scripted(t, { "question.list": () => ({ questions: [QUESTION] }) });
  const ran = await type(
    home,
    ["inbox"],
    [
      { expect: "Open them? [y/N] ", send: "y\r" },
      PIN,
      { expect: "[a]lways", send: "a" },
      { expect: "[1] [2] or [n]one ", send: "n" },
      { expect: "No rule was made.", send: "" },
      { expect: "[a]lways", send: "a" },
      { expect: "[1] [2] or [n]one ", send: "2" },
      { expect: "]: ", send: "\r" },
      { expect: "Apply exactly this? [y/N] ", send: "y\r" },
      { expect: "And yes to question 7KQ itself, once and now? [y/N] ", send: "y\r" },
      { expect: "holds now", send: "" },
    ],
  );
  assert.deepEqual([ran.missed, ran.code], [null, 0], ran.output);
  assert.deepEqual(
    made().map(({ op }) => op),
    ["rule.add", "question.answer", "apply"],
  );
});

test("without a terminal a rule cannot be made, and prune only names", async (t) => {
  const idle = [{ kind: "expired", rule: "old", sentence: "s", why: "it expired on 31 January 2026", by: null }];
  const { home, made } = await scripted(t, { "rules.prune": () => ({ idle }) });
  assert.match((await plain(home, ["always", "7KQ", "--json"])).stdout, /cli\.no-terminal/);
  const ran = await plain(home, ["rules", "prune"]);
  assert.deepEqual([ran.code, made()], [2, []]);
  assert.match(ran.stdout, /^old {2}it expired on 31 January 2026$/m);
});

test("rules list, rules test and the meter read well without a terminal", async (t) => {
  const rule = {
    id: "notes",
    answer: "allow",
    sentence: "shell may use x.y",
    reason: "mine",
    uses: 3,
    lastUseAtMs: 1_000,
    expired: true,
  };
  const days = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 8];
  const { home } = await scripted(t, {
    "rules.list": () => ({ rules: [rule] }),
    "rules.test": (input) => ({
      ...input,
      decision: "ask",
      because: "C3",
      clauses: [{ clause: "C3", answer: "ask", reason: "not in your words: path" }],
      rules: [{ id: "notes", says: "nothing", why: "not path below /n" }],
    }),
    meter: () => ({ sentence: "6 questions a day over 14 days.", advice: "Make a rule.", days }),
  });
  assert.match(
    (await plain(home, ["rules", "list"])).stdout,
    /notes {2}allow\n {2}shell may use x\.y\n.*\n {2}expired; 3 uses/,
  );
  const tested = await plain(home, ["rules", "test", "x.y", '{"path":"/a"}', "--as", "client:shell"]);
  assert.match(tested.stdout, /nothing {2}notes {2}not path below \/n\n\nThe decision: ask by C3/);
  assert.match((await plain(home, ["rules", "test", "x.y", "[]", "--json"])).stdout, /cli\.arguments/);
  const meter = await plain(home, ["meter"]);
  assert.match(
    meter.stdout,
    /^6 questions a day over 14 days\.\nby day, today last {14}▄█ {2}most: 8\nMake a rule\.\n$/,
  );
});
