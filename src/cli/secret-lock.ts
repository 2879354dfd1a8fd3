// freehold secret lock: no server is handed a secret from now on; running servers keep theirs until they stop.

import { callAsOwner } from "./owner.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell): Promise<Outcome> {
  await callAsOwner(shell, { op: "secret.lock" });
  return { json: { locked: true }, text: "Locked. Running servers keep their secrets until they stop." };
}
