// freehold generations: every installed state that can be gone back to, and which one holds.

import type { JsonObject } from "../kernel/index.ts";
import { flagIn, lineIn, maybeNumberIn, numberIn, objectsIn, safeLine, textsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { clockTime, count, table } from "./table.ts";

export async function run(shell: Shell): Promise<Outcome> {
  const control = await shell.control();
  const reply = await control.call("generations", {});
  const rows = objectsIn(reply, "generations").toReversed().map(rowOf);
  const barred = objectsIn(reply, "barred").map((item) => {
    const why = `${lineIn(item, "source", 100)}, ${lineIn(item, "reason", 200)}`;
    return `barred: ${why}; freehold unbar ${lineIn(item, "name", 60)}`;
  });
  const damaged = textsIn(reply, "damaged").map((text) => shell.paint("red", safeLine(text)));
  const text = [
    ...table([["", "from", "made", "freehold", "servers", "what"], ...rows], shell.width),
    ...barred,
    ...damaged,
  ];
  return { json: reply, text, exit: damaged.length > 0 ? 1 : 0 };
}

function rowOf(item: JsonObject): readonly string[] {
  const parent = maybeNumberIn(item, "parent");
  return [
    `${flagIn(item, "holds") ? "*" : " "}${numberIn(item, "number")}`,
    parent === null ? "-" : String(parent),
    clockTime(numberIn(item, "madeAtMs")),
    lineIn(item, "freehold", 30),
    count(numberIn(item, "servers"), "server"),
    lineIn(item, "why", 200),
  ];
}
