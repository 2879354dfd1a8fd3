// freehold rules prune: rules that do nothing any more, and the proposal to take them away.

import type { JsonObject } from "../kernel/index.ts";
import { callAsOwner, proveOwner } from "./owner.ts";
import { offerToApply, proposalIn } from "./proposal.ts";
import { lineIn, objectsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { count, indent, wrap } from "./table.ts";

export async function run(shell: Shell): Promise<Outcome> {
  const control = await shell.control();
  const reply = await control.call("rules.prune", {});
  const idle = objectsIn(reply, "idle");
  if (idle.length === 0) return { json: reply, text: "Every rule earns its place." };
  const lines = idle.flatMap((rule) => idleLines(shell, rule));
  const terminal = shell.json || !shell.isTty ? null : await shell.terminal();
  if (terminal === null) return { json: reply, text: lines, exit: 2 };
  shell.say(lines.join("\n"));
  if (!(await terminal.confirm(`Propose to remove ${count(idle.length, "rule")}?`))) {
    return { json: reply, text: "Nothing was changed.", exit: 2 };
  }
  await proveOwner(shell);
  const view = proposalIn(await callAsOwner(shell, { op: "rules.prune", input: { propose: true } }));
  return offerToApply(shell, {
    view,
    question: "Apply exactly this?",
    otherwise: "Nothing was applied. The proposal lies in rules.yaml: freehold plan",
  });
}

function idleLines(shell: Shell, rule: JsonObject): readonly string[] {
  return [
    `${shell.paint("bold", lineIn(rule, "rule", 40))}  ${lineIn(rule, "why", 400)}`,
    ...indent(wrap(lineIn(rule, "sentence", 2_000), shell.width - 2)),
  ];
}
