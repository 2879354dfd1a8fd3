// freehold resume: only the owner lets effects pass again.

import { callAsOwner } from "./owner.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell): Promise<Outcome> {
  return { json: await callAsOwner(shell, { op: "resume" }), text: "Effects pass again." };
}
