// A call that was asked about, and is allowed by the time it is made again.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../kernel/index.ts";
import { CLIENT, openFixture, OWNER, policyFiles } from "../../tests/fixtures/door.ts";

const RULES = 'rules:\n  - { id: ok, answer: allow, tool: notes.write_note, args: { path: any }, reason: "x" }\n';
const HOLD_MS = 30_000;

const write = (args: JsonObject) => ({ session: "s1", principal: CLIENT, tool: "notes.write_note", args });

test("a call that is allowed by now is not run again for a question or a hold of the same call", async (t) => {
  const fixture = openFixture({ waitMs: 0 });
  t.after(() => fixture.end());
  const allowed = policyFiles(RULES);
  const put = async (path: string): Promise<string> => {
    fixture.accept(policyFiles(null));
    const told = await fixture.door.call(write({ path, text: "x" }));
    return told.kind === "waiting" ? told.question : "";
  };
  const [asked, later] = [await put("/a"), await put("/b")];
  await fixture.door.answer(later, { kind: "yes", untilMs: fixture.nowMs + HOLD_MS }, OWNER);
  fixture.accept(allowed);
  assert.equal((await fixture.door.call(write({ path: "/a", text: "x" }))).kind, "result");
  assert.equal((await fixture.door.answer(asked, { kind: "yes" }, OWNER)).kind, "refused");
  const told = await fixture.door.result(asked, { session: "s1", principal: CLIENT });
  assert.match(told.kind === "denied" ? told.reason : "", /it was allowed meanwhile/);
  const joined = await fixture.door.call(write({ path: "/b", text: "x" }));
  assert.equal(joined.kind === "waiting" && joined.question, later);
  fixture.nowMs += HOLD_MS;
  await fixture.door.carryOutHeld();
  assert.equal(fixture.sent.length, 2, "each ran once");
});
