// A unified diff of texts, as `git diff` would print it, within fixed bounds of work.

import type { PolicyFiles } from "./policy.ts";

const CONTEXT = 3;
/** Cells of the table of common lines; beyond, the changed middle is shown as removed and added whole. */
const CELLS_MAX = 4_000_000;

interface Line {
  readonly mark: " " | "-" | "+";
  readonly text: string;
}

/** All files that differ, by path. Empty when nothing does. */
export function textDiff(before: PolicyFiles | null, after: PolicyFiles): string {
  const old = before ?? {};
  const paths = [...new Set([...Object.keys(old), ...Object.keys(after)])].toSorted();
  return paths.map((path) => unified({ path, before: old[path] ?? null, after: after[path] ?? null })).join("");
}

/** Null stands for a file that is not there. */
export function unified(change: { path: string; before: string | null; after: string | null }): string {
  const { path, before, after } = change;
  if (before === after) return "";
  const from = before === null ? "/dev/null" : `a/${path}`;
  const to = after === null ? "/dev/null" : `b/${path}`;
  const head = `--- ${from}\n+++ ${to}\n`;
  return head + hunks(compare(linesOf(before ?? ""), linesOf(after ?? "")));
}

function linesOf(text: string): readonly string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  else lines.push(`${lines.pop() ?? ""}\n\\ No newline at end of file`);
  return lines;
}

function compare(a: readonly string[], b: readonly string[]): readonly Line[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const same = (text: string): Line => ({ mark: " ", text });
  return [
    ...a.slice(0, start).map(same),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...a.slice(a.length - end).map(same),
  ];
}

/** Longest common subsequence by table, read from the front. */
function middle(a: readonly string[], b: readonly string[]): readonly Line[] {
  const removed = a.map((text): Line => ({ mark: "-", text }));
  const added = b.map((text): Line => ({ mark: "+", text }));
  const width = b.length + 1;
  if (a.length * b.length === 0 || (a.length + 1) * width > CELLS_MAX) return [...removed, ...added];
  const common = new Uint32Array((a.length + 1) * width);
  const at = (row: number, column: number): number => common[row * width + column] ?? 0;
  for (let row = a.length - 1; row >= 0; row -= 1) {
    for (let column = b.length - 1; column >= 0; column -= 1) {
      common[row * width + column] =
        a[row] === b[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const lines: Line[] = [];
  let [row, column] = [0, 0];
  while (row < a.length || column < b.length) {
    if (row < a.length && column < b.length && a[row] === b[column]) {
      lines.push({ mark: " ", text: a[row] ?? "" });
      [row, column] = [row + 1, column + 1];
    } else if (column >= b.length || (row < a.length && at(row + 1, column) >= at(row, column + 1))) {
      lines.push({ mark: "-", text: a[row] ?? "" });
      row += 1;
    } else {
      lines.push({ mark: "+", text: b[column] ?? "" });
      column += 1;
    }
  }
  return lines;
}

function hunks(lines: readonly Line[]): string {
  let text = "";
  let [oldLine, newLine] = [1, 1];
  let index = 0;
  while (index < lines.length) {
    const next = lines.findIndex((line, at) => at >= index && line.mark !== " ");
    if (next === -1) break;
    const start = Math.max(index, next - CONTEXT);
    [oldLine, newLine] = [oldLine + (start - index), newLine + (start - index)];
    const end = endOfHunk(lines, next);
    const part = lines.slice(start, end);
    const oldCount = part.filter((line) => line.mark !== "+").length;
    const newCount = part.filter((line) => line.mark !== "-").length;
    // An empty side names the line before it.
    const [oldStart, newStart] = [oldLine - Number(oldCount === 0), newLine - Number(newCount === 0)];
    text += `@@ -${oldStart},${oldCount} +${newStart},${newCount} @@\n`;
    text += part.map((line) => `${line.mark}${line.text}\n`).join("");
    [oldLine, newLine, index] = [oldLine + oldCount, newLine + newCount, end];
  }
  return text;
}

/** Changes with at most twice the context between them share a hunk. */
function endOfHunk(lines: readonly Line[], firstChange: number): number {
  let last = firstChange;
  for (let at = firstChange; at < lines.length && at - last <= 2 * CONTEXT; at += 1) {
    if (lines[at]?.mark !== " ") last = at;
  }
  return Math.min(lines.length, last + 1 + CONTEXT);
}
