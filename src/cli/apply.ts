// freehold apply: shows the diff and, after a yes and the PIN, applies exactly what was shown.

import { hasFlag, type Given } from "./given.ts";
import { offerToApply, proposalIn } from "./proposal.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const control = await shell.control();
  const view = proposalIn(await control.call("plan", {}));
  const options = { isFull: hasFlag(given, "full") };
  return offerToApply(shell, { view, question: "Apply exactly this?", otherwise: "Nothing was applied.", options });
}
