// freehold skill list: what is in use, what you have read, what changed on disk. Exit code 2 when something did.

import { lineIn, maybeTextIn, objectsIn, textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { table } from "./table.ts";

export async function run(shell: Shell): Promise<Outcome> {
  const reply = await (await shell.control()).call("skill.list", {});
  const skills = objectsIn(reply, "skills");
  const rows = skills.map((skill) => {
    const drift = maybeTextIn(skill, "drift");
    const state = textIn(skill, "integrity") === "owner" ? "read by you" : "unread: it taints";
    return [
      lineIn(skill, "name", 40),
      drift === null ? state : lineIn(skill, "drift", 300),
      lineIn(skill, "source", 200),
    ];
  });
  const text = rows.length === 0 ? "No skills. Next: freehold skill add SOURCE" : table(rows, shell.width);
  return { json: reply, text, exit: skills.some((skill) => maybeTextIn(skill, "drift") !== null) ? 2 : 0 };
}
