import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { isObject, type JsonObject } from "../kernel/index.ts";
import { AGENT, CENT, DAY, failure, reply, rig, SHELL, type Rig } from "../../tests/fixtures/model-door.ts";
import { modelLines } from "./model-lines.ts";
import { moneyText } from "./money.ts";
import { ledgerOperations } from "./ops-ledger.ts";
import { spendOperations, type SpendParts } from "./ops-spend.ts";

const EURO = { code: "EUR", usd: 0.5 } as const;

interface Desk extends Rig {
  run(name: string, input?: JsonObject): Promise<JsonObject>;
}

/** An owner for whom a dollar is half a unit. */
function desk(t: TestContext): Desk {
  const one = rig(t);
  const { stack, ...rest } = one.policy();
  one.adopt({ ...rest, stack: { ...stack, owner: { ...stack.owner, currency: EURO } } });
  const parts: SpendParts = {
    store: one.store,
    clock: { nowMs: () => one.nowMs },
    policy: { current: () => ({ ...one.policy(), rules: [] }) },
    today: () => "2027-01-15",
  };
  const verify = (): never => assert.fail("not asked");
  const operations = [...spendOperations(parts), ...ledgerOperations({ ...parts, verify })];
  return Object.assign(one, {
    run: async (name: string, input: JsonObject = {}): Promise<JsonObject> => {
      const operation = operations.find((known) => known.name === name);
      const context = { owner: null, emit: () => undefined, signal: new AbortController().signal };
      return (await operation?.run(input, context)) ?? assert.fail(name);
    },
  });
}

function rows(answer: JsonObject, field: string): readonly JsonObject[] {
  const list = answer[field];
  return Array.isArray(list) ? list.filter((row) => isObject(row)) : [];
}

test("what was spent is told by model and by who asked, in the owner's currency, for a span", async (t) => {
  const one = desk(t);
  await one.think({ model: "far" });
  one.nowMs += 3_600_000;
  await one.think({ model: "far", principal: { kind: "automation", name: "weekly" }, session: "w" });
  await one.think({ model: "near" });
  const all = await one.run("spend");
  assert.deepEqual(
    rows(all, "models").map(({ name, calls, cost, input, output }) => [name, calls, cost, input, output]),
    [
      ["far", 2, 0.1, 160, 40],
      ["near", 1, 0, 80, 20],
    ],
  );
  assert.deepEqual(
    rows(all, "principals").map(({ name, calls }) => [name, calls]),
    [
      ["agent", 2],
      ["automation:weekly", 1],
    ],
  );
  assert.equal(all["total"], 0.1);
  assert.deepEqual(rows(all, "budgets"), [
    { name: "day", limit: 1, spent: 0.1, held: 0 },
    { name: "month", limit: 10, spent: 0.1, held: 0 },
  ]);
  const late = await one.run("spend", { spanMs: 60_000 });
  assert.deepEqual(
    rows(late, "models").map(({ name, calls }) => [name, calls]),
    [
      ["far", 1],
      ["near", 1],
    ],
  );
  assert.equal(one.spent(DAY).spent, 20 * CENT);
});

test("what left this machine is told by model and place; what stayed or was never sent is not among it", async (t) => {
  const one = desk(t);
  await one.think({ model: "near" });
  one.far.post = () => Promise.resolve(failure({ isUnsent: true }));
  await one.think({ model: "far" });
  one.door.connect({ principal: "freehold", purpose: "supply", host: "a.example", port: 443 });
  one.door.connect({ principal: "server:notes", purpose: "server", host: "b.example", port: 443 });
  await one.door.call({ session: "s", principal: AGENT, tool: "notes.read_note", args: { path: "a" } });
  const left = await one.run("egress");
  assert.equal(left["bytes"], 11, "the stand-in was sent it");
  assert.deepEqual(
    rows(left, "models").map(({ model, place, requests, bytes }) => [model, place, requests, bytes]),
    [
      ["near", "this-machine", 1, 11],
      ["farther", "cloud", 1, 11],
    ],
  );
  assert.deepEqual(rows(left, "servers"), [{ name: "notes", calls: 1 }]);
  assert.deepEqual(
    rows(left, "connections").map(({ target, by, opened, refused }) => [target, by, opened, refused]),
    [
      ["a.example:443", "supply", 1, 0],
      ["b.example:443", "server:notes", 1, 0],
    ],
  );
  await assert.rejects(one.run("egress", { spanMs: 0 }), { code: "ledger.since" });
});

test("a receipt says why it was that model, what it read and wrote, what left, and what it cost", async (t) => {
  const one = desk(t);
  one.far.post = () => Promise.resolve(failure({ status: 529 }));
  const usage = { input: 80, cacheRead: 30, cacheWrite: 10, output: 20, reasoning: 5 };
  one.farther.post = () => Promise.resolve(reply(usage));
  const sources = { system: 300, owner: 100 };
  const answer = await one.think({ model: "far", sources });
  const { lines } = await one.run("why", { id: answer.request });
  assert.ok(Array.isArray(lines));
  const said = lines.join("\n");
  assert.match(said, /^agent asked model far \(cloud, far\.example:443\); at most 0\.0750 EUR was held for it$/m);
  assert.match(said, /^It did not answer to the end after 0 ms$/m);
  assert.match(said, /^It did not say how many tokens it used, so it was charged at its bound$/m);
  assert.match(said, /^Why this one: it stands in for the one that was asked for$/m);
  assert.match(
    said,
    /^It read 80 tokens \(30 from its cache, 10 into its cache\) and wrote 20 \(5 of them thinking\)$/m,
  );
  assert.match(said, /^Of what it read: system about 60, owner about 20$/m);
  assert.match(said, /^11 bytes left this machine, with no compartment's data \(owner\); sha256 [0-9a-f]{64}$/m);
  assert.match(said, /^It cost 0\.0500 EUR \(0\.100000 USD\) by a test$/m);
  const refused = await one.think({ principal: SHELL, session: "c", model: "near" });
  const why = await one.run("why", { id: refused.request });
  assert.match(
    JSON.stringify(why["lines"]),
    /client:shell asked model near; refused \(flow\): client:shell may not ask/,
  );
});

test("a receipt passes on what the engine's count gives away", async (t) => {
  const one = desk(t);
  const whole = reply();
  one.near.post = () =>
    Promise.resolve(whole.kind === "answered" ? { ...whole, doubt: "its context was full" } : whole);
  const { lines } = await one.run("why", { id: (await one.think({ model: "near" })).request });
  assert.ok(Array.isArray(lines) && lines.includes("DOUBT: its context was full"), JSON.stringify(lines));
});

test("an entry of something else is not told as a model's", (t) => {
  const one = desk(t);
  one.door.connect({ principal: "freehold", purpose: "supply", host: "a.example", port: 443 });
  const [entry] = one.entries();
  assert.ok(entry !== undefined);
  assert.equal(modelLines(entry, EURO), null);
});

test("little money is shown with the digits that say something", () => {
  const euro = (nanoUsd: number): string => moneyText(nanoUsd, EURO);
  assert.deepEqual(
    [euro(0), euro(20), euro(2_470), euro(24_700_000), euro(3e9)],
    ["0 EUR", "0.000000010 EUR", "0.00000124 EUR", "0.0123 EUR", "1.50 EUR"],
  );
});
