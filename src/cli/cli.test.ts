// The commands as a program sees them: exit codes, stdout, stderr, JSON. No terminal anywhere.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { test, type TestContext } from "node:test";
import { QUESTION, scriptDaemon, STATUS, type Scripted } from "../../tests/fixtures/control-socket.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** In a session of its own, so that the terminal of whoever runs the tests is not there. */
async function freehold(
  args: readonly string[],
  options: { readonly stdin?: string; readonly env?: object } = {},
): Promise<Ran> {
  const env = { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", ...options.env };
  const child = spawn(process.execPath, [MAIN, ...args], { detached: true, env });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => (stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  child.stdin.end(options.stdin ?? "");
  const [code] = await once(child, "close");
  return { code: typeof code === "number" ? code : null, stdout, stderr };
}

type Answers = Readonly<Record<string, Scripted | "hangUp">>;

async function daemonFor(context: TestContext, answers: Answers) {
  const daemon = await scriptDaemon(answers);
  context.after(() => daemon.close());
  return daemon;
}

const OWNER: Answers = { "owner.state": () => ({ set: true }), "owner.prove": () => ({ owner: true }) };
const NEEDED = () => ({ fault: { code: "owner.needed", message: "only the owner may do this." } });

test("a slip of the fingers gets a suggestion, one line and exit code 1", async () => {
  for (const [args, hint] of [
    [["statsu"], "Did you mean status?"],
    [["plan", "--ful"], "Did you mean --full?"],
    [["ledger", "tial"], "Did you mean tail?"],
  ] as const) {
    const ran = await freehold(args);
    assert.equal(ran.code, 1);
    assert.equal(ran.stdout, "");
    assert.match(ran.stderr, /^[^\n]*\n$/);
    assert.ok(ran.stderr.includes(hint), ran.stderr);
  }
});

test("without a daemon the one next step is said, with --json as one object", async () => {
  const plain = await freehold(["--home", "/nonexistent/home"]);
  assert.deepEqual([plain.code, plain.stdout], [1, ""]);
  assert.match(plain.stderr, /^Freehold is not running for \/nonexistent\/home\. Next: freehold start\n$/);
  const json = await freehold(["status", "--json", "--home", "/nonexistent/home"]);
  assert.deepEqual([json.code, json.stderr], [1, ""]);
  assert.equal(JSON.parse(json.stdout).error.code, "control.not-running");
});

test("no command means status: a line for each thing and the next command last", async (t) => {
  const { home } = await daemonFor(t, { status: () => STATUS });
  const ran = await freehold(["--home", home]);
  assert.equal(ran.code, 0);
  const lines = ran.stdout.trimEnd().split("\n");
  assert.match(lines.at(-1) ?? "", /^next +freehold inbox$/);
  assert.ok(
    lines.some((line) => /^servers +1: files \(family, 14 tools, idle\)$/.test(line)),
    ran.stdout,
  );
  assert.ok(
    lines.every((line) => line.length <= 80),
    ran.stdout,
  );
  const json = await freehold(["--json", "--home", home]);
  assert.deepEqual(JSON.parse(json.stdout), STATUS);
});

test("what hides or reorders text in a reply is spelled out, with --json too", async (t) => {
  const evil = "a\u001b[2Jb\u202ec\nnext  rm -rf";
  const { home } = await daemonFor(t, { status: () => ({ ...STATUS, clients: [{ name: evil, compartments: [] }] }) });
  const ran = await freehold(["status", "--home", home]);
  assert.ok(ran.stdout.includes("a\\u001b[2Jb\\u202ec\\u000anext"), ran.stdout);
  const json = await freehold(["status", "--json", "--home", home]);
  assert.ok(!json.stdout.includes("\u202e"));
  assert.equal(JSON.parse(json.stdout).clients[0].name, evil);
});

test("a fault from the daemon is one line however it is written", async (t) => {
  const fault = {
    code: "manifest.unknown-key",
    at: "stack.yaml:3",
    message: "unknown\n\u001b[31mkey.",
    next: "mend it",
  };
  const { home } = await daemonFor(t, { plan: () => ({ fault }) });
  const ran = await freehold(["plan", "--home", home]);
  assert.equal(ran.stderr, "stack.yaml:3: unknown key. Next: mend it\n");
  const json = await freehold(["plan", "--json", "--home", home]);
  assert.deepEqual(JSON.parse(json.stdout), { error: fault });
});

test("plan exits with 2 when there is something to apply and 0 when not", async (t) => {
  const changes = [{ kind: "added", file: "stack.yaml", what: "server files is new", wider: true }];
  const diff = "--- a/stack.yaml\n+++ b/stack.yaml\n@@ -1,1 +1,1 @@\n-servers: {}\n+servers: { files: 1 }\n";
  const full = await daemonFor(t, { plan: () => ({ digest: "abc", changes, diff }) });
  const ran = await freehold(["plan", "--home", full.home]);
  assert.equal(ran.code, 2);
  assert.match(ran.stdout, /1 change, each allows more than before/);
  assert.match(ran.stdout, /^\+servers: \{ files: 1 \}$/m);
  assert.ok(!ran.stdout.includes("\u001b"), "no colour off a terminal");
  const none = await daemonFor(t, { plan: () => ({ digest: null, changes: [], diff: "" }) });
  assert.equal((await freehold(["plan", "--home", none.home])).code, 0);
});

test("the inbox lists without a PIN and exits with 2 while something waits", async (t) => {
  const { id, tool, principal, because, askedAtMs, expiresAtMs } = QUESTION;
  const waiting = { questions: [{ id, tool, principal, because, askedAtMs, expiresAtMs }], unknown: [] };
  const { home, calls } = await daemonFor(t, { inbox: () => waiting });
  const ran = await freehold(["inbox", "--home", home]);
  assert.equal(ran.code, 2);
  assert.match(ran.stdout, /7KQ {2}client:claude-code {2}mail\.send {2}C3 {2}expires in/);
  assert.deepEqual(
    calls.map(({ op }) => op),
    ["inbox"],
  );
  const empty = await daemonFor(t, { inbox: () => ({ questions: [], unknown: [] }) });
  assert.equal((await freehold(["inbox", "--home", empty.home])).code, 0);
});

test("without a terminal no owner's command goes through, whatever stdin says", async (t) => {
  const { home, calls } = await daemonFor(t, {
    ...OWNER,
    resume: NEEDED,
    plan: () => ({ digest: "abc", changes: [], diff: "" }),
    "question.answer": NEEDED,
    "server.add": NEEDED,
    "secret.set": NEEDED,
  });
  for (const args of [
    ["yes", "7KQ"],
    ["no", "7KQ"],
    ["resume"],
    ["apply"],
    ["add", "x@1.0.0"],
    ["secret", "set", "a"],
    ["pin", "set"],
  ]) {
    const ran = await freehold([...args, "--json", "--home", home], { stdin: "482913\ny\n" });
    assert.equal(ran.code, 1, args.join(" "));
    assert.equal(JSON.parse(ran.stdout).error.code, "cli.no-terminal", args.join(" "));
  }
  assert.ok(calls.every(({ op }) => op !== "owner.prove" && op !== "owner.enrol" && op !== "apply"));
});

test("a yes cannot be given by a flag", async () => {
  for (const flag of ["--yes", "--force", "-y", "--pin=482913"]) {
    const ran = await freehold(["yes", "7KQ", flag]);
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /unknown option/);
  }
});

test("stop needs no PIN and no terminal", async (t) => {
  const { home, calls } = await daemonFor(t, { stop: () => ({ stopped: true }) });
  const ran = await freehold(["stop", "it", "went", "mad", "--home", home]);
  assert.equal(ran.code, 0);
  assert.deepEqual(calls, [{ op: "stop", input: { reason: "it went mad" } }]);
});

test("a changed ledger exits with 1 and names the entry", async (t) => {
  const { home } = await daemonFor(t, {
    "ledger.verify": () => ({ kind: "bad", seq: 17, reason: "its hash differs" }),
  });
  const ran = await freehold(["ledger", "verify", "--home", home]);
  assert.deepEqual([ran.code, ran.stdout], [1, "The ledger was changed: entry 17: its hash differs\n"]);
});

test("following the ledger misses and repeats nothing between the tail and the stream", async (t) => {
  const entry = (seq: number) => ({
    seq,
    atMs: 1_000,
    kind: "intent",
    principal: "agent",
    subject: "x.y",
    request: null,
    facts: {},
  });
  const { home } = await daemonFor(t, {
    "ledger.follow": (_input, emit) => {
      emit({ entry: entry(2) });
      emit({ entry: entry(3) });
      return {};
    },
    "ledger.tail": () => ({ entries: [entry(1), entry(2)] }),
  });
  const ran = await freehold(["ledger", "tail", "-f", "--json", "--home", home]);
  const seqs = ran.stdout
    .trim()
    .split("\n")
    .map((line) => Number(/"seq":(\d+)/.exec(line)?.[1]));
  assert.deepEqual(seqs, [1, 2, 3]);
});

test("a daemon of another version and one that goes away are said as such", async (t) => {
  const old = await daemonFor(t, { status: () => ({ ...STATUS, servers: "none" }) });
  const ran = await freehold(["status", "--home", old.home]);
  assert.match(ran.stderr, /of another version: 'servers' is not a list/);
  const gone = await daemonFor(t, { status: "hangUp" });
  assert.match((await freehold(["status", "--home", gone.home])).stderr, /Freehold went away/);
});

test("numbers out of range are refused before anything is asked", async () => {
  assert.match((await freehold(["later", "7KQ", "never"])).stderr, /the time in minutes is a number from 1 to 1440/);
  assert.match((await freehold(["ledger", "tail", "-n", "0"])).stderr, /--lines is a number from 1 to 1000/);
});

test("the shim without a token says which command gives one", async () => {
  const ran = await freehold(["mcp", "--client", "cursor"]);
  assert.deepEqual([ran.code, ran.stdout], [1, ""]);
  assert.match(ran.stderr, /FREEHOLD_TOKEN is not set.*freehold connect cursor/);
});

test("service install prints the unit and every command, and does nothing without root and a yes", async () => {
  const ran = await freehold(["service", "install", "--print", "--json"]);
  const { text, steps, file } = JSON.parse(ran.stdout);
  assert.equal(ran.code, 0);
  if (process.platform === "linux") {
    assert.equal(file, "/etc/systemd/system/freehold.service");
    assert.match(text, /^User=freehold$/m);
    assert.ok(String(steps).includes(`write ${file}`));
  }
  assert.match((await freehold(["service", "install", "--user", "root"])).stderr, /and not root/);
});
