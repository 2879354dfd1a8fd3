// freehold lock --check: the lock against the owner's files, against what runs, and against what is published today.

import type { JsonObject } from "../kernel/index.ts";
import { hasFlag, type Given } from "./given.ts";
import { lineIn, numberIn, objectsIn, textIn } from "./reply.ts";
import type { Outcome, Shell, Style } from "./shell.ts";
import { count, table } from "./table.ts";

const TITLES: Readonly<Record<string, string>> = {
  repo: "your files against stack.lock",
  running: "what is installed and runs against stack.lock",
  upstream: "what is published today against stack.lock",
};
const STYLES: Readonly<Record<string, Style>> = { same: "green", drift: "red", unknown: "yellow" };

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const control = await shell.control();
  const reply = await control.call("lock.check", { offline: hasFlag(given, "offline") });
  const rows = objectsIn(reply, "rows");
  const drifts = numberIn(reply, "drifts");
  if (rows.length === 0) return { json: reply, text: "No server is locked yet." };
  const text = Object.entries(TITLES).flatMap(([direction, title]) => {
    const its = rows.filter((row) => textIn(row, "direction") === direction);
    return [
      shell.paint("bold", title),
      ...table(
        its.map((row) => rowOf(shell, row)),
        shell.width,
      ),
    ];
  });
  const end = drifts === 0 ? "Nothing has drifted." : `${count(drifts, "drift")}.`;
  return { json: reply, text: [...text, end], exit: drifts === 0 ? 0 : 2 };
}

function rowOf(shell: Shell, row: JsonObject): readonly string[] {
  const kind = textIn(row, "kind");
  return [
    `  ${shell.paint(STYLES[kind] ?? "yellow", kind)}`,
    lineIn(row, "server", 60) || "(files)",
    lineIn(row, "what", 400),
  ];
}
