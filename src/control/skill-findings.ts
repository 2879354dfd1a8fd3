// What the scanner finds in skills that a proposal brings or changes, beside what it finds in servers.

import { sha256 } from "../kernel/index.ts";
import type { HomePaths } from "../home/index.ts";
import type { Policy } from "../manifest/index.ts";
import { scanSkill, skillFolder, verifySkill } from "../supply/index.ts";
import type { ServerFinding } from "./findings.ts";

const ID_LENGTH = 16;

/** Throws the fault of a skill that is not on disk as the proposal locks it: what was not read cannot be accepted. */
export function skillFindings(
  home: HomePaths,
  before: Pick<Policy, "lock">,
  after: Pick<Policy, "lock">,
): readonly ServerFinding[] {
  return Object.entries(after.lock.skills ?? {}).flatMap(([name, locked]) => {
    if (before.lock.skills?.[name]?.tree === locked.tree) return [];
    verifySkill({ name, locked, home });
    return scanSkill(skillFolder(home, name)).findings.map((finding) => {
      const { rule, where, offset, quote, says } = finding;
      const key = JSON.stringify(["skill", name, locked.tree, rule, where, offset, quote, says]);
      return { ...finding, server: `skill ${name}`, id: sha256(key).slice(0, ID_LENGTH) };
    });
  });
}
