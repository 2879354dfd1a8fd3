// The owner's proof on this connection: a PIN or passphrase typed on a terminal, asked for when it is needed.

import { Fault, type JsonObject } from "../kernel/index.ts";
import type { OnEvent } from "./reach.ts";
import { flagIn } from "./reply.ts";
import type { Shell } from "./shell.ts";
import type { Terminal } from "./terminal.ts";

const TRIES = 3;

/** Asks for the secret; the first time ever, for a new one. Faults: `cli.no-terminal`, `owner.refused`. */
export async function proveOwner(shell: Shell): Promise<void> {
  const terminal = await shell.needTerminal();
  const control = await shell.control();
  if (!flagIn(await control.call("owner.state", {}), "set")) {
    terminal.write("No PIN is set yet. It is how Freehold knows you from the programs that run as you.\n");
    const secret = await chooseSecret(terminal);
    await control.call("owner.enrol", { secret });
    await control.call("owner.prove", { secret });
    return;
  }
  for (let round = 1; ; round += 1) {
    const secret = await terminal.secret("Your PIN or passphrase: ");
    try {
      await control.call("owner.prove", { secret });
      return;
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "owner.refused" || round === TRIES) throw error;
      terminal.write(`${error.message}\n`);
    }
  }
}

/** Typed twice, so that a slip does not lock the owner out. */
export function chooseSecret(terminal: Terminal): Promise<string> {
  return chooseTwice(terminal, "A PIN of 6 or more digits, or a passphrase of 8 or more characters: ");
}

export async function chooseTwice(terminal: Terminal, prompt: string): Promise<string> {
  for (let round = 1; round <= TRIES; round += 1) {
    const secret = await terminal.secret(prompt);
    if (secret === (await terminal.secret("Once more: "))) return secret;
    terminal.write("The two were not the same.\n");
  }
  throw new Fault("cli.no-secret", {
    message: "nothing was set: the two were never the same.",
    next: "try again",
  });
}

export interface OwnerCall {
  readonly op: string;
  readonly input?: JsonObject;
  readonly onEvent?: OnEvent;
}

/** Calls as the owner; asks for the proof first, and once more when the session has run out meanwhile. */
export async function callAsOwner(shell: Shell, { op, input = {}, onEvent }: OwnerCall): Promise<JsonObject> {
  const control = await shell.control();
  try {
    return await control.call(op, input, onEvent);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "owner.needed") throw error;
    await proveOwner(shell);
    return control.call(op, input, onEvent);
  }
}
