// freehold model engine: installs the library that runs model files on this machine.

import { fetchMaterial } from "./material.ts";
import { proveOwner } from "./owner.ts";
import { lineIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell): Promise<Outcome> {
  await shell.needTerminal("the engine is installed");
  await proveOwner(shell);
  const reply = await fetchMaterial(shell, "model.engine", {});
  const text = `node-llama-cpp ${lineIn(reply, "version", 40)} is installed. It runs in a child without network.`;
  return { json: reply, text };
}
