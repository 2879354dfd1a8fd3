// freehold model rm NAME: takes a declared model out of the stack, or a file out of the lock.

import { needArgument, type Given } from "./given.ts";
import { offerReply } from "./material.ts";
import { callAsOwner } from "./owner.ts";
import { objectsIn, textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  await shell.needTerminal();
  const name = needArgument(given);
  const listed = await (await shell.control()).call("model.list", {});
  const isDeclared = objectsIn(listed, "declared").some((model) => textIn(model, "name") === name);
  const op = isDeclared ? "model.undeclare" : "model.remove";
  const reply = await callAsOwner(shell, { op, input: { name } });
  return offerReply(shell, reply, `Take the model ${name} out?`);
}
