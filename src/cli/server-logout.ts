// freehold server logout NAME: forgets the login and ends what runs with it.

import { needArgument, type Given } from "./given.ts";
import { callAsOwner } from "./owner.ts";
import { lineIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const reply = await callAsOwner(shell, { op: "login.forget", input: { server: needArgument(given) } });
  const text = `Forgotten on this machine. Where you signed in, ${lineIn(reply, "server", 60)} may still be listed.`;
  return { json: reply, text };
}
