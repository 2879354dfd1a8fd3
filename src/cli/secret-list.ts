// freehold secret list: names only; no command prints a value.

import { safeLine, textsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell): Promise<Outcome> {
  const control = await shell.control();
  const reply = await control.call("secret.list", {});
  const names = textsIn(reply, "names").map((name) => safeLine(name, 200));
  return { json: reply, text: names.length === 0 ? "No secrets are stored." : names };
}
