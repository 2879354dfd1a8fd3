// freehold skill add SOURCE: fetches a skill, shows what the scanner says, and proposes it. It counts as unread.

import { material } from "./skill-text.ts";
import { needArgument, textOption, type Given } from "./given.ts";
import { fetchMaterial, nameOfMaterial, offerReply, skillSource } from "./material.ts";
import { proveOwner } from "./owner.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const source = skillSource(needArgument(given));
  const folder = textOption(given, "folder");
  const name = textOption(given, "as") ?? nameOfMaterial(source, folder);
  const terminal = await shell.needTerminal("a skill is accepted");
  await proveOwner(shell);
  const reply = await fetchMaterial(shell, "skill.add", { name, source, ...(folder === null ? {} : { folder }) });
  terminal.write(`${material(shell, reply).join("\n")}\n`);
  const applied = await offerReply(shell, reply, `Accept the skill ${name}?`);
  const isApplied = applied.json["applied"] === true;
  const next = `It is a stranger's text until you have read it: freehold skill read ${name}`;
  const text = [applied.text].flat();
  return {
    ...applied,
    text: isApplied && reply["isRead"] !== true ? [...text, next] : text,
    json: { ...reply, ...applied.json },
  };
}
