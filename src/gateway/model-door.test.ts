import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "../kernel/index.ts";
import { OWNER, policyFiles, type FixtureOptions } from "../../tests/fixtures/door.ts";
import {
  AGENT,
  CENT,
  DAY,
  failure,
  HERE,
  kinds,
  MODELS,
  outcome,
  refused,
  rig,
  SHELL,
  type Rig,
} from "../../tests/fixtures/model-door.ts";

async function readFamily(one: Rig): Promise<void> {
  const args = { path: "a" };
  const read = await one.door.call({ session: "s", principal: AGENT, tool: "notes.read_note", args });
  assert.equal(read.kind, "result");
}

describe("who may read it", () => {
  test("what was read in a compartment that names no model stays on this machine, also when that fails", async (t) => {
    const one = rig(t);
    await readFamily(one);
    assert.equal((await one.think()).kind, "answered");
    one.near.post = () => Promise.resolve(failure({ isUnsent: true, status: null }));
    refused(await one.think(), "failed", /near: broken; far \(cloud\) is not cleared for family data/);
    refused(await one.think({ model: "far" }), "flow", /far \(cloud\) is not cleared for family data/);
    assert.deepEqual([...one.far.posted, ...one.farther.posted], []);
  });

  test("a place that is unproven counts as the cloud, and a false one is not asked at all", async (t) => {
    const one = rig(t);
    await readFamily(one);
    one.near.place = { kind: "unproven", why: "who knows" };
    refused(await one.think(), "flow", /near \(cloud\) is not cleared for family data: who knows/);
    one.near.place = { kind: "false", why: "near: it is elsewhere" };
    refused(await one.think(), "flow", /near: it is elsewhere/);
    one.near.place = { kind: "false", why: "near: nothing answers there", isDown: true };
    refused(await one.think(), "failed", /near: nothing answers there/);
    assert.deepEqual(one.near.posted, []);
  });

  test("what is secret leaves this machine for no model, be it named or on the owner's network", async (t) => {
    const one = rig(t);
    one.write("");
    const handle = one.store.handles.put({
      session: "s",
      result: { content: [], structuredContent: { n: 1 } },
      label: { compartments: [], integrity: "owner", secret: true },
    });
    one.door.takeOut({ session: "s", principal: AGENT, handle, path: "structuredContent.n", type: { kind: "number" } });
    one.near.place = { kind: "proven", place: "my-network", how: "a test" };
    refused(await one.think(), "flow", /secret, and near is not on this machine/);
    one.near.place = HERE;
    assert.equal((await one.think()).kind, "answered");
  });

  test("a client may ask only the models that it was given, and carries all of its compartments", async (t) => {
    const one = rig(t);
    refused(await one.think({ principal: SHELL, session: "c" }), "flow", /client:shell may not ask near/);
    const files = policyFiles(null)["stack.yaml"] ?? "";
    assert.ok(files.includes("shell: { compartments: [family] }"));
    const stack = files
      .replace(/compartments:\n(?: .*\n)+/, MODELS)
      .replace("shell: { compartments: [family] }", "shell: { compartments: [family], models: [near, far] }");
    one.accept({ ...policyFiles(null), "stack.yaml": `${stack}budgets: { day: 1 }\n` });
    const answer = await one.think({ principal: SHELL, session: "c" });
    assert.equal(answer.kind === "answered" && answer.model, "near");
    refused(await one.think({ principal: SHELL, session: "c", model: "far" }), "flow", /not cleared for family data/);
    assert.deepEqual(one.far.posted, []);
  });

  test("those with few rights ask no model", async (t) => {
    const one = rig(t);
    refused(
      await one.think({ principal: { kind: "guest", name: "eve" }, session: "g" }),
      "flow",
      /guest:eve may not ask/,
    );
    assert.deepEqual(one.near.posted, []);
  });
});

describe("refusals before anything is sent", () => {
  test("a model that is not declared, a body that cannot be said, a text that is too long", async (t) => {
    const one = rig(t);
    refused(await one.think({ model: "nobody" }), "no-model", /no such model/);
    one.near.wire = { kind: "malformed", reason: "near cannot say that" };
    one.far.wire = { kind: "too-long", reason: "far holds less" };
    one.farther.place = { kind: "false", why: "it is down" };
    refused(await one.think({ model: "near" }), "malformed", /near cannot say that; far holds less; it is down/);
    assert.deepEqual([...one.near.posted, ...one.far.posted], []);
  });

  test("the value of a secret goes to no model", async (t) => {
    const hearing = {
      text: (text: string) => text,
      faultIn: (args: JsonObject) => (JSON.stringify(args).includes("hunter2") ? "it holds a secret" : null),
    };
    const one = rig(t, { hearing: hearing as unknown as NonNullable<FixtureOptions["hearing"]> });
    refused(await one.think({ body: { messages: ["hunter2"] } }), "malformed", /holds a secret/);
    assert.deepEqual(kinds(one), ["denied"]);
  });

  test("an unknown price is refused in the cloud, and free on this machine", async (t) => {
    const blind = rig(t);
    assert.equal((await blind.think({ model: "near" })).kind, "answered");
    blind.near.place = { kind: "unproven", why: "who knows" };
    blind.far.place = { kind: "false", why: "down" };
    blind.farther.place = { kind: "false", why: "down" };
    refused(await blind.think(), "budget", /nobody knows the price of near/);
    assert.equal(blind.near.posted.length, 1);
  });

  test("what costs money needs a budget that the owner wrote", async (t) => {
    const one = rig(t);
    one.write("budgets: { sessionTokens: 1M }");
    refused(await one.think({ model: "far" }), "budget", /far costs money, and stack.yaml has no budget/);
    assert.deepEqual(one.far.posted, []);
  });

  test("a stop between the question and the model: nothing is sent, nothing is spent", async (t) => {
    const one = rig(t);
    const store = one.store.budgets;
    const thinking = one.think({ model: "far" });
    await one.door.stop("enough");
    refused(await thinking, "stopped", /stopped/);
    refused(await one.think({ model: "near" }), "stopped", /stopped/);
    assert.deepEqual([...one.far.posted, ...one.near.posted], []);
    assert.deepEqual(store.spent(DAY), { spent: 0, held: 0 });
    one.door.resume(OWNER);
    assert.equal((await one.think({ model: "near" })).kind, "answered");
  });

  test("a stop between the hold and the sending: the hold is given back", async (t) => {
    let stopping: (() => Promise<void>) | null = null;
    const one = rig(t, {
      wrap: (store) => ({
        ...store,
        durable: async () => {
          await stopping?.();
          await store.durable();
        },
      }),
    });
    stopping = () => {
      stopping = null;
      assert.equal(one.spent(DAY).held, 15 * CENT);
      return one.door.stop("now");
    };
    refused(await one.think({ model: "far" }), "stopped", /stopped/);
    assert.deepEqual(one.far.posted, []);
    assert.deepEqual(one.spent(DAY), { spent: 0, held: 0 });
    assert.equal(outcome(one)["reply"], "not-sent");
    assert.equal(outcome(one)["sentBytes"], 0);
  });

  test("a policy that changes between the hold and the sending: nothing is sent under the old one", async (t) => {
    let changing: (() => void) | null = null;
    const one = rig(t, {
      wrap: (store) => ({
        ...store,
        durable: async () => {
          changing?.();
          await store.durable();
        },
      }),
    });
    changing = () => {
      changing = null;
      one.write("budgets: { day: 0 }");
    };
    refused(await one.think({ model: "far" }), "failed", /not sent; farther: over the budget day/);
    assert.deepEqual([...one.far.posted, ...one.farther.posted], []);
    assert.deepEqual(one.spent(DAY), { spent: 0, held: 0 });
  });

  test("a disk that takes no record: nothing is sent", async (t) => {
    let isFull = false;
    const one = rig(t, {
      wrap: (store) => ({
        ...store,
        transaction: (work) => {
          if (isFull) throw new Error("the disk is full");
          return store.transaction(work);
        },
      }),
    });
    isFull = true;
    await assert.rejects(one.think({ model: "far" }), /disk is full/);
    await assert.rejects(one.think({ model: "near" }), /disk is full/);
    assert.deepEqual([...one.far.posted, ...one.near.posted], []);
  });

  test("a record that does not reach the disk: nothing that costs money is sent, and the hold stays", async (t) => {
    const one = rig(t, {
      wrap: (store) => ({ ...store, durable: () => Promise.reject(new Error("store.not-durable")) }),
    });
    await assert.rejects(one.think({ model: "far" }), /not-durable/);
    assert.deepEqual(one.far.posted, []);
    assert.deepEqual(one.spent(DAY), { spent: 0, held: 15 * CENT });
  });
});
