// Text as the owner sees it: every character that could hide, reorder or imitate is spelled out.
// Invariant: reveal(x) parses back to x, so what is shown is what runs.

/** Control, format, private, unassigned, surrogate and undrawn characters, and all blanks but U+0020. */
const HIDDEN = /(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** JSON string notation with every hidden character written `\uXXXX` (pairs above the BMP). */
export function reveal(text: string): string {
  return revealJson(JSON.stringify(text));
}

/** Canonical JSON for a page or terminal; parses back to the very value that was passed. */
export function revealJson(canonicalText: string): string {
  return canonicalText.replace(HIDDEN, (char) => {
    const units = Array.from({ length: char.length }, (_, at) => char.charCodeAt(at).toString(16).padStart(4, "0"));
    return units.map((unit) => `\\u${unit}`).join("");
  });
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
