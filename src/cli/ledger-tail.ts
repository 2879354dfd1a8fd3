// freehold ledger tail: the last entries, one a line; with -f the next ones as they come (with --json one object each).

import { revealJson, type JsonObject } from "../kernel/index.ts";
import { hasFlag, numberFrom, textOption, type Given } from "./given.ts";
import { lineIn, maybeTextIn, numberIn, objectIn, objectsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { clockTime, table } from "./table.ts";

const LINES_DEFAULT = "20";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const limit = numberFrom(textOption(given, "lines") ?? LINES_DEFAULT, { what: "--lines", min: 1, max: 1_000 });
  const control = await shell.control();
  if (hasFlag(given, "follow")) return follow(shell, limit);
  const reply = await control.call("ledger.tail", { limit });
  const entries = objectsIn(reply, "entries");
  return { json: reply, text: entries.length === 0 ? "The ledger is empty." : entryLines(shell, entries) };
}

/** Ends with the daemon, or at the keyboard. */
async function follow(shell: Shell, limit: number): Promise<Outcome> {
  const control = await shell.control();
  let last = 0;
  const print = (entry: JsonObject): void => {
    if (numberIn(entry, "seq") <= last) return;
    last = numberIn(entry, "seq");
    const line = shell.json ? revealJson(JSON.stringify(entry)) : entryLines(shell, [entry]).join("\n");
    process.stdout.write(`${line}\n`);
  };
  // Followed first and read after, so that nothing falls between; what came twice is printed once.
  let early: JsonObject[] | null = [];
  const ended = control.call("ledger.follow", {}, (event) => {
    const entry = objectIn(event, "entry");
    if (early === null) print(entry);
    else early.push(entry);
  });
  const tail = objectsIn(await control.call("ledger.tail", { limit }), "entries");
  for (const entry of [...tail, ...early]) print(entry);
  early = null;
  await ended;
  return { json: null, text: "" };
}

export function entryLines(shell: Shell, entries: readonly JsonObject[]): readonly string[] {
  const rows = entries.map((entry) => [
    String(numberIn(entry, "seq")),
    clockTime(numberIn(entry, "atMs")),
    lineIn(entry, "kind", 20),
    lineIn(entry, "principal", 40) || "freehold",
    whatOf(entry),
  ]);
  return table(foldRuns(rows), shell.width);
}

/** An install makes thirty connections to one host: one line says so. Number and time are those of the first. */
function foldRuns(rows: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const runs: { readonly row: readonly string[]; readonly key: string; count: number }[] = [];
  for (const row of rows) {
    const key = row.slice(2).join("\n");
    const last = runs.at(-1);
    if (last?.key === key) last.count += 1;
    else runs.push({ row, key, count: 1 });
  }
  return runs.map(({ row, count }) => (count === 1 ? row : [...row.slice(0, -1), `${row.at(-1) ?? ""} ×${count}`]));
}

/** The subject, then what an entry of its kind is about: decision, clause, reply, question. */
function whatOf(entry: JsonObject): string {
  const facts = objectIn(entry, "facts");
  const extra = ["decision", "because", "reply", "question", "answer", "reason"]
    .map((name) => (typeof facts[name] === "string" ? lineIn(facts, name, 120) : ""))
    .filter((text) => text !== "");
  const request = maybeTextIn(entry, "request") === null ? "" : ` [${lineIn(entry, "request", 40)}]`;
  return `${lineIn(entry, "subject", 120)}${extra.length === 0 ? "" : `: ${extra.join(", ")}`}${request}`;
}
