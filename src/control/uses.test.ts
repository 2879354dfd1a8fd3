// Tools that an update would take away, and who needs them.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { initHome } from "../home/index.ts";
import { openFixture, OWNER, policyFiles } from "../../tests/fixtures/door.ts";
import { openPolicyState } from "./policy-state.ts";
import { usesOf } from "./uses.ts";

const RULES = `rules:
  - { id: mine, answer: allow, tool: notes.write_note, args: { path: any, text: any }, reason: "mine" }
`;

test("calls of 90 days, rules and automations that need a tool are named, and nothing else", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "freehold-uses-"));
  const fixture = openFixture({ waitMs: 0 });
  t.after(() => {
    fixture.end();
    rmSync(dir, { recursive: true, force: true });
  });
  const { paths: home } = initHome(join(dir, "home"), {
    files: { "stack.yaml": "version: 1\nowner: { name: Ada, timezone: UTC }\n" },
  });
  const clock = { nowMs: () => fixture.nowMs };
  const policy = openPolicyState({ home, store: fixture.store, clock });
  mkdirSync(home.cardsDir, { recursive: true });
  for (const [path, text] of Object.entries(policyFiles(RULES))) writeFileSync(join(home.dir, path), text);
  await policy.apply(policy.proposal()?.digest ?? "", OWNER);
  const parts = { home, store: fixture.store, clock, policy };
  const call = { session: "a", principal: { kind: "agent", name: "" }, tool: "notes.read_note" } as const;
  await fixture.door.call({ ...call, args: { path: "/n/a" } });
  await fixture.door.call({ ...call, args: { path: "/n/b" } });
  mkdirSync(home.automationsDir, { recursive: true });
  writeFileSync(join(home.automationsDir, "weekly.ts"), 'run("notes.write_note_twice"); call("notes__write_note")');
  assert.deepEqual(await usesOf(parts, "notes", ["read_note", "write_note", "other"]), [
    "read_note (asked for 2 times in 90 days)",
    "write_note (rule mine, automations/weekly.ts)",
  ]);
  fixture.nowMs += 91 * 86_400_000;
  assert.deepEqual(await usesOf(parts, "notes", ["read_note"]), []);
  rmSync(home.automationsDir, { recursive: true });
  assert.deepEqual(await usesOf(parts, "notes", ["write_note"]), ["write_note (rule mine)"]);
});
