import assert from "node:assert/strict";
import { test } from "node:test";
import { CLIENT, openFixture } from "../../tests/fixtures/door.ts";
import { countDenials } from "./denials.ts";

const denied = (name: string) => ({
  session: `s-${name}`,
  principal: { ...CLIENT, name },
  tool: "notes.unknown",
  args: {},
});

test("a flood of denied calls stays denied, and grows the ledger by one entry a minute", async () => {
  const fixture = openFixture();
  for (let calls = 0; calls < 1_000; calls += 1) {
    assert.equal((await fixture.door.call(denied("shell"))).kind, "denied");
  }
  const size = (): number => fixture.store.ledger.head().size;
  assert.equal(size(), 301);
  fixture.nowMs += 60_000;
  await fixture.door.call(denied("other"));
  const sums = fixture.store.ledger.entries({ limit: 1_000 }).filter((entry) => entry.subject === "many calls");
  assert.deepEqual(
    sums.map(({ principal, facts }) => ({ principal, facts })),
    [
      { principal: "client:shell", facts: { count: 1 } },
      { principal: "client:shell", facts: { count: 699 } },
    ],
  );
  assert.equal(size(), 303);
  fixture.end();
});

test("another program's denials and the same program's allowed calls are kept through a flood", async () => {
  const fixture = openFixture();
  for (let calls = 0; calls < 400; calls += 1) await fixture.door.call(denied("shell"));
  const before = fixture.store.ledger.head().size;
  await fixture.door.call(denied("other"));
  const read = { session: "s-shell", principal: CLIENT, tool: "notes.read_note", args: { path: "/a" } };
  assert.equal((await fixture.door.call(read)).kind, "result");
  assert.equal(fixture.store.ledger.head().size, before + 3);
  fixture.end();
});

const entry = (principal: string) =>
  ({ kind: "denied", session: null, principal, subject: "a.b", request: "r", facts: {} }) as const;

test("after a pause denials are kept one by one again, and a clock set back takes nothing away", () => {
  let now = 1_800_000_000_000;
  const denials = countDenials({ nowMs: () => now });
  const isKept = (): boolean => denials.kept(entry("a")).some(({ subject }) => subject === "a.b");
  for (let times = 0; times < 300; times += 1) assert.equal(isKept(), true);
  assert.equal(isKept(), false);
  now -= 3_600_000;
  assert.equal(isKept(), false);
  now += 3_600_000 + 60_000;
  assert.equal(isKept(), true);
});

test("however many names are made up, the counting is bounded", () => {
  const denials = countDenials({ nowMs: () => 0 });
  for (let name = 0; name < 5_000; name += 1) denials.kept(entry(`client:${name}`));
  for (let times = 0; times < 300; times += 1) assert.equal(denials.kept(entry("client:0")).length, 1);
});
