// freehold gc: removes what nobody can go back to any more, after showing what it is.

import type { JsonObject } from "../kernel/index.ts";
import { hasFlag, numberFrom, textOption, type Given } from "./given.ts";
import { callAsOwner } from "./owner.ts";
import { numberIn, numbersIn, textsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { count } from "./table.ts";

const KEEP_MAX = 1_000;

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const wanted = textOption(given, "keep");
  const keep = wanted === null ? {} : { keep: numberFrom(wanted, { what: "--keep", min: 1, max: KEEP_MAX }) };
  const isDry = hasFlag(given, "dryRun");
  const plan = await callAsOwner(shell, { op: "gc", input: { ...keep, dry: true } });
  const text = planText(plan);
  if (text === null) return { json: plan, text: "Nothing to remove: everything can still be gone back to." };
  if (isDry) return { json: plan, text: `Would remove ${text}.` };
  const terminal = await shell.needTerminal("a way back is given up");
  terminal.write(`This removes ${text}.\n`);
  if (!(await terminal.confirm("Remove them?"))) return { json: plan, text: "Nothing was removed.", exit: 2 };
  const done = await callAsOwner(shell, { op: "gc", input: { ...keep, dry: false } });
  return { json: done, text: `Removed ${planText(done) ?? "nothing"}.` };
}

function planText(plan: JsonObject): string | null {
  const numbers = numbersIn(plan, "generations");
  const parts = [
    numbers.length === 0 ? "" : `${count(numbers.length, "generation")} (${spans(numbers)})`,
    counted(plan, "trees", "tree"),
    counted(plan, "packages", "package"),
    counted(plan, "models", "model file"),
    counted(plan, "policies", "policy"),
    counted(plan, "states", "older state"),
  ].filter((part) => part !== "");
  if (parts.length === 0) return null;
  return `${parts.join(", ")}; ${(numberIn(plan, "bytes") / 1_000_000).toFixed(1)} MB`;
}

function counted(plan: JsonObject, field: string, noun: string): string {
  const { length } = textsIn(plan, field);
  return length === 0 ? "" : count(length, noun);
}

function spans(numbers: readonly number[]): string {
  return numbers.length > 3 ? `${numbers[0]} to ${numbers.at(-1)}` : numbers.join(", ");
}
