// Which values are the owner's: those that stand in the owner's own words of the current request.
// Invariant: a value counts only by a positive match; nothing read or made by a model is ever matched against.

import type { JsonValue } from "./json.ts";
import { isSpokenAmount, isSpokenTime, spokenIn, type Spoken } from "./spoken.ts";

export interface OwnerWords {
  readonly text: string;
  readonly spoken: Spoken;
}

const WORDS_LENGTH_MAX = 20_000;

/** Pasted or quoted blocks are left out: the owner did not write them. A fence without an end reaches to the end. */
export function ownerWords(message: string): OwnerWords {
  const kept = message
    .slice(0, WORDS_LENGTH_MAX)
    .normalize("NFC")
    .replace(/^[ \t]*(```|~~~)[\s\S]*?(?:^[ \t]*\1|$(?![\s\S]))/gm, " ")
    .replace(/^[ \t]*>.*$/gm, " ");
  return { text: kept, spoken: spokenIn(kept) };
}

/** Objects and lists are the owner's when each key and leaf is; booleans and null carry no address, so they pass. */
export function isInWords(words: OwnerWords, value: JsonValue): boolean {
  if (value === null || typeof value === "boolean") return true;
  if (typeof value === "number") return holds(words.text, String(value)) || isSpokenAmount(words.spoken, value);
  if (typeof value === "string") return isTextInWords(words, value);
  if (Array.isArray(value)) return value.every((item: JsonValue) => isInWords(words, item));
  return Object.entries(value).every(([key, item]) => isInWords(words, key) && isInWords(words, item));
}

function isTextInWords(words: OwnerWords, value: string): boolean {
  if (value.trim() === "") return false;
  return holds(words.text, value.normalize("NFC")) || isSpokenTime(words.spoken, value) || isSpokenAccess(words, value);
}

/** `r` and `rw` are how programs write what the owner calls read and write permission. */
function isSpokenAccess({ text }: OwnerWords, value: string): boolean {
  const right =
    /\b(read(?:[ -]only)?|(?:read )?(?:and|\/|-)? ?write|edit)(?:ing)? (?:permissions?|access|rights?)\b/i.exec(
      text,
    )?.[1];
  if (right === undefined) return false;
  const isWide = /write|edit/i.test(right);
  return ["r", "read", "reader"].includes(value)
    ? !isWide
    : isWide && ["rw", "write", "writer", "edit"].includes(value);
}

function holds(text: string, wanted: string): boolean {
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + 1)) {
    if (!isBounded(text, at, at + wanted.length)) continue;
    if (wanted.length >= 4 || !/^[\p{L}\p{N}]+$/u.test(wanted)) return true;
    if (/(?:\bid[\s:=]*|#\s?)$/iu.test(text.slice(Math.max(0, at - 8), at))) return true;
  }
  return false;
}

function isBounded(text: string, start: number, end: number): boolean {
  const isJoint = (char: string | undefined): boolean =>
    char !== undefined && /[\p{L}\p{N}\p{M}\p{Cs}_@/\\+%~-]/u.test(char);
  const isDotted = (dot: string | undefined, beyond: string | undefined): boolean =>
    dot !== undefined && ".,:".includes(dot) && beyond !== undefined && /[\p{L}\p{N}]/u.test(beyond);
  if (isJoint(text[start - 1]) || isDotted(text[start - 1], text[start - 2])) return false;
  return !isJoint(text[end]) && !isDotted(text[end], text[end + 1]);
}

/** Every part is bounded, so that no text makes the search slow. */
const POINTER = new RegExp(
  [
    /[a-z][a-z0-9+.-]{1,20}:\/\/[^\s<>"')\]]+/u, // a link
    /[\p{L}\p{N}_.%+-]{1,64}@[\p{L}\p{N}_-]{1,63}(?:\.[\p{L}\p{N}_-]{1,63})+/u, // an address
    /\bwww\.[^\s<>"')\]]+/u,
    /[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){0,8}\.\p{L}{2,24}\/[^\s<>"')\]]*/u, // a link without a scheme
    /\b[A-Z]{2}\d{2}[A-Z0-9 ]{10,32}\b/u, // an IBAN
    /\b\d[\d -]{8,32}\d\b/u, // a long number
  ]
    .map((part) => part.source)
    .join("|"),
  "giu",
);

/** Links, addresses and account numbers in a text that somebody could be led or paid to. */
export function pointersIn(text: string): readonly string[] {
  return text.match(POINTER) ?? [];
}
