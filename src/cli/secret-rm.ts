// freehold secret rm NAME: the value is gone at once; servers that name it will not start.

import { needArgument, type Given } from "./given.ts";
import { callAsOwner } from "./owner.ts";
import { safeLine } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const name = needArgument(given);
  await callAsOwner(shell, { op: "secret.rm", input: { name } });
  return { json: { name }, text: `Secret ${safeLine(name, 100)} is gone.` };
}
