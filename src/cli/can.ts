// freehold can [PRINCIPAL]: what each could do right now with arguments that are not the owner's.

import type { JsonObject } from "../kernel/index.ts";
import type { Given } from "./given.ts";
import { lineIn, objectsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { table } from "./table.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const control = await shell.control();
  const principal = given.args[0];
  const reply = await control.call("can", principal === undefined ? {} : { principal });
  const rows = objectsIn(reply, "rows");
  if (rows.length === 0)
    return { json: reply, text: "Nobody can do anything: no accepted cards, or no such principal." };
  const byPrincipal = Map.groupBy(rows, (row) => lineIn(row, "principal", 60));
  const text = [...byPrincipal].flatMap(([name, its]) => [shell.paint("bold", name), ...rowLines(shell, its), ""]);
  return {
    json: reply,
    text: [...text, "Assumed: an argument that is not yours, after reading what strangers wrote."],
  };
}

function rowLines(shell: Shell, rows: readonly JsonObject[]): readonly string[] {
  const cells = rows.map((row) => [
    lineIn(row, "decision", 10),
    lineIn(row, "tool", 60),
    `${lineIn(row, "because", 8)} ${lineIn(row, "reason", 200)}`,
  ]);
  return table(cells, shell.width);
}
