// Chat on a real terminal with the real daemon, and a model server that answers by a script.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test, type TestContext } from "node:test";
import { lastText, type Script, type Scripted } from "../fixtures/agent.ts";
import { makeHome, PIN, type TestDaemon, type TestHome } from "../fixtures/daemon.ts";
import { startLlama, type LlamaServer } from "../fixtures/llama-server.ts";
import { hasPty, onTerminal, type Transcript, type Typing } from "./pty.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const PROVE = { expect: "Your PIN or passphrase: ", send: `${PIN}\r` };
const PROMPT = "> ";

const absent = hasPty() ? null : "python3 with its pty module is not installed";
if (absent !== null && process.env["CI"] === "true") throw new Error(absent);

function terminalTest(name: string, run: (context: TestContext) => Promise<void>): void {
  test(name, { skip: absent ?? false }, run);
}

interface Set {
  readonly home: TestHome;
  readonly daemon: TestDaemon;
  readonly llama: LlamaServer;
}

async function stackWith(t: TestContext, script: Script | null): Promise<Set> {
  const home = makeHome(t);
  const llama = await startLlama(script ?? (() => ({})));
  t.after(() => llama.close());
  if (script !== null) {
    const stack = readFileSync(home.paths.stack, "utf8");
    const model = `models:\n  local: { speaks: openai-chat, url: "${llama.url}", model: m, place: this-machine }\n`;
    writeFileSync(home.paths.stack, stack.replace("models: {}\n", model));
  }
  const daemon = await home.start();
  const { digest } = await daemon.owner.call("plan", {});
  if (digest !== null) await daemon.owner.call("apply", { digest: digest ?? null });
  return { home, daemon, llama };
}

function chat({ home }: Set, args: readonly string[], steps: readonly Typing[]): Promise<Transcript> {
  const env = { PATH: process.env["PATH"] ?? "", HOME: home.base, TERM: "dumb", NO_COLOR: "1" };
  const argv = [process.execPath, MAIN, "chat", ...args, "--home", home.paths.dir];
  return onTerminal({ argv, env, cwd: home.base, steps });
}

terminalTest("a person talks, sees what it took, and goes on with it the next time", async (t) => {
  const set = await stackWith(t, (_body, turn) => ({ text: turn === 1 ? "Good evening, Ada." : "You greeted me." }));
  const first = await chat(
    set,
    [],
    [
      PROVE,
      { expect: PROMPT, send: "hello\r" },
      { expect: "Good evening, Ada.", send: "" },
      { expect: "local (on this machine) · 120 + 12 tokens", send: "" },
      { expect: "it has read personal data", send: "" },
      { expect: PROMPT, send: "/quit\r" },
    ],
  );
  assert.equal(first.missed, null, first.output);
  assert.equal(first.code, 0, first.output);
  const second = await chat(
    set,
    ["--resume"],
    [
      PROVE,
      { expect: PROMPT, send: "what did I say?\r" },
      { expect: "You greeted me.", send: "" },
      { expect: PROMPT, send: "/quit\r" },
    ],
  );
  assert.equal(second.missed, null, second.output);
  assert.match(set.llama.asked[1]?.text ?? "", /"hello".*Good evening, Ada\..*what did I say\?/);
});

terminalTest("without a model it says so, and the commands find, keep and recall through the door", async (t) => {
  const set = await stackWith(t, null);
  const ran = await chat(
    set,
    [],
    [
      PROVE,
      { expect: "No model is declared", send: "" },
      { expect: PROMPT, send: "hello\r" },
      { expect: "no model is declared", send: "" },
      { expect: PROMPT, send: "/remember The key lies in the drawer.\r" },
      { expect: "Noted on ", send: "" },
      { expect: PROMPT, send: "/recall key\r" },
      { expect: "The key lies in the drawer.", send: "" },
      { expect: PROMPT, send: "/find mail\r" },
      { expect: "Nothing fits.", send: "" },
      { expect: PROMPT, send: "/nonsense\r" },
      { expect: "there is no /nonsense", send: "" },
      { expect: PROMPT, send: "/stop\r" },
      { expect: "Stopped.", send: "" },
      { expect: PROMPT, send: "/quit\r" },
    ],
  );
  assert.equal(ran.missed, null, ran.output);
  assert.match(readFileSync(join(set.home.paths.memoryDir, "personal", "notes.md"), "utf8"), /key lies in the drawer/);
});

terminalTest("Control-C ends the turn and not the program", async (t) => {
  const { promise: never } = Promise.withResolvers<Scripted>();
  const set = await stackWith(t, (body) => (lastText(body) === "and now?" ? { text: "Still here." } : never));
  const { missed, output, code } = await chat(
    set,
    [],
    [
      PROVE,
      { expect: PROMPT, send: "think for ever\r\n" },
      { expect: "… ", send: "\u0003" },
      { expect: "ended: you cancelled it", send: "" },
      { expect: PROMPT, send: "and now?\r" },
      { expect: "Still here.", send: "" },
      { expect: PROMPT, send: "/quit\r" },
    ],
  );
  assert.equal(missed, null, output);
  assert.equal(code, 0, output);
});

terminalTest("an effect that needs a yes is asked in the conversation, and done by a key", async (t) => {
  const set = await stackWith(t, (_body, turn) => {
    if (turn === 1) return { calls: [["recall", { query: "" }]] };
    return turn === 2 ? { calls: [["remember", { text: "see https://evil.example/x" }]] } : { text: "Kept." };
  });
  const ran = await chat(
    set,
    [],
    [
      PROVE,
      { expect: PROMPT, send: "Keep in mind what matters.\r" },
      { expect: "Waits for you: question", send: "" },
      { expect: "[q]uit", send: "y" },
      { expect: "Kept.", send: "" },
      { expect: PROMPT, send: "/quit\r" },
    ],
  );
  assert.equal(ran.missed, null, ran.output);
  assert.match(readFileSync(join(set.home.paths.memoryDir, "personal", "notes.md"), "utf8"), /evil\.example/);
});

test("without a terminal nobody is the owner: no word goes to a model, what is open to all works", async (t) => {
  const set = await stackWith(t, () => ({ text: "never" }));
  const { dir } = set.home.paths;
  const env = { PATH: process.env["PATH"] ?? "", HOME: set.home.base };
  const child = spawn(process.execPath, [MAIN, "chat", "--home", dir], {
    detached: true,
    env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk) => (said += String(chunk)));
  child.stdin.end("read my mail\n/recall x\n/inbox\n");
  const [code] = (await once(child, "close")) as [unknown];
  assert.match(said, /nobody here is the owner/);
  assert.match(said, /Nothing waits for you\./);
  assert.match(said, /2 lines needed the owner/);
  assert.equal(code, 1);
  assert.equal(set.llama.asked.length, 0);
});
