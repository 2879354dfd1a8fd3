// The whole way of a rule with the real daemon: asked, thought of, applied in one commit, used, listed and pruned.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { JsonObject } from "../../src/kernel/index.ts";
import { addClient, addRogues, makeHome, openMcp } from "../fixtures/daemon.ts";

test("a question becomes a rule that answers the next one, and only the like of it", async (t) => {
  const home = makeHome(t);
  const daemon = await home.start({ waitMs: 100 });
  const folder = home.folder("notes");
  await addRogues(daemon, home.paths, [{ name: "rogue", folder }]);
  const client = await openMcp(daemon.url, await addClient(daemon, "shell"));
  const { owner } = daemon;
  const write = async (path: string): Promise<string> => (await client.call("rogue__write", { path })).text;
  const effects = (): readonly string[] => readFileSync(join(folder, "effects.log"), "utf8").trim().split("\n");

  assert.match(await write("/home/ada/notes/a"), /Waiting for the owner/);
  const [question] = rows(await owner.call("inbox", {}), "questions");
  const id = text(question, "id");
  const ideas = rows(await owner.call("rule.ideas", { id }), "ideas");
  assert.deepEqual(
    ideas.map((idea) => idea["width"]),
    ["exact", "near", "any"],
  );
  assert.match(text(ideas[1], "said"), /^would have allowed 1 of 1, none of which you denied$/);
  const plan = await owner.call("rule.add", { idea: text(ideas[1], "key"), reason: "my notes" });
  await owner.call("question.answer", { id, answer: "yes" });
  await owner.call("apply", { digest: text(plan, "digest") });
  const log = execFileSync("git", ["-C", home.paths.dir, "log", "-1", "--format=%s"], { encoding: "utf8" });
  assert.match(log, /^Allow client:shell to call rogue\.write/);

  assert.doesNotMatch(await write("/home/ada/notes/b"), /Waiting for the owner/);
  assert.match(await write("/home/ada/other/c"), /Waiting for the owner/);
  assert.equal(effects().length, 2);
  const [rule] = rows(await owner.call("rules.list", {}), "rules");
  assert.equal(rule?.["uses"], 1);
  const told = await owner.call("rules.test", {
    tool: "rogue.write",
    principal: "client:other",
    args: { path: "/home/ada/notes/b" },
  });
  assert.equal(told["decision"], "deny", "a program that the stack does not know gets nothing");
  assert.deepEqual((await owner.call("rules.prune", {}))["idle"], []);
  assert.match(
    text(await owner.call("meter", {}), "sentence"),
    /^2 questions a day over 14 days, half of them answered/,
  );
  assert.equal((await owner.call("ledger.verify", {}))["kind"], "good");
});

function rows(answer: JsonObject, field: string): readonly JsonObject[] {
  return answer[field] as unknown as readonly JsonObject[];
}

function text(row: JsonObject | undefined, field: string): string {
  const value = row?.[field];
  assert.ok(typeof value === "string", field);
  return value;
}
