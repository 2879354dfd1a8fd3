// Pieces of a text that are something else once decoded: base64, hexadecimal, percent and escape notation.

export interface Decoded {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const BASE64 = /(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{20,20000}={0,2}/g;
const HEX = /(?<![A-Za-z0-9])(?:0x)?(?:[0-9a-fA-F]{2}){16,8000}(?![A-Za-z0-9])/g;
const ESCAPES = /(?:\\x[0-9a-fA-F]{2}|\\u00[0-9a-fA-F]{2}|%[0-9a-fA-F]{2}|&#x?[0-9a-fA-F]{2,3};){8,4000}/g;
const PIECES_MAX = 200;

/** Only what decodes to readable text, and is no part of a larger word. At most 200 pieces of each notation. */
export function decodedIn(text: string): readonly Decoded[] {
  return [
    ...pieces(text, BASE64, (piece) =>
      Buffer.from(piece, piece.includes("-") || piece.includes("_") ? "base64url" : "base64"),
    ),
    ...pieces(text, HEX, (piece) => Buffer.from(piece.replace(/^0x/, ""), "hex")),
    ...pieces(text, ESCAPES, (piece) => Buffer.from(unescapes(piece), "latin1")),
  ];
}

function pieces(text: string, pattern: RegExp, decode: (piece: string) => Buffer): readonly Decoded[] {
  const found: Decoded[] = [];
  let seen = 0;
  for (const { 0: piece, index } of text.matchAll(pattern)) {
    if ((seen += 1) > PIECES_MAX) break;
    const plain = readable(decode(piece));
    if (plain !== null) found.push({ start: index, end: index + piece.length, text: plain });
  }
  return found;
}

/** UTF-8 or UTF-16LE (as PowerShell writes it) of printable characters; null for anything else. */
function readable(bytes: Buffer): string | null {
  for (const encoding of ["utf8", "utf16le"] as const) {
    const text = bytes.toString(encoding);
    if (text.length >= 8 && /^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}\n\r\t]*$/u.test(text) && isProse(text)) return text;
  }
  return null;
}

/** Random bytes are rarely all printable, but ids of words are; sentences and commands have blanks or an address. */
function isProse(text: string): boolean {
  return /\S[ \t]\S|https?:\/\/|\/bin\//.test(text);
}

function unescapes(piece: string): string {
  return piece.replace(/\\x(..)|\\u00(..)|%(..)|&#x(.{2,3}?);|&#(\d{2,3});/g, (_all, ...codes: readonly unknown[]) => {
    const hex = codes.slice(0, 4).find((code) => typeof code === "string");
    const decimal = codes[4];
    return String.fromCharCode(typeof hex === "string" ? Number.parseInt(hex, 16) : Number(decimal) & 0xff);
  });
}
