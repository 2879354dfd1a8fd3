// freehold server restart NAME: stops it where it runs and lets it be tried again; the next call starts it.

import { needArgument, type Given } from "./given.ts";
import { callAsOwner } from "./owner.ts";
import { safeLine } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const name = needArgument(given);
  const reply = await callAsOwner(shell, { op: "server.restart", input: { name } });
  return { json: reply, text: `The next call starts ${safeLine(name, 60)}.` };
}
