// Plain-text layout that stays readable at 80 columns: tables, wrapped paragraphs, times.

import { stripVTControlCharacters } from "node:util";

const GAP = "  ";
const COLUMN_MIN = 8;
/** Four bytes in UTF-8 or East Asian: two columns on most terminals. */
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{10000}-\u{10ffff}]/gu;

export function widthOf(text: string): number {
  const plain = stripVTControlCharacters(text);
  return Array.from(plain).length + (plain.match(WIDE)?.length ?? 0);
}

/** Cut with an ellipsis to `width` columns; painted text is not cut well, so paint afterwards. */
export function fit(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = "";
  for (const char of text) {
    if (widthOf(kept + char) > width - 1) break;
    kept += char;
  }
  return `${kept}…`;
}

/** Rows as columns; the widest columns give way until the whole fits, and the last one wraps instead of being cut. */
export function table(rows: readonly (readonly string[])[], width: number): readonly string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, at) => Math.max(...rows.map((row) => widthOf(row[at] ?? ""))));
  const total = (): number => widths.reduce((sum, each) => sum + each, 0) + GAP.length * (columns - 1);
  while (total() > width) {
    const widest = widths.indexOf(Math.max(...widths));
    const over = total() - width;
    const next = Math.max(COLUMN_MIN, secondWidest(widths), (widths[widest] ?? 0) - over);
    if (next >= (widths[widest] ?? 0)) break;
    widths[widest] = next;
  }
  return rows.flatMap((row) => rowLines(row, widths));
}

function secondWidest(widths: readonly number[]): number {
  const sorted = widths.toSorted((a, b) => b - a);
  const below = sorted.find((each) => each < (sorted[0] ?? 0));
  // Of equals the first shrinks by one column a round, so that both give way.
  return sorted[0] === sorted[1] ? (sorted[0] ?? 1) - 1 : (below ?? 0);
}

function rowLines(row: readonly string[], widths: readonly number[]): readonly string[] {
  const last = widths.length - 1;
  const tail = wrap(row[last] ?? "", Math.max(COLUMN_MIN, widths[last] ?? COLUMN_MIN));
  const head = widths.slice(0, last).map((width, at) => pad(fit(row[at] ?? "", width), width));
  const indent = " ".repeat(head.reduce((sum, cell) => sum + widthOf(cell) + GAP.length, 0));
  return tail.map((text, at) => (at === 0 ? [...head, text].join(GAP) : indent + text).trimEnd());
}

function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

/** Broken at spaces; a word longer than a line is broken where the line ends. Never empty. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    let rest = word;
    if (line !== "" && widthOf(line) + 1 + widthOf(rest) > width) {
      lines.push(line);
      line = "";
    }
    while (widthOf(rest) > width) {
      const part = Array.from(rest).slice(0, Math.max(1, line === "" ? width : width - widthOf(line) - 1)).join("");
      lines.push(line === "" ? part : `${line} ${part}`);
      [line, rest] = ["", rest.slice(part.length)];
    }
    line = line === "" ? rest : `${line} ${rest}`;
  }
  return line === "" && lines.length > 0 ? lines : [...lines, line];
}

export function indent(lines: readonly string[], by = 2): readonly string[] {
  return lines.map((line) => (line === "" ? line : " ".repeat(by) + line));
}

/** "1 server", "2 servers", "no servers". */
export function count(amount: number, one: string, many = `${one}s`): string {
  return amount === 0 ? `no ${many}` : `${amount} ${amount === 1 ? one : many}`;
}

/** Local time; the date too when it is not today's. */
export function clockTime(atMs: number, nowMs = Date.now()): string {
  const [at, now] = [new Date(atMs), new Date(nowMs)];
  const two = (value: number): string => String(value).padStart(2, "0");
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (at.toDateString() === now.toDateString()) return time;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

/** "in 4 min", "3 h ago". */
export function distance(atMs: number, nowMs = Date.now()): string {
  const seconds = Math.round(Math.abs(atMs - nowMs) / 1_000);
  const text = spanOf(seconds);
  return atMs >= nowMs ? `in ${text}` : `${text} ago`;
}

export function spanOf(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
