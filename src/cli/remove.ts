// freehold remove NAME: takes a server with its lock and cards out of the stack.

import { needArgument, type Given } from "./given.ts";
import { callAsOwner } from "./owner.ts";
import { offerToApply, proposalIn } from "./proposal.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  await shell.needTerminal();
  const name = needArgument(given);
  const reply = await callAsOwner(shell, { op: "server.remove", input: { name } });
  const otherwise = "It stays proposed. Next: freehold plan";
  return offerToApply(shell, { view: proposalIn(reply), question: `Take ${name} out?`, otherwise });
}
