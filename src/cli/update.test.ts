import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { scriptDaemon, type Scripted } from "../../tests/fixtures/control-socket.ts";
import type { JsonObject } from "../kernel/index.ts";
import { reach } from "./reach.ts";
import type { Outcome, Shell } from "./shell.ts";
import type { Terminal } from "./terminal.ts";
import { run } from "./update.ts";

const HUNKS = ["--- a/index.js", "+++ b/index.js", "@@ -1,1 +1,1 @@", "-old", "+new\u001b[2J"].join("\n");
const SURFACE = { grade: null, changes: [], tools: [14, 14], emptied: [], removedTools: [], addedTools: [] };
const FOUND: JsonObject = {
  server: "files",
  from: { version: "1.0.0", tree: "a".repeat(64) },
  to: { version: "1.1.0", tree: "b".repeat(64) },
  verdict: "ship",
  reasons: [],
  stakes: 1,
  change: 0,
  surface: SURFACE,
  contracts: { total: 8, same: 8, differing: [], picked: [], unanswered: [], stale: [] },
  outgoing: { before: 0, after: 0, facts: [], calls: 2 },
  code: {
    packages: { total: 138, added: [], removed: [], changed: [{}], rewritten: [] },
    own: { files: 2, added: 3, removed: 3 },
    scripts: [],
    capabilities: [],
    hosts: [],
    readingMinutes: 1,
    dependencyMinutes: 0,
  },
  evidence: {
    ...{ provenance: "unknown", publisher: "unknown", advisories: "unknown" },
    says: { provenance: "this registry gives none", publisher: "-", advisories: "no answer within 5 s" },
  },
  ageHours: 240,
  notes: [],
  isSame: false,
  update: "ask",
  file: "verdicts/files-1.0.0-1.1.0.yaml",
  hunks: HUNKS,
};
const BLOCKED = { verdict: "block", reasons: [{ verdict: "block", says: "in send POST x carries a new key Bcc" }] };

interface Ran {
  readonly outcome: Outcome;
  readonly screen: string;
  readonly ops: readonly string[];
  /** Of the operation, the last time it was called. */
  readonly sent: (op: string) => Readonly<Record<string, unknown>> | undefined;
}

interface Script {
  readonly found?: JsonObject;
  readonly typed?: readonly string[];
  readonly args?: readonly string[];
  readonly options?: Readonly<Record<string, unknown>>;
  readonly answers?: Readonly<Record<string, Scripted>>;
}

/** Keys and lines are typed in order; a question more than was scripted fails the test. */
async function ran(context: TestContext, script: Script): Promise<Ran> {
  const daemon = await scriptDaemon({
    "owner.state": () => ({ set: true }),
    "owner.prove": () => ({ owner: true }),
    "update.rehearse": () => ({ ...FOUND, ...script.found }),
    "update.accept": () => ({ digest: "d1", changes: [], diff: "", findings: [] }),
    apply: () => ({ digest: "d1", changes: [] }),
    ...script.answers,
  });
  const control = await reach(daemon.home);
  context.after(async () => {
    control.close();
    await daemon.close();
  });
  const left = ["482913", ...(script.typed ?? [])];
  let screen = "";
  const next = (prompt: string): string => {
    screen += `${prompt}\n`;
    return left.shift() ?? assert.fail(`nothing was scripted for: ${prompt}`);
  };
  const terminal: Terminal = {
    write: (text) => (screen += text),
    ask: async (prompt) => next(prompt),
    secret: async (prompt) => next(prompt),
    confirm: async (question) => next(question) === "y",
    key: async (prompt) => next(prompt),
    close: () => undefined,
  };
  const shell: Shell = {
    ...{ json: false, env: {}, isTty: true, width: 100 },
    home: async () => daemon.home,
    paint: (_, text) => text,
    say: (text) => (screen += `${text}\n`),
    terminal: async () => terminal,
    needTerminal: async () => terminal,
    control: async () => control,
    close: () => undefined,
  };
  const outcome = await run(shell, { args: script.args ?? ["files"], options: script.options ?? {} });
  const ops = daemon.calls.map(({ op }) => op).filter((op) => !op.startsWith("owner."));
  return { outcome, screen, ops, sent: (op) => daemon.calls.findLast((call) => call.op === op)?.input };
}

test("what ships is one screen and one key", async (t) => {
  const { outcome, screen, ops } = await ran(t, { typed: ["a"] });
  assert.deepEqual(ops, ["update.rehearse", "update.accept", "apply"]);
  assert.match(screen, /files {2}1\.0\.0 -> 1\.1\.0 +ship\n {2}tools 14 = 14, no definition changed\n/);
  assert.match(screen, /8 of 8 answer the same/);
  assert.match(screen, /provenance unknown \(this registry gives none\)/);
  assert.match(String(outcome.text), /files is 1\.1\.0 now/);
  assert.ok(screen.split("\n").length < 24, "it fits on a screen");
});

test("another key changes nothing and ends with 2", async (t) => {
  const { outcome, ops } = await ran(t, { typed: ["n"], args: ["files@1.1.0"] });
  assert.deepEqual([ops, outcome.exit], [["update.rehearse"], 2]);
});

test("what is to be skimmed shows its lines, hidden characters spelled out", async (t) => {
  const { screen, ops } = await ran(t, { typed: ["a"], found: { verdict: "skim" } });
  assert.match(screen, /\+new\\u001b\[2J/);
  assert.equal(ops.length, 3);
});

test("what is to be audited needs a reason that says something", async (t) => {
  const typed = ["ok", "I read all of the 90 lines"];
  const { sent } = await ran(t, { typed, found: { verdict: "audit" } });
  assert.deepEqual(sent("update.accept"), { name: "files", reason: "I read all of the 90 lines" });
  const left = await ran(t, { typed: [""], found: { verdict: "audit" } });
  assert.deepEqual([left.ops, left.outcome.exit], [["update.rehearse"], 2]);
});

test("what is blocked is refused without a question, and taken with --override and a reason only", async (t) => {
  const refused = await ran(t, { found: BLOCKED });
  assert.deepEqual([refused.ops, refused.outcome.exit], [["update.rehearse"], 2]);
  assert.match(refused.screen, /block {2}in send POST x carries a new key Bcc/);
  const options = { override: true };
  const { sent } = await ran(t, { found: BLOCKED, options, typed: ["the copy goes to myself"] });
  assert.deepEqual(sent("update.accept"), { name: "files", override: true, reason: "the copy goes to myself" });
});

test("with update: ship no key is asked for what ships, and for nothing else is it spared", async (t) => {
  assert.equal((await ran(t, { found: { update: "ship" } })).ops.length, 3);
  assert.equal((await ran(t, { found: { update: "ship", verdict: "skim" }, typed: ["n"] })).ops.length, 1);
});

test("a fact of the scanner is read before anything is applied", async (t) => {
  const fact = { ...{ id: "f1", kind: "fact", server: "files", where: "tool x", line: 1 }, says: "hidden", quote: "q" };
  const answers = { "update.accept": () => ({ digest: "d1", changes: [], diff: "", findings: [fact] }) };
  const { ops, outcome } = await ran(t, { typed: ["a", "n"], answers });
  assert.deepEqual([ops, outcome.exit], [["update.rehearse", "update.accept"], 2]);
  assert.deepEqual((await ran(t, { typed: ["a", "y"], answers })).sent("apply"), { digest: "d1", read: ["f1"] });
});

test("the list tells what is newer, too young, barred and unknown; something newer ends with 2", async (t) => {
  const one = { version: "1.1.0", ageMs: 1, isLatest: true, isYoung: false, isBarred: false };
  const rows = {
    files: { kind: "known", pick: "1.1.0", note: null, newer: [one] },
    mail: { kind: "known", pick: null, note: null, newer: [{ ...one, version: "2.0.0", isYoung: true }] },
    left: { kind: "known", pick: null, note: null, newer: [{ ...one, version: "3.0.0", isBarred: true }] },
    gone: { kind: "unknown", why: "the registry did not answer" },
    own: { kind: "folder" },
    far: { kind: "remote" },
  };
  const servers = Object.entries(rows).map(([name, row]) => ({ name, current: "1.0.0", update: "ask", ...row }));
  const answers = { "update.list": () => ({ servers }) };
  const { outcome, ops } = await ran(t, { args: [], options: { check: true }, answers });
  const text = [outcome.text].flat().join("\n");
  assert.deepEqual([ops, outcome.exit], [["update.list"], 2]);
  for (const said of ["freehold update files", "too young: 2.0.0", "barred: 3.0.0 (freehold unbar left)"]) {
    assert.ok(text.includes(said), text);
  }
  assert.match(text, /gone +1\.0\.0 +unknown: the registry did not answer/);
});
