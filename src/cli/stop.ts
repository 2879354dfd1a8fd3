// freehold stop: the kill switch. It needs no PIN, no model and no network.

import type { Given } from "./given.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const control = await shell.control();
  const reply = await control.call("stop", { reason: given.args.join(" ") });
  return { json: reply, text: "Stopped. No effect passes until: freehold resume" };
}
