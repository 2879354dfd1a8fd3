// Plain notes, one Markdown file for each compartment, which the owner may edit: `- 2026-11-22 text`, further lines of
// a note indented. Compartments never meet here: each has its own folder, and a search reads one file alone.

import { closeSync, constants, fsyncSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { codeOf, ensureDir } from "../home/index.ts";
import { Fault } from "../kernel/index.ts";

export interface Note {
  /** `2026-11-22` */
  readonly date: string;
  readonly text: string;
}

export interface Notes {
  /** On disk when it returns. Faults: `memory.too-long`, `memory.full`, and those of the disk. */
  append(text: string): Note;
  /** The best first, at most `NOTES_FOUND_MAX`; the newest where the query has no word. */
  recall(query: string): readonly Note[];
  count(): number;
}

export interface NotesParts {
  /** `memory/<compartment>` in the stack home. */
  readonly dir: string;
  readonly nowMs: () => number;
}

export const NOTES_FOUND_MAX = 8;
export const NOTE_CHARS_MAX = 4_000;
const FILE = "notes.md";
const FILE_BYTES_MAX = 4 * 1024 * 1024;
const QUERY_WORDS_MAX = 20;
/** Whatever some program may take for the end of a line. */
const LINE_END = /\r\n|[\n\v\f\r\x85\u2028\u2029]/g;
const NOTE_START = /^- (\d{4}-\d{2}-\d{2}) (.*)$/s;

export function openNotes({ dir, nowMs }: NotesParts): Notes {
  const file = join(dir, FILE);
  return {
    append(text) {
      const plain = text.toWellFormed().trim();
      if (plain === "" || plain.length > NOTE_CHARS_MAX) {
        throw new Fault("memory.too-long", { message: `a note has 1 to ${NOTE_CHARS_MAX} characters.` });
      }
      const note = { date: new Date(nowMs()).toISOString().slice(0, 10), text: plain };
      ensureDir(dir, 0o700);
      append(file, `- ${note.date} ${plain.replaceAll(LINE_END, "\n  ")}\n`);
      return note;
    },
    recall: (query) => best(read(file), query),
    count: () => read(file).length,
  };
}

function append(file: string, line: string): void {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  const handle = openSync(file, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600);
  try {
    const { size } = statSync(file);
    if (size + Buffer.byteLength(line) > FILE_BYTES_MAX) {
      const next = "move old notes into a file of another name";
      throw new Fault("memory.full", { at: file, message: `the notes are over ${FILE_BYTES_MAX} bytes.`, next });
    }
    // The owner's own edit may have left the last line open.
    writeSync(handle, size > 0 && !endsLine(file) ? `\n${line}` : line);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function endsLine(file: string): boolean {
  return readFileSync(file, "utf8").endsWith("\n");
}

function read(file: string): readonly Note[] {
  const notes: { date: string; text: string }[] = [];
  for (const line of textOf(file).split(/\r?\n/)) {
    const start = NOTE_START.exec(line);
    const last = notes.at(-1);
    if (start !== null) notes.push({ date: start[1] ?? "", text: start[2] ?? "" });
    else if (last !== undefined && line.startsWith("  ")) last.text += `\n${line.slice(2)}`;
  }
  return notes;
}

function textOf(file: string): string {
  try {
    if (statSync(file).size <= 2 * FILE_BYTES_MAX) return readFileSync(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return "";
    throw error;
  }
  throw new Fault("memory.full", {
    at: file,
    message: "the notes are too large to be searched.",
    next: "shorten them",
  });
}

/** By how many of the asked words a note holds, rare ones counting more; of equals the newer. */
function best(notes: readonly Note[], query: string): readonly Note[] {
  const asked = [...new Set(wordsOf(query))].slice(0, QUERY_WORDS_MAX);
  const newest = notes.toReversed();
  if (asked.length === 0) return newest.slice(0, NOTES_FOUND_MAX);
  const held = newest.map((note) => wordsOf(`${note.date} ${note.text}`));
  const weights = asked.map((word) => Math.log(1 + notes.length / (1 + held.filter((one) => has(one, word)).length)));
  return newest
    .map((note, at) => ({ note, score: sum(asked.map((word, i) => (has(held[at], word) ? (weights[i] ?? 0) : 0))) }))
    .filter(({ score }) => score > 0)
    .toSorted((one, other) => other.score - one.score)
    .slice(0, NOTES_FOUND_MAX)
    .map(({ note }) => note);
}

function wordsOf(text: string): readonly string[] {
  return (
    text
      .normalize("NFC")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

/** A longer form of the word counts: `keys` for `key`. */
function has(words: readonly string[] | undefined, asked: string): boolean {
  return words?.some((word) => word === asked || (asked.length > 2 && word.startsWith(asked))) === true;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
