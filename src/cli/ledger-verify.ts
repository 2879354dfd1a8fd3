// freehold ledger verify: is the chain whole, and do its signed heads match?

import { lineIn, numberIn, objectIn, textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { count } from "./table.ts";

export async function run(shell: Shell): Promise<Outcome> {
  const control = await shell.control();
  const report = await control.call("ledger.verify", {});
  if (textIn(report, "kind") !== "good") {
    const text = `The ledger was changed: entry ${numberIn(report, "seq")}: ${lineIn(report, "reason", 500)}`;
    return { json: report, text: shell.paint("red", text), exit: 1 };
  }
  const root = lineIn(objectIn(report, "head"), "root").slice(0, 16);
  const entries = count(numberIn(report, "entries"), "entry", "entries");
  const heads = typeof report["signedHeads"] === "number" ? report["signedHeads"] : 0;
  return {
    json: report,
    text: [
      `Good: ${entries}, ${count(heads, "signed head")}, root ${root}.`,
      "A cut after the last signed head cannot be seen.",
    ],
  };
}
