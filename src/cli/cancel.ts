// freehold cancel ID [REASON]: takes back what is held. It needs no PIN, since it only narrows.

import { needArgument, type Given } from "./given.ts";
import { lineIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const control = await shell.control();
  const reply = await control.call("hold.cancel", { id: needArgument(given), note: given.args.slice(1).join(" ") });
  return { json: reply, text: `${lineIn(reply, "id", 20)} is cancelled. It was not done, and who asked is told so.` };
}
