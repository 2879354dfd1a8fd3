// Text made plain before words are looked for: no invisible characters, no look-alike letters, no accents, lower case.
// Every character of the plain text knows where it stood, so that a finding points into what was really written.

/** Drawn as nothing: format characters, fillers, variation selectors, tags. */
const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** Cyrillic and Greek letters that look like a Latin one. Unicode confusables, the part that ordinary fonts share. */
const LOOKALIKES: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from("аaеeоoрpсcуyхxіiјjѕsһhԁdԛqԝwɡgкkмmтtвbнhοoαaνvρpιiεeκkτtυuχxγyηnωw").flatMap((letter, at, all) =>
    at % 2 === 0 ? [[letter, all[at + 1] ?? ""]] : [],
  ),
);

const LETTER_RUN = /[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}]{2,64}/gu;
const LATIN_PAIR = /\p{Script=Latin}.*\p{Script=Latin}/su;

export interface PlainText {
  readonly original: string;
  /** As written, without invisible characters, in ordinary letters. */
  readonly text: string;
  readonly lower: string;
  /** Where the character at `at` of the plain text stood in the original. */
  readonly origin: (at: number) => number;
}

export function plainText(original: string): PlainText {
  // oxlint-disable-next-line no-control-regex -- ASCII is plain already
  if (/^[\x00-\x7f]*$/.test(original)) {
    return { original, text: original, lower: original.toLowerCase(), origin: (at) => at };
  }
  const unmasked = unmaskLookalikes(original);
  const origins: number[] = [];
  const parts: string[] = [];
  const known = new Map<string, string>();
  let at = 0;
  for (const char of unmasked) {
    let plain = known.get(char);
    if (plain === undefined) known.set(char, (plain = plainChar(char)));
    for (let unit = 0; unit < plain.length; unit += 1) origins.push(at);
    parts.push(plain);
    at += char.length;
  }
  const text = parts.join("");
  return { original, text, lower: text.toLowerCase(), origin: (place) => origins[place] ?? original.length };
}

function plainChar(char: string): string {
  if (char.length === 1 && char < "\u0080") return char;
  if (INVISIBLE.test(char)) return "";
  if (/\p{Z}/u.test(char)) return char === "\u2028" || char === "\u2029" ? "\n" : " ";
  if (char === "’" || char === "‘") return "'";
  const whole = char.normalize("NFKC");
  // Only Latin letters lose their marks: in other scripts another mark is another letter.
  const bare = /^\p{Script=Latin}+$/u.test(whole) ? whole.normalize("NFKD").replaceAll(/\p{M}/gu, "") : whole;
  // Lower case must keep its length, or places would shift; no letter but a dotted I fails this.
  return bare.toLowerCase().length === bare.length ? bare : char;
}

/** In words that mix Latin with imitations only, so that Russian and Greek stay what they are. Keeps the length. */
function unmaskLookalikes(text: string): string {
  return text.replace(LETTER_RUN, (word) => (isImitation(word) ? fold(word) : word));
}

function fold(word: string): string {
  return Array.from(word, (char) => LOOKALIKES[char] ?? LOOKALIKES[char.toLowerCase()]?.toUpperCase() ?? char).join("");
}

/** Two or more Latin letters, and letters of another script that all look Latin: "pаypal", but not "μs" or "Δt". */
export function isImitation(word: string): boolean {
  if (!LATIN_PAIR.test(word)) return false;
  const foreign = Array.from(word).filter((char) => !/\p{Script=Latin}/u.test(char));
  return foreign.length > 0 && foreign.every((char) => Object.hasOwn(LOOKALIKES, char.toLowerCase()));
}

export function imitationsIn(text: string): readonly { readonly start: number; readonly end: number }[] {
  if (!/[\u0370-\u052f]/.test(text)) return [];
  const found: { start: number; end: number }[] = [];
  for (const match of text.matchAll(LETTER_RUN)) {
    if (isImitation(match[0])) found.push({ start: match.index, end: match.index + match[0].length });
  }
  return found;
}
