// From a question to a rule and back: ideas, their back-tests, the proposal, the list and what is idle.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { openRulesStage, type RulesStage } from "../../tests/fixtures/rules.ts";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { ruleReviewOperations, type RuleReviewParts } from "./ops-rule-review.ts";
import { ruleOperations } from "./ops-rules.ts";
import { stackOperations, type StackParts } from "./ops-stack.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

function open(t: TestContext, rules?: string, files?: (f: Files) => Files): Promise<RulesStage> {
  return openRulesStage(t, {
    ...(rules === undefined ? {} : { rules }),
    ...(files === undefined ? {} : { files }),
    operations: (parts: RuleReviewParts & StackParts) => [
      ...ruleOperations(parts),
      ...ruleReviewOperations(parts),
      ...stackOperations(parts),
    ],
  });
}
type Files = Readonly<Record<string, string>>;

interface IdeaRow {
  readonly key: string;
  readonly width: string;
  readonly rule: string;
  readonly sentence: string;
  readonly said: string;
  readonly yaml: string;
  readonly perDay: number;
  readonly test: Readonly<Record<string, number>> & { readonly worst: readonly { ended: string; call: string }[] };
}

function ideasIn(answer: JsonObject): readonly IdeaRow[] {
  return answer["ideas"] as unknown as readonly IdeaRow[];
}

async function asked(stage: RulesStage, path: string, given?: "yes" | "no"): Promise<string> {
  const question = await stage.ask(path);
  assert.ok(question !== null, `${path} was not asked about`);
  if (given !== undefined) await stage.answer(question, given);
  return question;
}

test("three rules from narrow to wide, each with what it would have done to every past request", async (t) => {
  const stage = await open(t);
  await asked(stage, "/home/ada/notes/a.md", "yes");
  await asked(stage, "/home/ada/notes/b.md", "no");
  await asked(stage, "/home/ada/notes/b.md", "yes");
  await asked(stage, "/etc/passwd", "no");
  const id = await asked(stage, "/home/ada/notes/a.md");
  const answer = await stage.run("rule.ideas", { id });
  const [exact, near, any, ...more] = ideasIn(answer);
  assert.ok(exact !== undefined && near !== undefined && any !== undefined && more.length === 0);
  assert.equal(
    near.sentence,
    "shell may use notes.write_note with path below /home/ada/notes and any text, " +
      "at most 8 times a day, until 15 April 2027",
  );
  assert.match(exact.sentence, /with path exactly “\/home\/ada\/notes\/a\.md” and/);
  assert.match(any.sentence, /with any path and any text/);
  assert.equal(exact.said, "would have allowed 2 of 5, none of which you denied");
  assert.equal(near.said, "would have allowed 4 of 5, one of which you denied");
  assert.equal(any.said, "would have allowed 5 of 5, two of which you denied");
  assert.deepEqual(
    any.test.worst.map(({ ended, call }) => [ended, /passwd/.test(call)]),
    [
      ["no", true],
      ["no", false],
    ],
  );
  assert.match(near.yaml, /principals: \[ ?client:shell ?\]/);
  assert.doesNotMatch(near.yaml, /text/, "a content argument is not named, so strangers' links in it still ask");
});

test("texts that were forgotten are counted as unknown and said", async (t) => {
  const stage = await open(t);
  await asked(stage, "/home/ada/notes/a.md", "yes");
  const id = await asked(stage, "/home/ada/notes/c.md");
  const { ledger } = stage.fixture.store;
  for (const { seq } of ledger.entries({ kind: "question", limit: 10 }).slice(0, 1)) ledger.forget(seq);
  const [, near] = ideasIn(await stage.run("rule.ideas", { id }));
  assert.equal(
    near?.said,
    "would have allowed 1 of 1, none of which you denied; " +
      "one cannot be told, because the text is no longer kept in full",
  );
});

test("the daily limit follows the busiest day, and what it would have held back is said", async (t) => {
  const stage = await open(t);
  for (let count = 0; count < 5; count += 1) await asked(stage, `/home/ada/notes/${count}.md`, "yes");
  stage.fixture.nowMs += 3 * DAY_MS;
  const id = await asked(stage, "/home/ada/notes/9.md");
  const [exact, near] = ideasIn(await stage.run("rule.ideas", { id }));
  assert.deepEqual([exact?.perDay, near?.perDay], [3, 10]);
});

test("a request that another clause would have asked about is not called allowed", async (t) => {
  const stage = await open(t);
  const id = await stage.ask("/home/ada/notes/a.md", { text: "see https://elsewhere.example/x" });
  assert.ok(id !== null);
  const answer = await stage.run("rule.ideas", { id });
  assert.equal(ideasIn(answer)[0]?.said, "would have allowed 0 of 1; one more would still have been asked or denied");
  assert.deepEqual(answer["notes"], [
    "You are still asked when its content brings a stranger's link, address or number.",
  ]);
});

test("programs and credentials get no idea and a sentence why, money only exactly this", async (t) => {
  for (const [effect, widths, why] of [
    ["exec", [], /runs a program/],
    ["credential", [], /no rule ever answers/],
    ["spend", ["exact"], /only a rule for exactly this/],
  ] as const) {
    const files = (all: Files): Files => {
      const cards = (all["cards/notes.yaml"] ?? "").replace("effect: write\n", `effect: ${effect}\n`);
      return { ...all, "cards/notes.yaml": cards };
    };
    const stage = await open(t, undefined, files);
    const id = await asked(stage, "/home/ada/notes/a.md");
    const answer = await stage.run("rule.ideas", { id });
    assert.deepEqual(
      ideasIn(answer).map(({ width }) => width),
      widths,
      effect,
    );
    assert.match(said(answer, "notes"), why);
    if (effect !== "spend") {
      await assert.rejects(stage.run("rule.add", { idea: `${id}.exact` }), refused("rule.no-idea", why));
    } else assert.equal(ideasIn(answer)[0]?.perDay, 1);
  }
});

test("an idea becomes a proposal, then one commit that says Allow, and holds from then on", async (t) => {
  const stage = await open(t);
  const id = await asked(stage, "/home/ada/notes/a.md");
  const plan = await stage.run("rule.add", { idea: `${id}.near`, reason: "my own notes" });
  assert.match(said(plan, "diff"), /^\+ {4}args: \{ path: \{ under: \/home\/ada\/notes \} \}$/m);
  assert.match(said(plan, "diff"), /reason: my own notes/);
  assert.notEqual(await stage.ask("/home/ada/notes/z.md"), null, "nothing holds before it is applied");
  await stage.run("apply", { digest: said(plan, "digest") });
  assert.match(stage.git("log", "-1", "--format=%s"), /^Allow client:shell to call notes\.write_note where path/);
  assert.equal(await stage.ask("/home/ada/notes/y.md"), null, "the rule answers");
  assert.notEqual(await stage.ask("/home/ada/other/y.md"), null, "and only where it says");
  const [rule] = rulesIn(await stage.runAsAnybody("rules.list"));
  assert.deepEqual([rule?.["uses"], rule?.["lastUseAtMs"], rule?.["expired"]], [1, stage.fixture.nowMs, false]);
});

test("a proposal that the owner does not want leaves the home as it was to the byte", async (t) => {
  const stage = await open(t, "# mine\nrules: []   # none yet\n");
  const before = stage.rulesFile();
  const id = await asked(stage, "/home/ada/notes/a.md");
  const plan = await stage.run("rule.add", { idea: `${id}.any` });
  assert.notEqual(stage.rulesFile(), before);
  await assert.rejects(stage.run("rule.withdraw", { digest: "0".repeat(64) }), refused("rule.moved", /stay/));
  await stage.run("rule.withdraw", { digest: said(plan, "digest") });
  assert.equal(stage.rulesFile(), before);
  assert.equal((await stage.run("plan"))["digest"], null);
});

test("rules that do not read or name what is not there are refused and leave nothing behind", async (t) => {
  const stage = await open(t);
  const add = (yaml: string): Promise<JsonObject> => stage.run("rule.add", { yaml });
  await assert.rejects(add("rules: []"), refused("control.input", /between 1 and 20/));
  await assert.rejects(add("rules:\n  - id: a\n    answer: allow\n"), Fault);
  const unknown = "rules:\n  - { id: a, answer: allow, tool: nothere.run, reason: x }\n";
  await assert.rejects(add(unknown), Fault);
  assert.equal((await stage.run("plan"))["digest"], null);
});

const RULES = `rules:
  - { id: wide, answer: allow, tool: notes.write_note, args: { path: { under: /n } }, reason: r }
  - id: narrow
    answer: allow
    principals: [client:shell]
    tool: notes.write_note
    args: { path: { one-of: [/n/a.md, /n/b.md] } }
    reason: r
  - { id: old, answer: allow, tool: notes.write_note, args: { path: any }, reason: r, expires: 2026-01-31 }
  - { id: banned, answer: allow, tool: notes.read_note, args: { path: { under: /n/secret } }, reason: r }
  - { id: ban, answer: deny, tool: notes.*, args: { path: { under: /n/secret } }, reason: hands off }
  - { id: lone, answer: allow, tool: notes.write_note, args: { path: { equals: /never } }, reason: r }
  - { id: waits, answer: deny, tool: notes.write_note, args: { path: { equals: /other } }, reason: r }
`;

test("pruning names expired, shadowed and never-matching rules, no ban that waits, and only proposes", async (t) => {
  const stage = await open(t, RULES);
  assert.equal(await stage.ask("/n/a.md"), null);
  const found = await stage.runAsAnybody("rules.prune");
  assert.deepEqual(
    (found["idle"] as unknown as readonly JsonObject[]).map(({ kind, rule, by }) => [kind, rule, by]),
    [
      ["shadowed", "narrow", "wide"],
      ["expired", "old", null],
      ["shadowed", "banned", "ban"],
      ["never", "lone", null],
    ],
  );
  assert.equal((await stage.run("plan"))["digest"], null, "naming changes nothing");
  await assert.rejects(stage.runAsAnybody("rules.prune", { propose: true }), refused("owner.needed", /owner/));
  const plan = await stage.run("rules.prune", { propose: true });
  assert.ok((plan["changes"] as unknown as readonly JsonObject[]).every(({ wider }) => wider === false));
  await stage.run("apply", { digest: said(plan, "digest") });
  assert.deepEqual(
    rulesIn(await stage.runAsAnybody("rules.list")).map(({ id }) => id),
    ["wide", "ban", "waits"],
  );
});

test("trying a call says what each rule makes of it, and the clauses of the decision", async (t) => {
  const stage = await open(t, RULES);
  const input = { tool: "notes.write_note", principal: "client:other", args: { path: "/n/secret/x", text: "t" } };
  const answer = await stage.runAsAnybody("rules.test", input);
  assert.deepEqual([answer["decision"], answer["because"]], ["deny", "C0"]);
  assert.deepEqual(
    rulesIn(answer).map(({ id, says, why }) => [id, says, why]),
    [
      ["wide", "allow", "every argument fits"],
      ["narrow", "nothing", "it is for client:shell"],
      ["old", "nothing", "it expired on 31 January 2026"],
      ["lone", "nothing", "not path exactly “/never”"],
      ["waits", "nothing", "not path exactly “/other”"],
      ["ban", "deny", "nothing it states is sure to miss"],
    ],
  );
  const unknown = stage.runAsAnybody("rules.test", { tool: "notes.write_not" });
  await assert.rejects(unknown, refused("rules.no-card", /Did you mean 'notes\.write_note'/));
  await assert.rejects(
    stage.runAsAnybody("rules.test", { ...input, principal: "thief:x" }),
    refused("control.input", /nobody/),
  );
});

test("a ban's uses are counted from what it denied", async (t) => {
  const stage = await open(t, RULES);
  await stage.ask("/n/secret/x");
  stage.fixture.nowMs += HOUR_MS;
  const ban = rulesIn(await stage.runAsAnybody("rules.list")).find(({ id }) => id === "ban");
  assert.deepEqual([ban?.["uses"], ban?.["lastUseAtMs"]], [1, stage.fixture.nowMs - HOUR_MS]);
});

function rulesIn(answer: JsonObject): readonly JsonObject[] {
  return answer["rules"] as unknown as readonly JsonObject[];
}

function refused(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof Fault && error.code === code && message.test(error.message);
}

function said(answer: JsonObject, field: string): string {
  const value = answer[field];
  return typeof value === "string" ? value : JSON.stringify(value);
}
