import assert from "node:assert/strict";
import { mkdtempSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { NOTE_CHARS_MAX, NOTES_FOUND_MAX, openNotes, type Notes } from "./notes.ts";

const DAY = Date.UTC(2026, 10, 22);

function notesIn(t: TestContext): { readonly notes: Notes; readonly file: string; readonly dir: string } {
  const base = mkdtempSync(join(tmpdir(), "freehold-notes-"));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const dir = join(base, "memory", "family");
  return { notes: openNotes({ dir, nowMs: () => DAY }), file: join(dir, "notes.md"), dir };
}

test("a note is a line with its date, readable by the owner alone", (t) => {
  const { notes, file } = notesIn(t);
  assert.equal(notes.count(), 0);
  notes.append("The boiler is a Vaillant.\nSerial 4711.");
  assert.equal(readFileSync(file, "utf8"), "- 2026-11-22 The boiler is a Vaillant.\n  Serial 4711.\n");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(notes.recall("boiler"), [{ date: "2026-11-22", text: "The boiler is a Vaillant.\nSerial 4711." }]);
});

test("the note with more and rarer words comes first, of equals the newer, and none where no word fits", (t) => {
  const { notes } = notesIn(t);
  for (const text of ["bread from the baker", "the keys lie in the drawer", "bread and keys", "bread again"]) {
    notes.append(text);
  }
  const texts = (query: string): readonly string[] => notes.recall(query).map(({ text }) => text);
  assert.deepEqual(texts("key bread"), [
    "bread and keys",
    "the keys lie in the drawer",
    "bread again",
    "bread from the baker",
  ]);
  assert.deepEqual(texts("zebra"), []);
  assert.equal(texts("")[0], "bread again");
});

test("no more than a few notes are given", (t) => {
  const { notes } = notesIn(t);
  for (let at = 0; at < 30; at += 1) notes.append(`bread ${at}`);
  assert.equal(notes.recall("bread").length, NOTES_FOUND_MAX);
});

test("what the owner wrote by hand counts, and an open last line is closed first", (t) => {
  const { notes, file, dir } = notesIn(t);
  mkdirSync(dir, { recursive: true });
  writeFileSync(file, "# My notes\n\n- 2026-01-02 by hand");
  notes.append("by the agent");
  assert.equal(readFileSync(file, "utf8"), "# My notes\n\n- 2026-01-02 by hand\n- 2026-11-22 by the agent\n");
  assert.equal(notes.count(), 2);
});

test("an empty note, one that is too long, and a file that is a link are refused", (t) => {
  const { notes, file, dir } = notesIn(t);
  assert.throws(() => notes.append("  "), { code: "memory.too-long" });
  assert.throws(() => notes.append("x".repeat(NOTE_CHARS_MAX + 1)), { code: "memory.too-long" });
  mkdirSync(dir, { recursive: true });
  symlinkSync("/dev/null", file);
  assert.throws(() => notes.append("led away"), /ELOOP/);
});

test("a file of notes that is full takes no more and says so", (t) => {
  const { notes, file, dir } = notesIn(t);
  mkdirSync(dir, { recursive: true });
  writeFileSync(file, "x".repeat(4 * 1024 * 1024));
  assert.throws(() => notes.append("one more"), { code: "memory.full" });
});

test("a note with any other end of a line is found again, and cannot pass for a second one", (t) => {
  const { notes, file } = notesIn(t);
  for (const end of ["\r", "\r\n", "\u2028", "\u2029", "\x85", "\v", "\f"]) notes.append(`one${end}- 2026-01-01 two`);
  assert.equal(notes.count(), 7);
  assert.deepEqual(new Set(notes.recall("two").map(({ text }) => text)), new Set(["one\n- 2026-01-01 two"]));
  writeFileSync(file, readFileSync(file, "utf8").replaceAll("\n", "\r\n"));
  assert.equal(notes.count(), 7, "as an editor of another system leaves it");
});

test("whatever a note says, it is read back as one note", (t) => {
  const { notes } = notesIn(t);
  let count = 0;
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 80 }), (text) => {
      if (text.trim() === "") return;
      notes.append(text);
      count += 1;
      assert.equal(notes.count(), count);
    }),
    { numRuns: 50 },
  );
});
