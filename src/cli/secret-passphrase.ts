// freehold secret passphrase [--remove]: puts the key of the secrets under a passphrase, or takes it away again.

import { hasFlag, type Given } from "./given.ts";
import { callAsOwner, chooseTwice } from "./owner.ts";
import type { Outcome, Shell } from "./shell.ts";

const SET = "Set. After each start the servers that need secrets wait for: freehold secret unlock";
const REMOVED = "Removed. The key lies in its file again, for your user alone.";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  if (hasFlag(given, "remove")) {
    await callAsOwner(shell, { op: "secret.passphrase" });
    return { json: { passphrase: false }, text: REMOVED };
  }
  const terminal = await shell.needTerminal();
  const passphrase = await chooseTwice(terminal, "A passphrase for the secrets, of 8 or more characters: ");
  await callAsOwner(shell, { op: "secret.passphrase", input: { passphrase } });
  return { json: { passphrase: true }, text: SET };
}
