// freehold can [PRINCIPAL]: who can touch what with arguments that are not the owner's, and every path by which private
// data, a stranger's text and a way out can meet in one session.

import type { JsonObject } from "../kernel/index.ts";
import { hasFlag, type Given } from "./given.ts";
import { lineIn, numberIn, objectIn, objectsIn, textIn, textsIn } from "./reply.ts";
import type { Outcome, Shell, Style } from "./shell.ts";
import { count, indent, table, wrap } from "./table.ts";

const PATHS_SHOWN_MAX = 20;
const ADVICE =
  "What nothing stops goes to a server that you let onto the network, with your data in the same compartment, or " +
  "where a rule of yours allows it. Put that server into a compartment of its own, and you are asked.";
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
  const text = [...alike(rows)].flatMap(([names, its]) => [
    ...wrap(`${names}: ${countsText(its)}`, shell.width).map((line) => shell.paint("bold", line)),
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

/** Principals of whom the very same holds stand together. */
function alike(rows: readonly JsonObject[]): ReadonlyMap<string, readonly JsonObject[]> {
  const byPrincipal = Map.groupBy(rows, (row) => lineIn(row, "principal", 60));
  const same = Map.groupBy(byPrincipal, ([, its]) =>
    JSON.stringify(its.map((row) => [row["tool"], row["decision"], row["because"], row["reason"]])),
  );
  return new Map([...same.values()].map((group) => [group.map(([name]) => name).join(", "), group[0]?.[1] ?? []]));
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
    ...indent(wrap(toolsText(same), shell.width - 6), 6),
  ]);
}

/** `files: read_file, list_directory; mail: search`. */
function toolsText(rows: readonly JsonObject[]): string {
  const byServer = Map.groupBy(
    rows.map((row) => lineIn(row, "tool", 200)),
    (tool) => tool.slice(0, tool.indexOf(".")),
  );
  return [...byServer]
    .map(([server, tools]) => `${server}: ${tools.map((tool) => tool.slice(server.length + 1)).join(", ")}`)
    .join("; ");
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
  const groups = [...Map.groupBy(paths, bundleOf).values()];
  const shown = groups.slice(0, PATHS_SHOWN_MAX);
  const rest = total - shown.flat().length;
  return [
    ...wrap(head, shell.width).map((line) => shell.paint("bold", line)),
    `  ${(open ?? 0) > 0 ? shell.paint("red", alarm) : alarm}, ${asks} that ask you, ${closed} denied`,
    ...shown.flatMap((group) => pathText(shell, group)),
    ...(rest > 0 ? [`  … and ${count(rest, "path")} more${total > paths.length ? "" : ": --json"}`] : []),
    ...((open ?? 0) === 0 ? [] : ["", ...wrap(ADVICE, shell.width)]),
    "",
    ...wrap("Assumed: you ask for both reads; what then leaves is as the stranger wants it.", shell.width),
  ];
}

/** Paths that differ only in who takes them, or in whose text it is, are shown as one. */
function bundleOf(path: JsonObject): string {
  const [source, out] = [objectIn(path, "private"), objectIn(path, "out")];
  return JSON.stringify([path["decision"], source["tool"], out["tool"], out["way"], out["because"], out["reason"]]);
}

function pathText(shell: Shell, group: readonly JsonObject[]): readonly string[] {
  const [path] = group;
  if (path === undefined) return [];
  const [source, out] = [objectIn(path, "private"), objectIn(path, "out")];
  const each = (text: (one: JsonObject) => string): readonly string[] => [...new Set(group.map((one) => text(one)))];
  const who = each((one) => lineIn(one, "principal", 60)).join(", ");
  const strangers = each((one) => toolText(objectIn(one, "untrusted")));
  const decision = textIn(path, "decision");
  const isOpen = decision === "allow";
  const from = textsIn(source, "compartments").join(", ") + (source["secret"] === true ? ", secret" : "");
  const sentence =
    `${toolText(source)} (${from}), text from ${strangers.join(" or ")}, ` +
    `out by ${toolText(out)} (${lineIn(out, "way", 20)}): ${who}`;
  const strict =
    [out, source, objectIn(path, "untrusted")].find((step) => textIn(step, "decision") === decision) ?? out;
  const why = `${lineIn(strict, "because", 8)} ${lineIn(strict, "reason", 200)}`;
  const stopped = `${decision === "ask" ? "asks you" : "denied"} at ${lineIn(strict, "tool", 60)}: ${why}`;
  const end = isOpen ? `nothing stops it: ${why}` : stopped;
  const label = isOpen ? "ALLOW" : decision.padEnd(5);
  const [first = "", ...rest] = [...wrap(sentence, shell.width - 9), ...wrap(end, shell.width - 9)];
  return [`  ${shell.paint(isOpen ? "red" : (STYLES[decision] ?? "dim"), label)}  ${first}`, ...indent(rest, 9)];
}

function toolText(step: JsonObject): string {
  const alike = numberIn(step, "alike");
  return lineIn(step, "tool", 60) + (alike === 0 ? "" : ` +${alike}`);
}
