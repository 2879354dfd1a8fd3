// Plain-text layout that stays readable at 80 columns: tables, wrapped paragraphs, times.

import { stripVTControlCharacters } from "node:util";

const GAP = "  ";
const COLUMN_MIN = 8;
const LAST_MIN = 24;
/** Four bytes in UTF-8 or East Asian: two columns on most terminals. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{10000}-\u{10ffff}]/gu;

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

/** Rows as columns. The last one wraps and gives way first; of the others the widest is cut. */
export function table(rows: readonly (readonly string[])[], width: number): readonly string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, at) => Math.max(...rows.map((row) => widthOf(row[at] ?? ""))));
  const over = (): number => widths.reduce((sum, each) => sum + each, 0) + GAP.length * (columns - 1) - width;
  const last = columns - 1;
  if (over() > 0) widths[last] = Math.max(Math.min(LAST_MIN, widths[last] ?? 0), (widths[last] ?? 0) - over());
  for (let excess = over(); excess > 0; excess -= 1) {
    const widest = widths.indexOf(Math.max(...widths.slice(0, last)));
    if (widest === -1 || (widths[widest] ?? 0) <= COLUMN_MIN) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return rows.flatMap((row) => rowLines(row, widths));
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

/** Broken at spaces; a word longer than a line is broken where the line ends. Never empty. Linear in the text. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line: string | null = null;
  for (const word of text.split(" ")) {
    const size = widthOf(word);
    if (line !== null && widthOf(line) + 1 + size <= width) {
      line = `${line} ${word}`;
      continue;
    }
    if (line !== null) lines.push(line);
    line = word;
    if (size > width) line = breakWord(word, width, lines);
  }
  return [...lines, line ?? ""];
}

/** Pushes the full lines and answers the rest. */
function breakWord(word: string, width: number, lines: string[]): string {
  let [part, used] = ["", 0];
  for (const char of word) {
    const size = widthOf(char);
    if (used + size > width) {
      lines.push(part);
      [part, used] = ["", 0];
    }
    part += char;
    used += size;
  }
  return part;
}

export function indent(lines: readonly string[], by = 2): readonly string[] {
  return lines.map((line) => (line === "" ? line : " ".repeat(by) + line));
}

/** "1 server", "2 servers", "no servers". */
export function count(amount: number, one: string, many = `${one}s`): string {
  return amount === 0 ? `no ${many}` : `${grouped(amount)} ${amount === 1 ? one : many}`;
}

/** "131,072". */
export function grouped(amount: number): string {
  return amount.toLocaleString("en-US");
}

/** Parts on as few lines as they need, none of them broken before it is longer than a line. */
export function flow(
  parts: readonly string[],
  { between, width }: { between: string; width: number },
): readonly string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    const longer = last === undefined ? part : last + between + part;
    if (last !== undefined && widthOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(part);
  }
  return lines.flatMap((line) => wrap(line, width));
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
