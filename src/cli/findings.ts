// What the scanner found, on a terminal: facts in red, opinions in yellow, and a yes to each fact before going on.

import type { JsonObject } from "../kernel/index.ts";
import { lineIn, numberIn, objectsIn, textIn } from "./reply.ts";
import type { Shell } from "./shell.ts";
import { count, indent, wrap } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** A daemon of before the scanner sends none. */
export function findingsIn(reply: JsonObject): readonly JsonObject[] {
  return reply["findings"] === undefined ? [] : objectsIn(reply, "findings");
}

export function isFactFinding(finding: JsonObject): boolean {
  return textIn(finding, "kind") === "fact";
}

function sentence(finding: JsonObject): string {
  const server = lineIn(finding, "server", 60);
  const whose = server === "" ? "" : `${server}, `;
  const place = `${whose}${lineIn(finding, "where", 160)}, line ${numberIn(finding, "line")}`;
  return `${place}: ${lineIn(finding, "says", 300)}: "${lineIn(finding, "quote", 160)}"`;
}

export function findingLine(shell: Shell, finding: JsonObject): string {
  const isFact = isFactFinding(finding);
  return shell.paint(isFact ? "red" : "yellow", `${isFact ? "!" : "?"} ${sentence(finding)}`);
}

export function findingsText(shell: Shell, findings: readonly JsonObject[]): readonly string[] {
  if (findings.length === 0) return [];
  const facts = findings.filter(isFactFinding).length;
  const opinions = findings.length - facts;
  return [
    "",
    shell.paint("bold", `The scanner: ${count(facts, "fact")} to read, ${count(opinions, "opinion")}`),
    ...findings.flatMap((finding) => {
      const [first = "", ...rest] = wrap(sentence(finding), shell.width - 4);
      const isFact = isFactFinding(finding);
      return [shell.paint(isFact ? "red" : "yellow", `${isFact ? "!" : "?"} ${first}`), ...indent(rest, 4)];
    }),
    ...(opinions === 0 ? [] : ["An opinion is advice: what a server may do is decided at the door."]),
  ];
}

/** The ids of the facts, each confirmed by name; null as soon as the owner says no to one. */
export async function readFacts(
  shell: Shell,
  terminal: Terminal,
  findings: readonly JsonObject[],
): Promise<readonly string[] | null> {
  const facts = findings.filter(isFactFinding);
  for (const [at, fact] of facts.entries()) {
    terminal.write(`${wrap(sentence(fact), shell.width).join("\n")}\n`);
    if (!(await terminal.confirm(`Have you read this fact (${at + 1} of ${facts.length}), and go on?`))) return null;
  }
  return facts.map((fact) => textIn(fact, "id"));
}
