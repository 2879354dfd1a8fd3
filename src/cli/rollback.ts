// freehold rollback [--to N]: shows what going back changes and loses, and after a yes and the PIN goes back.

import type { JsonObject } from "../kernel/index.ts";
import { hasFlag, numberFrom, textOption, type Given } from "./given.ts";
import { callAsOwner } from "./owner.ts";
import { proposalText } from "./proposal.ts";
import { flagIn, lineIn, maybeNumberIn, numberIn, objectsIn, safeLine, textIn, textsIn } from "./reply.ts";
import { restartInto } from "./restart-into.ts";
import type { Outcome, Shell } from "./shell.ts";
import { clockTime, count } from "./table.ts";

const NUMBER_MAX = 999_999_999;

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const wanted = textOption(given, "to");
  const to = wanted === null ? {} : { to: numberFrom(wanted, { what: "--to", min: 1, max: NUMBER_MAX }) };
  const control = await shell.control();
  const plan = await control.call("rollback.plan", to);
  const terminal = await shell.needTerminal("a rollback is confirmed");
  terminal.write(`${planLines(shell, plan, hasFlag(given, "full")).join("\n")}\n`);
  const target = numberIn(plan, "to");
  if (!(await terminal.confirm(`Go back to generation ${target}?`))) {
    return { json: { ...plan, done: false }, text: "Nothing was changed.", exit: 2 };
  }
  const isUnit = textIn(await control.call("status", {}), "mode") === "own-user";
  const done = await callAsOwner(shell, { op: "rollback", input: { from: numberIn(plan, "from"), to: target } });
  const barred = textsIn(plan, "willBar").map((name) => safeLine(name, 60));
  const kept = barred.length === 0 ? "" : ` Barred until you say \`freehold unbar\`: ${barred.join(", ")}.`;
  if (!flagIn(done, "restarts")) {
    return { json: { ...plan, ...done, done: true }, text: `Generation ${target} holds now.${kept}` };
  }
  const { version } = await restartInto(shell, numberIn(done, "pid"), isUnit);
  const text = `Generation ${target} holds now, and Freehold ${safeLine(version, 60)} runs.${kept}`;
  return { json: { ...plan, ...done, done: true, version }, text };
}

function planLines(shell: Shell, plan: JsonObject, isFull: boolean): readonly string[] {
  const made = clockTime(numberIn(plan, "madeAtMs"));
  const [from, to] = [numberIn(plan, "from"), numberIn(plan, "to")];
  const head = `From generation ${from} back to ${to}, made ${made}: ${lineIn(plan, "why", 200)}`;
  const changes = objectsIn(plan, "changes");
  const view = { digest: textIn(plan, "policy"), changes, diff: textIn(plan, "diff"), findings: [] };
  return [
    shell.paint("bold", head),
    ...codeLines(plan),
    ...(changes.length === 0 ? ["The policy is the same."] : proposalText(shell, view, { isFull })),
    ...stateLines(plan),
    ...editLines(textsIn(plan, "edits")),
    "Nothing of the ledger is lost: it goes on, and this is an entry in it.",
  ];
}

function codeLines(plan: JsonObject): readonly string[] {
  const version = lineIn(plan, "freehold", 60);
  switch (textIn(plan, "code")) {
    case "restart":
      return [`Freehold itself goes back to ${version} and starts again.`];
    case "not-kept":
      return [`It was made by Freehold ${version}, which was not kept: the program stays as it is.`];
    default:
      return [];
  }
}

function stateLines(plan: JsonObject): readonly string[] {
  const schema = maybeNumberIn(plan, "schema");
  if (schema === null) return [];
  const lost = objectsIn(plan, "lost").map(
    (item) => `${count(numberIn(item, "rows"), "row")} of ${lineIn(item, "what", 80)}`,
  );
  const stale = textsIn(plan, "stale").map((name) => safeLine(name, 60));
  return [
    `The state goes back to schema ${schema}. What the newer one holds stays whole in .state/left/.`,
    lost.length === 0
      ? "Nothing in it is lost to the older Freehold."
      : `Lost to the older Freehold: ${lost.join(", ")}.`,
    ...(stale.length === 0
      ? []
      : [`As before the update, and therefore everything is stopped until you resume: ${stale.join(", ")}.`]),
  ];
}

function editLines(files: readonly string[]): readonly string[] {
  if (files.length === 0) return [];
  const names = [...new Set(files)].map((file) => safeLine(file, 80)).join(", ");
  return [`Edits that were never applied (${names}) leave the folder; git keeps them in a commit of their own.`];
}
