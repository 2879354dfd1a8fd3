// freehold pin change: the old one proves you, the new one is typed twice. Every other owner session ends.

import { chooseSecret } from "./owner.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell): Promise<Outcome> {
  const terminal = await shell.needTerminal();
  const control = await shell.control();
  const old = await terminal.secret("Your present PIN or passphrase: ");
  await control.call("owner.change", { old, new: await chooseSecret(terminal) });
  return { json: { set: true }, text: "Changed. Open consoles ask for the new one." };
}
