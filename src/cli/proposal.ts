// A proposed change as the owner sees it, and the way from there to an applied one: shown, confirmed, proven, applied.

import { revealJson, type JsonObject } from "../kernel/index.ts";
import { callAsOwner } from "./owner.ts";
import { lineIn, maybeTextIn, objectsIn, textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { count, table } from "./table.ts";

/** The lock is made by programs and read by programs; its changes stand in the list above it. */
const LOCK_LINES_MAX = 12;

export interface ProposalView {
  readonly digest: string | null;
  readonly changes: readonly JsonObject[];
  readonly diff: string;
}

export function proposalIn(reply: JsonObject): ProposalView {
  return {
    digest: maybeTextIn(reply, "digest"),
    changes: objectsIn(reply, "changes"),
    diff: maybeTextIn(reply, "diff") ?? "",
  };
}

export function proposalText(shell: Shell, view: ProposalView, isFull = false): readonly string[] {
  const wider = view.changes.filter((change) => change["wider"] === true).length;
  const rows = view.changes.map((change) => [
    { added: "+", removed: "-", changed: "~" }[textIn(change, "kind")] ?? "~",
    lineIn(change, "file", 80),
    lineIn(change, "what", 400) + (change["wider"] === true ? " (wider)" : ""),
  ]);
  const summary = `${count(view.changes.length, "change")}${wider === 0 ? "" : `, ${wider} that allow more than before (wider)`}`;
  return [shell.paint("bold", `${summary}:`), ...table(rows, shell.width), "", ...diffLines(shell, view.diff, isFull)];
}

function diffLines(shell: Shell, diff: string, isFull: boolean): readonly string[] {
  const lines: string[] = [];
  let inLock = 0;
  let isLock = false;
  for (const line of diff.split("\n")) {
    if (line.startsWith("--- ")) [isLock, inLock] = [line.endsWith("/stack.lock") || diffOpensLock(diff, line), 0];
    inLock += 1;
    if (!isFull && isLock && inLock > LOCK_LINES_MAX) {
      if (inLock === LOCK_LINES_MAX + 1) lines.push(shell.paint("dim", "  … more of stack.lock: freehold plan --full"));
      continue;
    }
    lines.push(paintDiff(shell, revealJson(line)));
  }
  return lines;
}

/** A new lock's first line is `--- /dev/null`; its name stands in the next. */
function diffOpensLock(diff: string, line: string): boolean {
  return line === "--- /dev/null" && diff.includes("--- /dev/null\n+++ b/stack.lock");
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
  readonly isFull?: boolean;
}

/** Shows the proposal on the terminal and applies exactly its digest after a yes. */
export async function offerToApply(shell: Shell, request: ApplyRequest): Promise<Outcome> {
  const { view, question, otherwise, isFull = false } = request;
  if (view.digest === null) return { json: { applied: false, changes: [] }, text: "Nothing to apply." };
  const terminal = await shell.needTerminal("changes are applied");
  terminal.write(`${proposalText(shell, view, isFull).join("\n")}\n`);
  if (!(await terminal.confirm(question))) {
    const changes = view.changes.map((change) => ({ ...change }));
    return { json: { applied: false, digest: view.digest, changes }, text: otherwise, exit: 2 };
  }
  const reply = await callAsOwner(shell, { op: "apply", input: { digest: view.digest } });
  return {
    json: { applied: true, ...reply },
    text: `Applied. Policy ${lineIn(reply, "digest").slice(0, 12)} holds now.`,
  };
}
