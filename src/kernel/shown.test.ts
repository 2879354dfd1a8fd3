// What the owner is shown holds no character that hides, reorders or imitates, and parses back to what runs.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonical } from "./json.ts";
import { readJson } from "./read-json.ts";
import { isLookalike, oneLine, reveal, revealJson } from "./shown.ts";

/** Every character but the plain ones that fonts draw: written here apart from the code under test. */
const HIDING = [
  [0x00, 0x1f],
  [0x7f, 0xa0],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x1680, 0x1680],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x2000, 0x200f],
  [0x2028, 0x202f],
  [0x205f, 0x206f],
  [0x2800, 0x2800],
  [0x3000, 0x3000],
  [0x3164, 0x3164],
  [0xd800, 0xf8ff],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0000, 0x10ffff],
] as const;

function isHiding(code: number): boolean {
  return HIDING.some(([from, to]) => from <= code && code <= to);
}

test("every code point of every plane parses back, and none that hides is left", () => {
  for (let from = 0; from <= 0x10ffff; from += 0x400) {
    const text = Array.from({ length: 0x400 }, (_, at) => String.fromCodePoint(from + at)).join("");
    const shown = reveal(text);
    assert.equal(JSON.parse(shown), text, `from ${from.toString(16)}`);
    const left = Array.from(shown).find((char) => isHiding(char.codePointAt(0) ?? 0));
    assert.equal(left, undefined, left?.codePointAt(0)?.toString(16));
  }
});

test("what is shown of any arguments parses back to exactly what runs", () => {
  const nasty = fc.constantFrom(
    "\u202e",
    "\u200b",
    "\u{e0041}",
    "\u001b[2J",
    "\ufeff",
    "\\",
    '"',
    "\u2028",
    "\ud83d\ude00",
    "\u0000",
  );
  const text = fc.array(fc.oneof(nasty, fc.string({ unit: "binary" }))).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.dictionary(text, text), (value) => {
      const shown = revealJson(canonical(value));
      assert.equal(canonical(readJson(shown)), canonical(value));
      assert.ok(Array.from(shown).every((char) => !isHiding(char.codePointAt(0) ?? 0)));
    }),
  );
});

test("two texts that differ are shown differently", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
      assert.equal(reveal(a) === reveal(b), a === b);
    }),
  );
});

test("terminal codes, bidi overrides and tags are spelled out; plain text in any script is not", () => {
  assert.equal(reveal("\u001b[31mred"), '"\\u001b[31mred"');
  assert.equal(reveal("invoice\u202efdp.exe"), '"invoice\\u202efdp.exe"');
  assert.equal(reveal("hi\u{e0049}"), '"hi\\udb40\\udc49"');
  assert.equal(reveal("größe 日本語 עברית 😀"), '"größe 日本語 עברית 😀"');
});

test("a line for a list stays one line, and says what was cut", () => {
  assert.equal(oneLine("a\nb", 10), "a\\nb");
  assert.equal(oneLine("x".repeat(30), 5), "xxxxx… (30 characters)");
  assert.equal(oneLine(`aaaa😀${"x".repeat(9)}`, 5).includes("\ud83d"), false);
});

test("a word of mixed scripts is called a lookalike", () => {
  assert.equal(isLookalike("p\u0430ypal.com"), true);
  assert.equal(isLookalike("paypal.com"), false);
  assert.equal(isLookalike("Москва London"), false);
});
