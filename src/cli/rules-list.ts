// freehold rules list: each rule in a sentence, how often it was used, when last, and until when it holds.

import type { JsonObject } from "../kernel/index.ts";
import { flagIn, lineIn, maybeNumberIn, numberIn, objectsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { clockTime, count, indent, wrap } from "./table.ts";

export async function run(shell: Shell): Promise<Outcome> {
  const control = await shell.control();
  const reply = await control.call("rules.list", {});
  const rules = objectsIn(reply, "rules");
  if (rules.length === 0) {
    return { json: reply, text: "No rules: Freehold asks. freehold always ID makes one from a question." };
  }
  return { json: reply, text: rules.flatMap((rule) => ruleLines(shell, rule)) };
}

function ruleLines(shell: Shell, rule: JsonObject): readonly string[] {
  const lastAtMs = maybeNumberIn(rule, "lastUseAtMs");
  const last = lastAtMs === null ? "" : `, last ${clockTime(lastAtMs)}`;
  const used = `${count(numberIn(rule, "uses"), "use")} in 90 days${last}`;
  const state = flagIn(rule, "expired") ? shell.paint("yellow", "expired; ") : "";
  const tone = lineIn(rule, "answer") === "deny" ? "red" : "green";
  return [
    `${shell.paint("bold", lineIn(rule, "id"))}  ${shell.paint(tone, lineIn(rule, "answer"))}`,
    ...indent(wrap(lineIn(rule, "sentence", 2_000), shell.width - 2)),
    ...indent(wrap(`because: ${lineIn(rule, "reason")}`, shell.width - 2)),
    `  ${state}${shell.paint("dim", used)}`,
    "",
  ];
}
