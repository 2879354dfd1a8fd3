// A proposed change as the owner sees it, and the way from there to an applied one: shown, confirmed, proven, applied.

import { revealJson, type JsonObject } from "../kernel/index.ts";
import { findingsIn, findingsText, readFacts } from "./findings.ts";
import { callAsOwner } from "./owner.ts";
import { lineIn, maybeTextIn, objectsIn, textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { count, table } from "./table.ts";

/** Of a lock, which programs write and read, and of a whole new or removed file, which the changes name, this much. */
const LINES_MAX = 6;

export interface ProposalView {
  readonly digest: string | null;
  readonly changes: readonly JsonObject[];
  readonly diff: string;
  /** Of the scanner, about servers that are new or changed. */
  readonly findings: readonly JsonObject[];
}

export function proposalIn(reply: JsonObject): ProposalView {
  return {
    digest: maybeTextIn(reply, "digest"),
    changes: objectsIn(reply, "changes"),
    diff: maybeTextIn(reply, "diff") ?? "",
    findings: findingsIn(reply),
  };
}

export interface ProposalOptions {
  /** Every line of the diff. */
  readonly isFull?: boolean;
  /** Files whose changes stood on the screen already. */
  readonly seen?: readonly string[];
}

export function proposalText(shell: Shell, view: ProposalView, options: ProposalOptions = {}): readonly string[] {
  const { isFull = false, seen = [] } = options;
  const wider = view.changes.filter((change) => change["wider"] === true).length;
  const isAllWider = wider === view.changes.length;
  const unseen = view.changes.filter((change) => !seen.includes(textIn(change, "file")));
  const rows = unseen.map((change) => [
    { added: "+", removed: "-", changed: "~" }[textIn(change, "kind")] ?? "~",
    lineIn(change, "file", 80),
    lineIn(change, "what", 400) + (change["wider"] === true && !isAllWider ? " (wider)" : ""),
  ]);
  const rest = view.changes.length - unseen.length;
  const marked = `${wider} that ${wider === 1 ? "allows" : "allow"} more than before (wider)`;
  const allows = isAllWider ? "each allows more than before" : marked;
  const summary = `${count(view.changes.length, "change")}${wider === 0 ? "" : `, ${allows}`}`;
  return [
    shell.paint("bold", `${summary}:`),
    ...table(rows, shell.width),
    ...(rest === 0 ? [] : [`and ${count(rest, "change")} in ${seen.join(", ")}, as above`]),
    "",
    ...view.diff.split(/^(?=--- )/m).flatMap((file) => fileLines(shell, file, isFull)),
    ...findingsText(shell, view.findings),
  ];
}

function fileLines(shell: Shell, diff: string, isFull: boolean): readonly string[] {
  const lines = diff.replace(/\n$/, "").split("\n");
  const name = /^(?:\+\+\+ b|--- a)\/(.*)$/m.exec(diff)?.[1] ?? "";
  const isShort =
    !isFull && (name === "stack.lock" || /^(?:---|\+\+\+) \/dev\/null$/m.test(diff)) && lines.length > LINES_MAX + 3;
  const shown = (isShort ? lines.slice(0, LINES_MAX) : lines).map((line) => paintDiff(shell, revealJson(line)));
  if (!isShort) return shown;
  return [
    ...shown,
    shell.paint("dim", `… ${lines.length - LINES_MAX} more lines of ${revealJson(name)}: freehold plan --full`),
  ];
}

function paintDiff(shell: Shell, line: string): string {
  if (line.startsWith("+++") || line.startsWith("---")) return shell.paint("bold", line);
  if (line.startsWith("@@")) return shell.paint("cyan", line);
  if (line.startsWith("+")) return shell.paint("green", line);
  return line.startsWith("-") ? shell.paint("red", line) : line;
}

export interface ApplyRequest {
  readonly view: ProposalView;
  readonly question: string;
  /** Stays true when the owner says no. */
  readonly otherwise: string;
  readonly options?: ProposalOptions;
}

export interface Applied extends Outcome {
  readonly json: JsonObject;
}

/** Shows the proposal on the terminal and applies exactly its digest after a yes. */
export async function offerToApply(shell: Shell, request: ApplyRequest): Promise<Applied> {
  const { view, question, otherwise, options = {} } = request;
  if (view.digest === null) return { json: { applied: false, changes: [] }, text: "Nothing to apply." };
  const terminal = await shell.needTerminal("changes are applied");
  terminal.write(`${proposalText(shell, view, options).join("\n")}\n`);
  const read = await readFacts(shell, terminal, view.findings);
  if (read === null || !(await terminal.confirm(question))) {
    const changes = view.changes.map((change) => ({ ...change }));
    return { json: { applied: false, digest: view.digest, changes }, text: otherwise, exit: 2 };
  }
  const input: JsonObject = { digest: view.digest, ...(read.length === 0 ? {} : { read }) };
  const reply = await callAsOwner(shell, { op: "apply", input });
  return {
    json: { applied: true, ...reply },
    text: `Applied. Policy ${lineIn(reply, "digest").slice(0, 12)} holds now.`,
  };
}
