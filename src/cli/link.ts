// freehold link: a new one-time link to the console. The page still asks for the PIN.

import { wayIn, wayInLines } from "./console-link.ts";
import { textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell): Promise<Outcome> {
  const control = await shell.control();
  const way = wayIn(shell, textIn(await control.call("owner.link", {}), "url"));
  return { json: { ...way }, text: wayInLines(shell, way) };
}
