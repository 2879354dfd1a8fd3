// freehold disconnect CLIENT: voids its token at once, restores its own file, and proposes to forget it.

import { needArgument, type Given } from "./given.ts";
import { callAsOwner } from "./owner.ts";
import { offerToApply, proposalIn } from "./proposal.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  await shell.needTerminal();
  const name = needArgument(given);
  const reply = await callAsOwner(shell, { op: "client.remove", input: { name } });
  shell.say(`The token of ${name} is void.`);
  const { restoreClient } = await import("./client-files.ts");
  await restoreClient(shell, name);
  const otherwise = "Its token is void; the entry in stack.yaml stays proposed for removal. Next: freehold plan";
  return offerToApply(shell, { view: proposalIn(reply), question: `Take ${name} out of the stack?`, otherwise });
}
