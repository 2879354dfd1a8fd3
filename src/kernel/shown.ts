// Text as the owner sees it: every character that could hide, reorder or imitate is spelled out.
// Invariant: reveal(x) parses back to x, so what is shown is what runs.

/** Control, format, bidi, private, unassigned, tag and lone surrogate characters, and spaces that are not U+0020. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u115f\u1160\u3164\uffa0\u034f\u180b-\u180f\ufe00-\ufe0f]|[\u{e0000}-\u{e0fff}]/gu;

/** JSON string notation with every hidden character as `\u{hex}` written `\uXXXX` (pairs above the BMP). */
export function reveal(text: string): string {
  return JSON.stringify(text).replace(HIDDEN, (char) =>
    Array.from({ length: char.length }, (_, index) => `\\u${char.charCodeAt(index).toString(16).padStart(4, "0")}`).join(""),
  );
}

/** Canonical JSON for a page or terminal; parses back to the very value that was passed. */
export function revealJson(canonicalText: string): string {
  return canonicalText.replace(HIDDEN, (char) =>
    Array.from({ length: char.length }, (_, index) => `\\u${char.charCodeAt(index).toString(16).padStart(4, "0")}`).join(""),
  );
}

/** Untrusted text on one line for a list: hidden characters spelled out, cut with its full length said. */
export function oneLine(text: string, lengthMax: number): string {
  const cut = text.length > lengthMax ? `${text.slice(0, lengthMax)}… (${text.length} characters)` : text;
  return reveal(cut.toWellFormed()).slice(1, -1);
}

/** Mixed scripts inside one word look like a letter they are not. */
export function isLookalike(text: string): boolean {
  return (text.match(/[\p{L}]+/gu) ?? []).some(
    (word) => /\p{Script=Latin}/u.test(word) && /[\p{Script=Cyrillic}\p{Script=Greek}]/u.test(word),
  );
}
