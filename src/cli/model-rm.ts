// freehold model rm NAME: takes a model file out of the lock.

import { needArgument, type Given } from "./given.ts";
import { offerReply } from "./material.ts";
import { callAsOwner } from "./owner.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  await shell.needTerminal();
  const name = needArgument(given);
  const reply = await callAsOwner(shell, { op: "model.remove", input: { name } });
  return offerReply(shell, reply, `Take the model ${name} out?`);
}
