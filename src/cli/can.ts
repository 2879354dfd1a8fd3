// freehold can [PRINCIPAL]: who can touch what with arguments that are not the owner's, and every path by which private
// data, a stranger's text and a way out can meet in one session.

import type { JsonObject } from "../kernel/index.ts";
import { hasFlag, type Given } from "./given.ts";
import { lineIn, numberIn, objectIn, objectsIn, textIn, textsIn } from "./reply.ts";
import type { Outcome, Shell, Style } from "./shell.ts";
import { count, indent, table, wrap } from "./table.ts";

const PATHS_SHOWN_MAX = 20;
const ANSWERS = ["allow", "ask", "deny"] as const;
const STYLES: Readonly<Record<string, Style>> = { allow: "green", ask: "yellow", deny: "dim" };

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const control = await shell.control();
  const principal = given.args[0];
  const input = principal === undefined ? {} : { principal };
  const reply = await control.call("can", input);
  const rows = objectsIn(reply, "rows");
  if (rows.length === 0)
    return { json: reply, text: "Nobody can do anything: no accepted cards, or no such principal." };
  const meeting = await control.call("can.paths", input);
  const isAll = hasFlag(given, "all");
  const byPrincipal = Map.groupBy(rows, (row) => lineIn(row, "principal", 60));
  const text = [...byPrincipal].flatMap(([name, its]) => [
    `${shell.paint("bold", name)}: ${countsText(its)}`,
    ...(isAll ? rowLines(shell, its) : groupLines(shell, its)),
    "",
  ]);
  return {
    json: { ...reply, ...meeting },
    text: [
      ...text,
      ...wrap("Assumed: an argument that is not yours, after reading what strangers wrote.", shell.width),
      ...(isAll ? [] : ["Each tool with its reason: --all"]),
      "",
      ...pathLines(shell, meeting),
    ],
  };
}

function countsText(rows: readonly JsonObject[]): string {
  const counts = ANSWERS.map(
    (answer) => `${rows.filter((row) => textIn(row, "decision") === answer).length} ${answer}`,
  );
  return `${count(rows.length, "tool")}, ${counts.join(", ")}`;
}

/** By compartment, then by what the door would answer and why. */
function groupLines(shell: Shell, rows: readonly JsonObject[]): readonly string[] {
  const byCompartment = Map.groupBy(rows, (row) => lineIn(row, "compartment", 40));
  return [...byCompartment].flatMap(([compartment, its]) => [
    `  ${compartment || "no compartment"}: ${countsText(its)}`,
    ...ANSWERS.flatMap((answer) => answerLines(shell, answer, its)),
  ]);
}

function answerLines(shell: Shell, answer: string, rows: readonly JsonObject[]): readonly string[] {
  const its = rows.filter((row) => textIn(row, "decision") === answer);
  const groups = Map.groupBy(its, (row) => `${lineIn(row, "because", 8)} ${briefly(lineIn(row, "reason", 200))}`);
  return [...groups].flatMap(([why, same]) => [
    `    ${shell.paint(STYLES[answer] ?? "dim", answer)} ${same.length}: ${why}`,
    ...indent(wrap(same.map((row) => lineIn(row, "tool", 60)).join(", "), shell.width - 6), 6),
  ]);
}

/** Without the arguments, which differ from tool to tool; what a rule says stays. */
function briefly(reason: string): string {
  return reason.startsWith("your rule") ? reason : reason.replace(/: .*$/, "");
}

function rowLines(shell: Shell, rows: readonly JsonObject[]): readonly string[] {
  const cells = rows.map((row) => [
    lineIn(row, "decision", 10),
    lineIn(row, "tool", 60),
    `${lineIn(row, "because", 8)} ${lineIn(row, "reason", 200)}`,
  ]);
  return indent(table(cells, shell.width - 2));
}

function pathLines(shell: Shell, reply: JsonObject): readonly string[] {
  const paths = objectsIn(reply, "paths");
  const counts = objectIn(reply, "counts");
  const [open, asks, closed] = ANSWERS.map((answer) => numberIn(counts, answer));
  const total = (open ?? 0) + (asks ?? 0) + (closed ?? 0);
  if (total === 0) {
    return wrap(
      "Private data, strangers' text and a way out never meet in one session: nothing can leave.",
      shell.width,
    );
  }
  const head = `Private data, strangers' text and a way out can meet on ${count(total, "path")}:`;
  const alarm = `${open} that nothing stops`;
  const shown = paths.slice(0, PATHS_SHOWN_MAX);
  return [
    ...wrap(head, shell.width).map((line) => shell.paint("bold", line)),
    `  ${(open ?? 0) > 0 ? shell.paint("red", alarm) : alarm}, ${asks} that ask you, ${closed} denied`,
    ...shown.flatMap((path) => pathText(shell, path)),
    ...(total > shown.length ? [`  … and ${total - shown.length} more${total > paths.length ? "" : ": --json"}`] : []),
    "",
    ...wrap("Assumed: you ask for both reads; what then leaves is as the stranger wants it.", shell.width),
  ];
}

function pathText(shell: Shell, path: JsonObject): readonly string[] {
  const [source, stranger, out] = ["private", "untrusted", "out"].map((step) => objectIn(path, step));
  if (source === undefined || stranger === undefined || out === undefined) return [];
  const decision = textIn(path, "decision");
  const isOpen = decision === "allow";
  const from = textsIn(source, "compartments").join(", ") + (source["secret"] === true ? ", secret" : "");
  const sentence =
    `${lineIn(path, "principal", 60)} reads ${toolText(source)} (${from}) and ${toolText(stranger)}, ` +
    `then ${toolText(out)} (${lineIn(out, "way", 20)})`;
  const strict = [source, stranger, out].find((step) => textIn(step, "decision") === decision) ?? out;
  const why = `${lineIn(strict, "because", 8)} ${lineIn(strict, "reason", 200)}`;
  const end = isOpen
    ? `nothing stops it: ${lineIn(out, "because", 8)} ${lineIn(out, "reason", 200)}`
    : `${decision === "ask" ? "asks you" : "denied"} at ${lineIn(strict, "tool", 60)}: ${why}`;
  const label = isOpen ? "ALLOW" : decision.padEnd(5);
  const [first = "", ...rest] = [...wrap(sentence, shell.width - 9), ...wrap(end, shell.width - 9)];
  return [`  ${shell.paint(isOpen ? "red" : (STYLES[decision] ?? "dim"), label)}  ${first}`, ...indent(rest, 9)];
}

function toolText(step: JsonObject): string {
  const alike = numberIn(step, "alike");
  return lineIn(step, "tool", 60) + (alike === 0 ? "" : ` +${alike}`);
}
