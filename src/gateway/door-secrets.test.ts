// The value of a secret at the door: in arguments, and in what the ledger keeps.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openHearing } from "./hearing.ts";
import { CLIENT, openFixture, OWNER, type DoorFixture } from "../../tests/fixtures/door.ts";

const VALUE = "ghp_16C7e42F292c6912E7710c83";

function open(): DoorFixture {
  const hearing = openHearing({ nowMs: () => 0 });
  hearing.learn(new Map([["github", VALUE]]));
  return openFixture({ hearing });
}

const request = (tool: string, args: Readonly<Record<string, string>>) => ({
  session: "s1",
  principal: CLIENT,
  tool: `notes.${tool}`,
  args,
});

test("a stolen secret goes to no tool, in no notation, and the ledger does not keep it", async () => {
  const fixture = open();
  const forms = [VALUE, `a ${VALUE} b`, Buffer.from(VALUE).toString("base64"), Buffer.from(VALUE).toString("hex")];
  for (const form of forms) {
    const calls = [
      request("read_note", { path: form }),
      request("write_note", { path: "/a", text: form }),
      request("write_note", { path: VALUE.slice(0, 12), text: VALUE.slice(12) }),
      request("unknown", { path: form }),
    ];
    for (const call of calls) {
      const answer = await fixture.door.call(call);
      assert.equal(answer.kind, "denied");
      assert.equal(answer.kind === "denied" && answer.because, "C0");
    }
  }
  assert.equal(fixture.sent.length, 0);
  assert.deepEqual(fixture.store.questions.list(["open"]), []);
  const entries = fixture.store.ledger.entries({ limit: 100 });
  assert.equal(entries.length, 16);
  for (const entry of entries) {
    const kept = `${JSON.stringify(entry)} ${fixture.store.ledger.text(entry.seq)}`;
    assert.match(kept, /\[secret:github\].*\[secret:github\]|'github'.*\[secret:github\]|notes.unknown/);
    assert.doesNotMatch(kept, /ghp_16C7e42F|2c6912E7710c83|Z2hwXzE2|6768705f3136/);
  }
  fixture.end();
});

test("not even a yes of the owner's sends one, and what they say is kept without it", async () => {
  const fixture = open();
  const asked = fixture.door.call(request("write_note", { path: "/a", text: "hello" }));
  await new Promise(setImmediate);
  const [question] = fixture.store.questions.list(["open"]);
  const args = { path: "/a", text: VALUE };
  const answered = await fixture.door.answer(question?.id ?? "", { kind: "yes", args }, OWNER);
  assert.equal(answered.kind === "done" && answered.outcome?.kind, "denied");
  assert.equal((await asked).kind, "denied");
  assert.equal(fixture.sent.length, 0);
  const words = { session: "s1", principal: CLIENT, message: `use ${VALUE}`, outline: null };
  fixture.door.hear(words, OWNER);
  const last = fixture.store.ledger.entries({ limit: 100 }).at(-1);
  assert.equal(fixture.store.ledger.text(last?.seq ?? 0), "use [secret:github]");
  fixture.end();
});

test("that a server said a secret's value stands in the ledger, without the value", () => {
  const fixture = open();
  fixture.door.noteMasked("notes", ["github"]);
  const [entry] = fixture.store.ledger.entries({ limit: 1 });
  assert.deepEqual(
    { kind: entry?.kind, principal: entry?.principal, facts: entry?.facts },
    { kind: "masked", principal: "server:notes", facts: { secrets: ["github"] } },
  );
  fixture.end();
});
