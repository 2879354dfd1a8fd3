// After a switch, and at a start that a switch was cut by: the skills of the policy in force lie in the home again.

import { reasonOf } from "../kernel/index.ts";
import { removeSkill, restoreSkill } from "../supply/index.ts";
import type { DaemonState } from "./state.ts";

export function keepSkillsAsLocked(state: DaemonState): void {
  const { policyState, home } = state;
  let before = policyState.current();
  const settle = async (): Promise<void> => {
    const [was, is] = [before.lock.skills ?? {}, policyState.current().lock.skills ?? {}];
    before = policyState.current();
    for (const name of Object.keys(was)) if (!Object.hasOwn(is, name)) removeSkill(home, name);
    for (const [name, locked] of Object.entries(is)) await restoreSkill({ name, locked, home });
  };
  const settled = (): void =>
    void settle().catch((error: unknown) => process.stderr.write(`skills: ${reasonOf(error)}\n`));
  policyState.onApplied(settled);
  // A proposal may have brought other files, which lie there until it is applied.
  if (hasNoProposal(state)) settled();
}

/** What cannot be read is the owner's edit under way. */
function hasNoProposal({ policyState }: DaemonState): boolean {
  try {
    return policyState.proposal() === null;
  } catch (error) {
    process.stderr.write(`skills: ${reasonOf(error)}\n`);
    return false;
  }
}
