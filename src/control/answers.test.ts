// One yes for questions that are alike, and the meter that says how much and how fast the owner is asked.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { openRulesStage, type RulesStage } from "../../tests/fixtures/rules.ts";
import { policyFiles } from "../../tests/fixtures/door.ts";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { alikeOperations, type AlikeParts } from "./ops-alike.ts";
import { meterOperations, type MeterParts } from "./ops-meter.ts";

const HOUR_MS = 3_600_000;

function open(t: TestContext): Promise<RulesStage> {
  return openRulesStage(t, {
    operations: (parts: AlikeParts & MeterParts) => [...alikeOperations(parts), ...meterOperations(parts)],
  });
}

async function asked(stage: RulesStage, path: string): Promise<string> {
  const question = await stage.ask(path);
  assert.ok(question !== null);
  return question;
}

function rows(answer: JsonObject, field = "outcomes"): readonly JsonObject[] {
  return answer[field] as unknown as readonly JsonObject[];
}

test("one yes answers each of the alike questions by itself, and each runs once", async (t) => {
  const stage = await open(t);
  const ids = [await asked(stage, "/a"), await asked(stage, "/b"), await asked(stage, "/c")];
  const answer = await stage.run("questions.answerAlike", { ids });
  assert.deepEqual(
    rows(answer).map(({ id, state, refused }) => [id, state, refused]),
    ids.map((id) => [id, "spent", null]),
  );
  assert.deepEqual(
    stage.fixture.sent.map(({ paramsText }) => /"path":"([^"]*)"/.exec(paramsText)?.[1]),
    ["/a", "/b", "/c"],
  );
});

test("one that the door lets through no more does not hold up or pass with the others", async (t) => {
  const stage = await open(t);
  const ids = [await asked(stage, "/a"), await asked(stage, "/b")];
  stage.fixture.reply = async () => {
    const files = policyFiles(null);
    const cards = files["cards/notes.yaml"]?.replace("effect: write", "effect: send") ?? "";
    stage.fixture.accept({ ...files, "cards/notes.yaml": cards });
    return { kind: "result", result: { content: [] } };
  };
  const [first, second] = rows(await stage.run("questions.answerAlike", { ids }));
  assert.equal(first?.["state"], "spent");
  assert.match(JSON.stringify(second?.["outcome"]), /"kind":"waiting"/, "its card changed, so it is asked anew");
  assert.equal(stage.fixture.sent.length, 1);
});

test("questions that differ in more than values, are closed, too few or not what was shown are refused", async (t) => {
  const stage = await open(t);
  const [a, b] = [await asked(stage, "/a"), await asked(stage, "/b")];
  const { door } = stage.fixture;
  const call = { session: "s-2", principal: { kind: "client", name: "other" } as const, tool: "notes.write_note" };
  const other = await door.call({ ...call, args: { path: "/a", text: "hello" } });
  assert.equal(other.kind, "waiting");
  const [, digestB] = [a, b].map((id) => stage.fixture.store.questions.get(id)?.digest ?? "");
  for (const [input, code] of [
    [{ ids: [a, other.question] }, "question.not-alike"],
    [{ ids: [a] }, "control.input"],
    [{ ids: [a, a.toLowerCase()] }, "control.input"],
    [{ ids: [a, "NOPE"] }, "question.unknown"],
    [{ ids: [a, b], digests: [digestB ?? "", digestB ?? ""] }, "question.changed"],
    [{ ids: [a, b], digests: [digestB ?? ""] }, "control.input"],
  ] as const) {
    await assert.rejects(
      stage.run("questions.answerAlike", input),
      (error) => error instanceof Fault && error.code === code,
      code,
    );
  }
  await stage.answer(b, "no");
  await assert.rejects(stage.run("questions.answerAlike", { ids: [a, b] }), /no longer open; none was answered/);
  assert.equal(stage.fixture.store.questions.get(a)?.state, "open");
  assert.deepEqual(stage.fixture.sent, []);
});

test("the meter of a quiet stack gives no advice", async (t) => {
  const stage = await open(t);
  assert.deepEqual(await stage.runAsAnybody("meter"), {
    questions: 0,
    perDay: 0,
    days: Array.from({ length: 14 }, () => 0),
    answered: 0,
    medianSeconds: null,
    yesShare: null,
    fastShare: null,
    sentence: "No questions in 14 days.",
    advice: "",
  });
});

test("the meter counts by day, and an answer is as slow as it can have been looked at", async (t) => {
  const stage = await open(t);
  const ids = [await asked(stage, "/a"), await asked(stage, "/b"), await asked(stage, "/c")];
  stage.fixture.nowMs += 30_000;
  await stage.answer(ids[0] ?? "", "yes");
  stage.fixture.nowMs += 1_000;
  await stage.answer(ids[1] ?? "", "no");
  stage.fixture.nowMs += 10_000;
  await stage.answer(ids[2] ?? "", "yes");
  stage.fixture.nowMs += 47 * HOUR_MS;
  await asked(stage, "/d");
  const meter = await stage.runAsAnybody("meter");
  const { questions, perDay, answered, medianSeconds, yesShare, fastShare, days } = meter;
  assert.deepEqual(
    { questions, perDay, answered, medianSeconds, yesShare, fastShare },
    { questions: 4, perDay: 2, answered: 3, medianSeconds: 10, yesShare: 0.67, fastShare: 0.33 },
  );
  assert.deepEqual((days as readonly number[]).slice(-2), [3, 1]);
  assert.equal(
    meter["sentence"],
    "2 questions a day over 14 days, half of them answered within 10 s, 67 % with yes, 33 % in under 2 s.",
  );
});

test("many questions and hasty answers are said, with the rule to make", async (t) => {
  const stage = await open(t);
  const ids: string[] = [];
  for (let count = 0; count < 12; count += 1) {
    ids.push(await asked(stage, `/n/${count}`));
    stage.fixture.nowMs += 500;
    await stage.answer(ids.at(-1) ?? "", "yes");
  }
  assert.equal(
    (await stage.runAsAnybody("meter"))["advice"],
    "You are asked 12 times a day, and 100 % of your answers came in under 2 seconds, too fast to have been read: " +
      `let a rule answer what you always allow, freehold always ${ids.at(-1) ?? ""}.`,
  );
});

test("a batch is one look, not hasty answers", async (t) => {
  const stage = await open(t);
  const ids: string[] = [];
  for (let count = 0; count < 8; count += 1) ids.push(await asked(stage, `/n/${count}`));
  stage.fixture.nowMs += 40_000;
  await stage.run("questions.answerAlike", { ids });
  const meter = await stage.runAsAnybody("meter");
  assert.deepEqual([meter["answered"], meter["medianSeconds"], meter["advice"]], [1, 40, ""]);
});
