// A policy for servers with other code: no standing permission of theirs holds, every ban does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { loadPolicy } from "../manifest/index.ts";
import { policyFiles } from "../../tests/fixtures/door.ts";
import { withoutStanding } from "./watched.ts";

const RULES = `rules:
  - { id: mine, answer: allow, tool: notes.write_note, args: { path: any, text: any }, reason: "mine" }
  - { id: other, answer: allow, tool: mail.send, args: { to: any }, reason: "other" }
  - { id: ban, answer: deny, tool: notes.*, args: { path: { under: /secret } }, reason: "never" }
`;

test("permissions of a watched server wait, bans and the rules of other servers hold", () => {
  const files = policyFiles(RULES);
  const free = (files["stack.yaml"] ?? "")
    .replace("family: {}", "family: { reversible: free }")
    .replace("servers:", 'servers:\n  mail: { source: "https://mail.example/mcp", compartment: family }');
  const policy = loadPolicy({ ...files, "stack.yaml": free });
  assert.equal(policy.stack.compartments["family"]?.reversible, "free");
  const watched = withoutStanding(policy, ["notes"]);
  assert.deepEqual(
    watched.rules.map(({ id }) => id),
    ["other", "ban"],
  );
  assert.equal(watched.stack.compartments["family"]?.reversible, "ask");
  assert.equal(watched.digest, policy.digest, "a yes that was asked for meanwhile stays one afterwards");
  assert.equal(withoutStanding(policy, []), policy);
});
