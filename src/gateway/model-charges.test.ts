import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sha256, type ModelUsage } from "../kernel/index.ts";
import type { ModelReply } from "../models/index.ts";
import { policyFiles } from "../../tests/fixtures/door.ts";
import {
  AGENT,
  CENT,
  DAY,
  failure,
  kinds,
  MODELS,
  outcome,
  refused,
  reply,
  rig,
  SHELL,
  USAGE,
  WIRE,
} from "../../tests/fixtures/model-door.ts";

const never = (): Promise<ModelReply> => Promise.withResolvers<ModelReply>().promise;

describe("what is held, and what is charged", () => {
  test("the bound is held with the intent before it is sent; what was used is charged with the receipt", async (t) => {
    const one = rig(t);
    one.far.post = (posting) => {
      assert.deepEqual(one.spent(DAY), { spent: 0, held: 15 * CENT });
      assert.deepEqual(kinds(one), ["intent"]);
      posting.onEvent({ kind: "text", text: "hel" });
      return Promise.resolve(reply());
    };
    const events: unknown[] = [];
    const sources = { owner: 5, system: 6 };
    const answer = await one.think({ model: "far", sources, onEvent: (event) => void events.push(event) });
    assert.equal(answer.kind === "answered" && answer.text, "hello");
    assert.deepEqual(events, [{ kind: "text", text: "hel" }]);
    assert.deepEqual(one.spent(DAY), { spent: 10 * CENT, held: 0 });
    assert.deepEqual(one.spent("month:2027-01"), { spent: 10 * CENT, held: 0 });
    assert.deepEqual(one.spent("tokens:s"), { spent: 100, held: 0 });
    assert.deepEqual(kinds(one), ["intent", "outcome"]);
    assert.deepEqual(outcome(one), {
      address: "far.example:443",
      costNanoUsd: 10 * CENT,
      firstMs: 1,
      identity: "m-1",
      label: { compartments: [], integrity: "owner", secret: false },
      latencyMs: 0,
      place: "cloud",
      price: "a test",
      reply: "result",
      route: "asked for",
      sentBytes: 11,
      sentSha256: sha256(WIRE.text),
      sources,
      usage: { ...USAGE },
    });
  });

  test("a budget is enough up to its last part, and not for one part more", async (t) => {
    const one = rig(t);
    one.write("budgets: { day: 0.15 }");
    one.far.post = () => Promise.resolve(reply(null));
    assert.equal((await one.think({ model: "far" })).kind, "answered");
    assert.deepEqual(one.spent(DAY), { spent: 15 * CENT, held: 0 });
    refused(await one.think({ model: "far" }), "budget", /far: over the budget day:2027-01-15; farther: over/);
    one.write("budgets: { day: 0.299999999 }");
    refused(await one.think({ model: "far" }), "budget", /over the budget day/);
    one.write("budgets: { day: 0.3 }");
    assert.equal((await one.think({ model: "far" })).kind, "answered");
  });

  test("what is free goes on when the budget is spent, and is not counted in it", async (t) => {
    const one = rig(t);
    one.write("budgets: { day: 0.15 }");
    one.far.post = () => Promise.resolve(reply(null));
    assert.equal((await one.think({ model: "far" })).kind, "answered");
    one.write("budgets: { day: 0.01 }");
    refused(await one.think({ model: "far" }), "budget", /over the budget day/);
    assert.equal((await one.think({ model: "near" })).kind, "answered");
    assert.deepEqual(one.spent(DAY), { spent: 15 * CENT, held: 0 });
  });

  test("a budget is in the owner's currency: units of it for one dollar", async (t) => {
    const one = rig(t);
    one.far.post = () => Promise.resolve(reply(null));
    const inYen = (day: number): void => {
      one.write(`budgets: { day: ${day} }`);
      const { stack, ...rest } = one.policy();
      one.adopt({ ...rest, stack: { ...stack, owner: { ...stack.owner, currency: { code: "JPY", usd: 150 } } } });
    };
    inYen(22.4);
    refused(await one.think({ model: "far" }), "budget", /over the budget/);
    inYen(22.5);
    assert.equal((await one.think({ model: "far" })).kind, "answered");
  });

  test("the tokens of a conversation are counted, free ones too", async (t) => {
    const one = rig(t);
    one.write("budgets: { day: 1, sessionTokens: 249 }");
    assert.equal((await one.think({ model: "near" })).kind, "answered");
    refused(await one.think({ model: "near" }), "budget", /over the budget tokens:s/);
    assert.equal((await one.think({ model: "near", session: "other" })).kind, "answered");
    const child = one.door.openChild({ session: "s", principal: AGENT });
    refused(await one.think({ model: "near", session: child }), "budget", /over the budget tokens:s/);
  });

  test("a client has a budget of its own beside the stack's", async (t) => {
    const one = rig(t);
    const stack = (policyFiles(null)["stack.yaml"] ?? "")
      .replace(/compartments:\n(?: .*\n)+/, MODELS.replace("family: {}", "family: { models: [far] }"))
      .replace("shell: { compartments: [family] }", "shell: { compartments: [family], models: [far], budget: 0.2 }");
    one.accept({ ...policyFiles(null), "stack.yaml": `${stack}budgets: { day: 1 }\n` });
    assert.equal((await one.think({ principal: SHELL, session: "c", model: "far" })).kind, "answered");
    const second = await one.think({ principal: SHELL, session: "c", model: "far" });
    refused(second, "budget", /over the budget day:2027-01-15\/client:shell/);
    assert.equal((await one.think({ model: "far" })).kind, "answered", "the others go on");
  });

  test("no usage, wrong usage and absurd usage are charged at the bound", async (t) => {
    const absurd: readonly (ModelUsage | null)[] = [
      null,
      { ...USAGE, input: 0 },
      { ...USAGE, input: 101 },
      { ...USAGE, input: -5 },
      { ...USAGE, input: 1.5 },
      { ...USAGE, output: 51 },
      { ...USAGE, output: Number.MAX_SAFE_INTEGER },
      { ...USAGE, output: Number.NaN },
      { ...USAGE, cacheRead: 50, cacheWrite: 50 },
    ];
    for (const usage of absurd) {
      const one = rig(t);
      one.far.post = () => Promise.resolve(reply(usage));
      const answer = await one.think({ model: "far" });
      assert.equal(answer.kind === "answered" && answer.usage, null, JSON.stringify(usage));
      assert.deepEqual(one.spent(DAY), { spent: 15 * CENT, held: 0 });
      assert.deepEqual(one.spent("tokens:s"), { spent: 150, held: 0 });
      assert.equal(outcome(one)["usage"], null);
    }
  });

  test("what was never sent is free; what broke off costs what the model said, else the bound", async (t) => {
    const cost = async (broken: ModelReply): Promise<number> => {
      const one = rig(t);
      one.farther.place = { kind: "false", why: "down" };
      one.far.post = () => Promise.resolve(broken);
      refused(await one.think({ model: "far" }), "failed", /far: broken/);
      assert.equal(one.spent(DAY).held, 0);
      return one.spent(DAY).spent;
    };
    assert.equal(await cost(failure({ isUnsent: true })), 0);
    assert.equal(await cost(failure()), 15 * CENT);
    assert.equal(await cost(failure({ usage: { ...USAGE, output: 0 } })), 8 * CENT);
  });

  test("each stand-in holds for itself, and both are charged", async (t) => {
    const one = rig(t);
    one.far.post = () => Promise.resolve(failure({ status: 529 }));
    one.farther.post = () => {
      assert.deepEqual(one.spent(DAY), { spent: 15 * CENT, held: 15 * CENT });
      return Promise.resolve(reply());
    };
    const answer = await one.think({ model: "far" });
    assert.equal(answer.kind === "answered" && answer.model, "farther");
    assert.deepEqual(one.spent(DAY), { spent: 25 * CENT, held: 0 });
    assert.deepEqual(kinds(one), ["intent", "outcome", "intent", "outcome"]);
    assert.equal(outcome(one)["route"], "stands in");
  });

  test("a stand-in is not asked what the first would never answer, nor in the middle of an answer", async (t) => {
    for (const broken of [failure({ status: 400 }), failure({ status: 401 }), failure({ began: true })]) {
      const one = rig(t);
      one.far.post = () => Promise.resolve(broken);
      refused(await one.think({ model: "far" }), "failed", /far: broken$/);
      assert.deepEqual(one.farther.posted, []);
    }
    for (const status of [408, 425, 429, 500, 529, null]) {
      const one = rig(t);
      one.far.post = () => Promise.resolve(failure({ status }));
      assert.equal((await one.think({ model: "far" })).kind, "answered", String(status));
    }
  });

  test("a stop ends an answer in its middle, and it is charged", async (t) => {
    const one = rig(t);
    one.far.post = async ({ signal }) => {
      const stopped = one.door.stop("enough");
      assert.equal(signal.aborted, true);
      await stopped;
      return failure({ status: null, began: true });
    };
    const answer = await one.think({ model: "far" });
    refused(answer, "stopped", /stopped/);
    assert.equal(answer.kind === "refused" && answer.began, true);
    assert.deepEqual(one.spent(DAY), { spent: 15 * CENT, held: 0 });
    assert.deepEqual(one.farther.posted, []);
  });

  test("who leaves is not answered by a stand-in, and pays", async (t) => {
    const one = rig(t);
    const leaving = new AbortController();
    one.far.post = () => {
      leaving.abort();
      return Promise.resolve(failure({ status: null, usage: USAGE }));
    };
    refused(await one.think({ model: "far", signal: leaving.signal }), "gone", /gone/);
    assert.deepEqual(one.spent(DAY), { spent: 10 * CENT, held: 0 });
    assert.deepEqual(one.farther.posted, []);
  });

  test("callers at once do not spend more than the budget together", async (t) => {
    const one = rig(t);
    one.write("budgets: { day: 0.5 }");
    one.far.post = () => Promise.resolve(reply(null));
    one.farther.place = { kind: "false", why: "down" };
    const answers = await Promise.all(Array.from({ length: 20 }, () => one.think({ model: "far" })));
    assert.equal(answers.filter(({ kind }) => kind === "answered").length, 3);
    assert.deepEqual(one.spent(DAY), { spent: 45 * CENT, held: 0 });
  });

  test("what a crash cut off is charged at its bound when the store opens again", async (t) => {
    const one = rig(t);
    one.far.post = never;
    const lost = [one.think({ model: "far" })];
    await one.think({ model: "near" });
    const { promise: sent, resolve } = Promise.withResolvers<void>();
    one.far.post = () => {
      resolve();
      return never();
    };
    lost.push(one.think({ model: "far" }));
    await sent;
    assert.equal(lost.length, 2);
    assert.deepEqual(one.spent(DAY), { spent: 0, held: 30 * CENT });
    const after = one.reopen();
    assert.deepEqual(after.store.budgets.spent(DAY), { spent: 30 * CENT, held: 0 });
    after.store.close();
  });
});
