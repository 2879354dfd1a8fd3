// freehold secret unlock: the passphrase that opens the secrets until the daemon ends or they are locked.

import { callAsOwner } from "./owner.ts";
import { flagIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell): Promise<Outcome> {
  const terminal = await shell.needTerminal();
  const passphrase = await terminal.secret("The passphrase of the secrets: ");
  const reply = await callAsOwner(shell, { op: "secret.unlock", input: { passphrase } });
  const text = flagIn(reply, "unlocked") ? "Unlocked. Servers start when they are called." : "They are not locked.";
  return { json: reply, text };
}
