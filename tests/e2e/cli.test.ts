// The command line on a real terminal: against scripted answers for each look and each key, then with the real daemon.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test, type TestContext } from "node:test";
import { QUESTION, scriptDaemon, type Scripted } from "../fixtures/control-socket.ts";
import { hasPty, onTerminal, type Transcript, type Typing } from "./pty.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const PIN = "482913";
const ASK_PIN = "Your PIN or passphrase: ";
const KEYS = "[q]uit ";

const absent = hasPty() ? null : "python3 with its pty module is not installed";
if (absent !== null) process.stderr.write(`freehold: SKIPPED: ${absent}; nothing on a terminal is tested\n`);
if (absent !== null && process.env["CI"] === "true") throw new Error(absent);

function terminalTest(name: string, run: (context: TestContext) => Promise<void>): void {
  test(name, { skip: absent ?? false }, run);
}

interface Typed {
  readonly steps: readonly Typing[];
  readonly env: Readonly<Record<string, string>>;
}

function type(home: string, args: readonly string[], typed: readonly Typing[] | Typed): Promise<Transcript> {
  const { steps, env: extra } = "steps" in typed ? typed : { steps: typed, env: {} };
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, TERM: "dumb", NO_COLOR: "1", ...extra };
  return onTerminal({ argv: [process.execPath, MAIN, ...args, "--home", home], env, cwd: home, steps });
}

function owner(): Readonly<Record<string, Scripted>> {
  let isProven = false;
  const proven =
    (answer: Scripted): Scripted =>
    (input, emit) =>
      isProven ? answer(input, emit) : { fault: { code: "owner.needed", message: "only the owner may do this." } };
  return {
    "owner.state": () => ({ set: true }),
    "owner.prove": ({ secret }) => {
      isProven = secret === PIN;
      return isProven ? { owner: true } : { fault: { code: "owner.refused", message: "that is not the PIN." } };
    },
    "question.show": proven(() => QUESTION),
    "question.list": proven(() => ({ questions: [QUESTION] })),
    "question.answer": proven(({ answer }) => ({
      id: "7KQ",
      state: answer === "yes" ? "spent" : "no",
      outcome: answer === "yes" ? { kind: "result" } : null,
    })),
    inbox: () => ({ questions: [QUESTION], unknown: [] }),
  };
}

async function scripted(context: TestContext, more: Readonly<Record<string, Scripted>> = {}) {
  const daemon = await scriptDaemon({ ...owner(), ...more });
  context.after(() => daemon.close());
  const answers = () => daemon.calls.filter(({ op }) => op === "question.answer").map(({ input }) => input);
  return { ...daemon, answers };
}

terminalTest("a yes is sent after the PIN, the whole question, and a y", async (t) => {
  const { home, answers } = await scripted(t);
  const ran = await type(
    home,
    ["yes", "7kq"],
    [
      { expect: ASK_PIN, send: `${PIN}\r` },
      { expect: "Yes to exactly this? [y/N] ", send: "y\r" },
    ],
  );
  assert.deepEqual([ran.missed, ran.code], [null, 0], ran.output);
  for (const text of [
    "bob@example.org",
    '{"body":"hi","to":"bob@example.org"}',
    "C3 ask: not in your words: to",
    "cannot be called back",
    "d1gest",
  ]) {
    assert.ok(ran.output.includes(text), text);
  }
  assert.ok(ran.output.indexOf("d1gest") < ran.output.indexOf("Yes to exactly this?"));
  assert.ok(!ran.output.includes(PIN), "the PIN is not shown");
  assert.deepEqual(answers(), [{ id: "7KQ", answer: "yes" }]);
});

terminalTest("anything but y leaves the question open, and exit code 2 says so", async (t) => {
  const { home, answers } = await scripted(t);
  for (const send of ["\r", "n\r", "yep\r"]) {
    const ran = await type(
      home,
      ["yes", "7KQ"],
      [
        { expect: ASK_PIN, send: `${PIN}\r` },
        { expect: "[y/N] ", send },
      ],
    );
    assert.equal(ran.code, 2, ran.output);
  }
  assert.deepEqual(answers(), []);
});

terminalTest("keys typed before the question stands there do not answer it", async (t) => {
  const { home, answers } = await scripted(t);
  const ran = await type(
    home,
    ["yes", "7KQ"],
    [
      // All at once: what follows the PIN was typed before the question could be read.
      { expect: ASK_PIN, send: `${PIN}\ry\ry\r` },
      { expect: "Yes to exactly this? [y/N] ", send: "n\r" },
    ],
  );
  assert.deepEqual([ran.missed, ran.code], [null, 2], ran.output);
  assert.deepEqual(answers(), []);
});

terminalTest("a wrong PIN is asked for again, three times at most", async (t) => {
  const { home, answers, calls } = await scripted(t);
  const wrong = { expect: ASK_PIN, send: "000000\r" };
  const ran = await type(home, ["yes", "7KQ"], [wrong, wrong, wrong]);
  assert.equal(ran.code, 1);
  assert.match(ran.output, /that is not the PIN\./);
  assert.equal(calls.filter(({ op }) => op === "owner.prove").length, 3);
  assert.deepEqual(answers(), []);
});

terminalTest("the question is shown on the terminal although stdout goes into a file", async (t) => {
  const { home } = await scripted(t);
  const line = `'${process.execPath}' '${MAIN}' yes 7KQ --json --home '${home}' > '${home}/out.json'`;
  const ran = await onTerminal({
    argv: ["/bin/sh", "-c", line],
    env: { PATH: process.env["PATH"] ?? "", HOME: home, TERM: "dumb" },
    steps: [
      { expect: ASK_PIN, send: `${PIN}\r` },
      { expect: "bob@example.org", send: "" },
      { expect: "[y/N] ", send: "y\r" },
    ],
  });
  assert.deepEqual([ran.missed, ran.code], [null, 0], ran.output);
  assert.equal(JSON.parse(readFileSync(join(home, "out.json"), "utf8")).state, "spent");
});

terminalTest("control-C at any prompt decides nothing", async (t) => {
  const { home, answers } = await scripted(t);
  const ran = await type(
    home,
    ["yes", "7KQ"],
    [
      { expect: ASK_PIN, send: `${PIN}\r` },
      { expect: "[y/N] ", send: "\u0003" },
    ],
  );
  assert.equal(ran.code, 1);
  assert.match(ran.output, /nothing was decided/);
  assert.deepEqual(answers(), []);
});

terminalTest("the inbox opens with one PIN and answers by keys", async (t) => {
  const { home, answers } = await scripted(t);
  const ran = await type(
    home,
    ["inbox"],
    [
      { expect: "Open them? [y/N] ", send: "y\r" },
      { expect: ASK_PIN, send: `${PIN}\r` },
      { expect: KEYS, send: "n" },
      { expect: "Reason", send: "not today\r" },
    ],
  );
  assert.deepEqual([ran.missed, ran.code], [null, 0], ran.output);
  assert.match(ran.output, /Question 7KQ: no\. It was not done/);
  assert.deepEqual(answers(), [{ id: "7KQ", answer: "no", note: "not today" }]);
});

terminalTest("an edited answer is shown exactly before it runs instead", async (t) => {
  const { home, answers } = await scripted(t, { inbox: () => ({ questions: [QUESTION], unknown: [] }) });
  const editor = join(home, "editor.sh");
  writeFileSync(editor, '#!/bin/sh\nsed -i s/bob@/ada@/ "$1"\n', { mode: 0o755 });
  const steps = [
    { expect: "Open them? [y/N] ", send: "y\r" },
    { expect: ASK_PIN, send: `${PIN}\r` },
    { expect: KEYS, send: "e" },
    { expect: 'exactly: {"body":"hi","to":"ada@example.org"}', send: "" },
    { expect: "Run this instead? [y/N] ", send: "y\r" },
  ];
  const ran = await type(home, ["inbox"], { steps, env: { EDITOR: editor } });
  assert.equal(ran.missed, null, ran.output);
  assert.deepEqual(answers(), [{ id: "7KQ", answer: "yes", args: { body: "hi", to: "ada@example.org" } }]);
});

terminalTest("a plan is applied by the very digest that was shown", async (t) => {
  const changes = [{ kind: "added", file: "stack.yaml", what: "server files is new", wider: true }];
  const { home, calls } = await scripted(t, {
    plan: () => ({ digest: "abc123", changes, diff: "--- a/stack.yaml\n+++ b/stack.yaml\n+servers\n" }),
    apply: ({ digest }) => ({ digest, changes }),
  });
  const ran = await type(home, ["apply"], [{ expect: "Apply exactly this? [y/N] ", send: "y\r" }]);
  assert.equal(ran.code, 0, ran.output);
  assert.ok(ran.output.indexOf("server files is new") < ran.output.indexOf("Apply exactly this?"));
  assert.deepEqual(
    calls.filter(({ op }) => op === "apply"),
    [{ op: "apply", input: { digest: "abc123" } }],
  );
});

/** In a session of its own: no terminal, whoever runs the tests. */
async function run(home: string, ...args: readonly string[]) {
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, FREEHOLD_PORT: "0", LANG: "C.UTF-8" };
  const argv = [MAIN, ...args, "--json", "--home", join(home, "stack")];
  const child = spawn(process.execPath, argv, { env, detached: true, stdio: ["ignore", "pipe", "inherit"] });
  let stdout = "";
  child.stdout.on("data", (chunk) => (stdout += String(chunk)));
  const [code] = await once(child, "close");
  return { code, json: JSON.parse(stdout) };
}

terminalTest("the whole way with the real daemon: start, PIN, edit, plan, apply, stop, resume, shutdown", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "freehold-e2e-"));
  t.after(async () => {
    await run(home, "shutdown");
    rmSync(home, { recursive: true, force: true });
  });
  const stack = join(home, "stack");
  const here = (args: readonly string[], steps: readonly Typing[]) =>
    onTerminal({
      argv: [process.execPath, MAIN, ...args, "--home", stack],
      env: { PATH: process.env["PATH"] ?? "", HOME: home, TERM: "dumb", NO_COLOR: "1" },
      cwd: home,
      steps,
    });

  const started = await run(home, "start");
  assert.equal(started.code, 0);
  assert.deepEqual([started.json.started, started.json.created, started.json.next], [true, true, "freehold pin set"]);
  assert.match(started.json.url, /^http:\/\/127\.0\.0\.1:\d+\/login\?code=/);
  assert.equal(statSync(join(stack, ".state", "daemon.log")).mode & 0o777, 0o600);
  assert.equal((await run(home, "start")).json.started, false, "a second start finds the first");
  assert.equal((await run(home, "start", "--foreground")).json.error.code, "daemon.running");

  const chosen = await here(
    ["pin", "set"],
    [
      { expect: "characters: ", send: `${PIN}\r` },
      { expect: "Once more: ", send: `${PIN}\r` },
    ],
  );
  assert.equal(chosen.code, 0, chosen.output);
  assert.ok(!chosen.output.includes(PIN));

  const file = join(stack, "stack.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace("  personal: {}", "  personal: {}\n  work: {}"));
  const plan = await run(home, "plan");
  assert.equal(plan.code, 2);
  const applied = await here(
    ["apply"],
    [
      { expect: "[y/N] ", send: "y\r" },
      { expect: ASK_PIN, send: `${PIN}\r` },
    ],
  );
  assert.equal(applied.code, 0, applied.output);
  assert.equal((await run(home, "plan")).code, 0);

  assert.equal((await run(home, "stop", "test")).json.stopped, true);
  assert.equal((await run(home, "resume")).json.error.code, "cli.no-terminal");
  assert.equal((await run(home, "status")).json.stopped, true);
  assert.equal((await here(["resume"], [{ expect: ASK_PIN, send: `${PIN}\r` }])).code, 0);
  assert.equal((await run(home, "ledger", "verify")).json.kind, "good");
  assert.equal((await run(home, "doctor")).json.checks.length, 12);

  const ended = await run(home, "shutdown");
  assert.equal(ended.json.wasRunning, true);
  assert.throws(() => process.kill(started.json.pid, 0), "the process is gone");
  assert.equal((await run(home, "status")).json.error.code, "control.not-running");
});
