// freehold skill read NAME: all of its texts, then the owner's word that they have read exactly these.

import type { JsonObject } from "../kernel/index.ts";
import { needArgument, type Given } from "./given.ts";
import { offerReply } from "./material.ts";
import { callAsOwner } from "./owner.ts";
import { textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { wholeSkill } from "./skill-text.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const name = needArgument(given);
  const terminal = await shell.needTerminal("a skill is read");
  const shown = await callAsOwner(shell, { op: "skill.show", input: { name } });
  terminal.write(`${wholeSkill(shell, shown).join("\n")}\n`);
  if (!(await terminal.confirm("Have you read all of it, and may it speak to your models as your own text?"))) {
    return { json: { read: false }, text: "It goes on to taint the conversations that use it.", exit: 2 };
  }
  const input: JsonObject = { name, tree: textIn(shown, "tree") };
  const reply = await callAsOwner(shell, { op: "skill.reviewed", input });
  return offerReply(shell, reply, `Trust ${name} as you have read it?`);
}
