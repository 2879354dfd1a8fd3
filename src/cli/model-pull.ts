// freehold model pull SOURCE: brings a model file here and proposes its hash for the lock.

import { needArgument, textOption, type Given } from "./given.ts";
import { fetchMaterial, modelSource, nameOfMaterial, offerReply } from "./material.ts";
import { proveOwner } from "./owner.ts";
import { lineIn, numberIn, textIn } from "./reply.ts";
import { declareHint, NOTHING_RUNS } from "./model-list.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const source = modelSource(needArgument(given));
  const name = textOption(given, "as") ?? nameOfMaterial(source, null);
  const sha256 = textOption(given, "sha256");
  const terminal = await shell.needTerminal("a model is accepted");
  await proveOwner(shell);
  const reply = await fetchMaterial(shell, "model.pull", { name, source, ...(sha256 === null ? {} : { sha256 }) });
  const megabytes = (numberIn(reply, "bytes") / 1e6).toFixed(1);
  terminal.write(`${lineIn(reply, "name", 40)}: ${megabytes} MB, sha256 ${textIn(reply, "sha256")}\n`);
  const applied = await offerReply(shell, reply, `Lock ${name} to these bytes?`);
  const next = [...(reply["hasEngine"] === false ? [NOTHING_RUNS] : []), declareHint(name)];
  const text = [applied.text, ...(applied.exit === 2 ? [] : next)].flat();
  return { ...applied, json: { ...reply, ...applied.json }, text };
}
