import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { browse, ownersBrowser, type Browser } from "../../tests/fixtures/console-browser.ts";
import { DIGEST, sampleData, sampleQuestion, startConsole, type Running } from "../../tests/fixtures/console.ts";
import { Fault } from "../kernel/index.ts";

const OTHER_DIGEST = "8".repeat(64);
const PLAN_DIGEST = "c".repeat(64);

let running: Running;
let owner: Browser;
before(async () => {
  const data = sampleData();
  const args = '{"content":"x","path":"/home/ada/b.md"}';
  const other = sampleQuestion({ id: "B2P", session: "s-3", digest: OTHER_DIGEST, args });
  data.questions = [...data.questions, other];
  running = await startConsole(data);
  owner = await ownersBrowser(running);
});
after(() => running.close());

function made(since: number): readonly unknown[] {
  const changing = ["rule.add", "rule.withdraw", "apply", "question.answer", "questions.answerAlike"];
  return running.called.slice(since).flatMap(({ name, input }) => (changing.includes(name) ? [{ name, input }] : []));
}

test("a question leads to three rules, each with what it would have done and the worst of it", async () => {
  assert.match((await owner.get("/q/7KQ")).body, /href="\/always\/7KQ"/);
  const page = (await owner.get("/always/7KQ")).body;
  assert.equal(page.match(/Show the change/g)?.length, 3);
  assert.match(page, /would have allowed 41 of 43, one of which you denied.*You said no to.*accounts\.md/s);
  assert.match(page, /keys on 1 December/, "the question itself is there in full");
});

test("an idea becomes a proposal, and its whole diff stands above both ways to say yes", async () => {
  const since = running.called.length;
  await owner.get("/always/7KQ");
  const added = await owner.submit("/always/7KQ", { idea: "7KQ.near", reason: "mine" });
  assert.deepEqual([added.status, added.headers["location"]], [303, "/always/7KQ/change"]);
  const page = (await owner.get("/always/7KQ/change")).body;
  assert.ok(page.indexOf("network: none") < page.indexOf("Apply the rule only"));
  const input = { digest: PLAN_DIGEST, question: DIGEST, do: "both" };
  const done = await owner.submit("/always/7KQ/change", input);
  assert.match((await owner.get(String(done.headers["location"]))).body, /ran once.*The rule holds now/s);
  assert.deepEqual(made(since), [
    { name: "rule.add", input: { idea: "7KQ.near", reason: "mine" } },
    { name: "question.answer", input: { id: "7KQ", answer: "yes" } },
    { name: "apply", input: { digest: PLAN_DIGEST } },
  ]);
});

test("the rule alone, no rule, and a question that is another than was seen", async () => {
  await owner.get("/always/7KQ/change");
  for (const [fields, expected] of [
    [{ do: "apply", question: DIGEST }, [{ name: "apply", input: { digest: PLAN_DIGEST } }]],
    [{ do: "none", question: DIGEST }, [{ name: "rule.withdraw", input: { digest: PLAN_DIGEST } }]],
    [{ do: "both", question: OTHER_DIGEST }, [{ name: "apply", input: { digest: PLAN_DIGEST } }]],
  ] as const) {
    const since = running.called.length;
    await owner.submit("/always/7KQ/change", { digest: PLAN_DIGEST, ...fields });
    assert.deepEqual(made(since), expected, fields.do);
  }
});

test("files that changed after the diff are said not to be applied", async () => {
  running.override.set("apply", () => {
    throw new Fault("policy.moved", { message: "the files changed after their diff was shown." });
  });
  await owner.get("/always/7KQ/change");
  const done = await owner.submit("/always/7KQ/change", { digest: PLAN_DIGEST, question: DIGEST, do: "apply" });
  running.override.delete("apply");
  assert.match((await owner.get(String(done.headers["location"]))).body, /The rule was not applied: the files changed/);
});

test("alike questions are offered together, stand there in full, and are answered by their digests", async () => {
  assert.match((await owner.get("/")).body, /2 of these are alike/);
  const page = (await owner.get("/alike/7KQ")).body;
  assert.match(page, /keys on 1 December.*home\/ada\/b\.md.*Yes to these 2/s);
  assert.doesNotMatch(page, /mail\.send/);
  const since = running.called.length;
  const done = await owner.submit("/alike", { ids: "7KQ,B2P", digests: `${DIGEST},${OTHER_DIGEST}` });
  assert.match((await owner.get(String(done.headers["location"]))).body, /2 of 2 ran once/);
  const input = { ids: ["7KQ", "B2P"], digests: [DIGEST, OTHER_DIGEST] };
  assert.deepEqual(made(since), [{ name: "questions.answerAlike", input }]);
  assert.equal((await owner.get("/alike/M4T")).status, 303, "one that is like no other has no such page");
});

test("questions of one conversation are offered together; a whole task is shown call by call", async () => {
  const call = { tool: "mail.send", args: { to: "bob@example.org" }, open: ["text"] };
  const args = JSON.stringify({ calls: [call], outline: { "mail.send": 2 } });
  const task = sampleQuestion({ id: "T2K", digest: OTHER_DIGEST, tool: "freehold.task", args });
  running.override.set("question.list", () => ({ questions: [sampleQuestion(), task], held: [] }));
  const inbox = (await owner.get("/")).body;
  assert.match(inbox, /2 of these are of one conversation/);
  const page = (await owner.get("/alike/T2K")).body;
  running.override.delete("question.list");
  assert.match(page, /at most 2 times.*1\. mail\.send \(still open, and asked then: text\).*bob@example\.org/s);
});

test("the inbox ends with the meter, and says nothing while nobody asks", async () => {
  assert.match((await owner.get("/")).body, /11 questions a day over 14 days.*freehold always 7KQ/s);
  running.override.set("meter", () => ({ questions: 0, sentence: "No questions in 14 days.", advice: "" }));
  assert.doesNotMatch((await owner.get("/")).body, /No questions in 14 days/);
  running.override.delete("meter");
});

test("nobody but the owner sees an idea or makes a rule, and no form without its token does", async () => {
  const since = running.called.length;
  const stranger = browse(running);
  for (const path of ["/always/7KQ", "/always/7KQ/change", "/alike/7KQ"]) {
    assert.deepEqual([(await stranger.get(path)).status, path], [303, path]);
  }
  for (const path of ["/always/7KQ", "/always/7KQ/change", "/alike"]) {
    assert.equal((await owner.post(path, { idea: "7KQ.any", digest: PLAN_DIGEST, do: "apply" })).status, 403, path);
  }
  assert.deepEqual(made(since), []);
});
