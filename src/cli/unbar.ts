// freehold unbar NAME: a version that was rolled back from may come in again.

import { needArgument, type Given } from "./given.ts";
import { callAsOwner } from "./owner.ts";
import { safeLine, textsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const reply = await callAsOwner(shell, { op: "unbar", input: { what: needArgument(given) } });
  const freed = textsIn(reply, "freed").map((source) => safeLine(source, 100));
  return { json: reply, text: `No longer barred: ${freed.join(", ")}. Nothing was installed.` };
}
