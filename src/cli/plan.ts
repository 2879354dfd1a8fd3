// freehold plan: what the files in the home would change if they were applied.

import { hasFlag, type Given } from "./given.ts";
import { proposalIn, proposalText } from "./proposal.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const control = await shell.control();
  const reply = await control.call("plan", {});
  const view = proposalIn(reply);
  if (view.digest === null) return { json: reply, text: "No changes: what lies in the home is what holds." };
  const text = [...proposalText(shell, view, { isFull: hasFlag(given, "full") }), "Next: freehold apply"];
  return { json: reply, text, exit: 2 };
}
