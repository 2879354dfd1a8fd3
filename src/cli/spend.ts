// freehold spend [--since 30d]: what models cost, by model and by who asked, and what is left of the budgets.

import type { JsonObject } from "../kernel/index.ts";
import { spanOption, type Given } from "./given.ts";
import { flagIn, lineIn, maybeNumberIn, numberIn, objectIn, objectsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { count, grouped, table } from "./table.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const spanMs = spanOption(given, "since");
  const reply = await (await shell.control()).call("spend", spanMs === null ? {} : { spanMs });
  const code = lineIn(objectIn(reply, "currency"), "code", 3);
  const since = new Date(numberIn(reply, "sinceMs")).toISOString().slice(0, 16).replace("T", " ");
  const models = objectsIn(reply, "models");
  const rows = (list: readonly JsonObject[]): readonly string[] =>
    table(
      list.map((row) => [
        lineIn(row, "name", 60),
        money(numberIn(row, "cost"), code),
        count(numberIn(row, "calls"), "call"),
        `${grouped(numberIn(row, "input"))} tokens read, ${grouped(numberIn(row, "output"))} written`,
      ]),
      shell.width,
    );
  const text = [
    shell.paint("bold", `${money(numberIn(reply, "total"), code)} since ${since} UTC`),
    ...rows(models),
    ...(models.length === 0 ? [] : ["", ...rows(objectsIn(reply, "principals"))]),
    "",
    ...objectsIn(reply, "budgets").map((budget) => budgetLine(budget, code)),
    ...(flagIn(reply, "isCut") ? ["There are older calls that were not looked at."] : []),
  ];
  return { json: reply, text };
}

function budgetLine(budget: JsonObject, code: string): string {
  const limit = maybeNumberIn(budget, "limit");
  const held = numberIn(budget, "held");
  const hold = held === 0 ? "" : `, ${money(held, code)} held`;
  const of = limit === null ? "no budget" : `of ${limit} ${code}`;
  return `This ${lineIn(budget, "name", 10)}: ${money(numberIn(budget, "spent"), code)}${hold}, ${of}`;
}

/** More digits where it is little. */
export function money(amount: number, code: string): string {
  return `${amount === 0 || amount >= 1 ? amount.toFixed(2) : amount.toPrecision(2)} ${code}`;
}
