// freehold pin set: the first PIN or passphrase. It is typed on a terminal and nowhere else.

import { Fault } from "../kernel/index.ts";
import { chooseSecret } from "./owner.ts";
import { flagIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell): Promise<Outcome> {
  const terminal = await shell.needTerminal();
  const control = await shell.control();
  if (flagIn(await control.call("owner.state", {}), "set")) {
    throw new Fault("owner.already-set", {
      message: "a PIN or passphrase is set already.",
      next: "freehold pin change",
    });
  }
  await control.call("owner.enrol", { secret: await chooseSecret(terminal) });
  return { json: { set: true }, text: "Set. Freehold knows you by it now; it is stored nowhere, so keep it." };
}
