// Which values are the owner's: those that stand in the owner's own words of the current request.
// Invariant: a value counts only by a positive match; nothing read or made by a model is ever matched against.

import type { JsonValue } from "./json.ts";
import { isSpokenTime, spokenIn, type Spoken } from "./spoken.ts";

export interface OwnerWords {
  readonly text: string;
  /** The text with each link, address and account number blotted out: a part of one is no word. */
  readonly blotted: string;
  readonly spoken: Spoken;
}

const WORDS_LENGTH_MAX = 20_000;
/** Joins to letters and digits on both sides, so that nothing beside it is taken for a word of its own. */
const BLOT = "_";
const SHORT_MAX = 3;
/** `a.b/` and `a@b.c`. What words and a short number left of an account number is none. */
const POINTER_LENGTH_MIN = 5;

/** Pasted or quoted blocks are left out: the owner did not write them. A fence without an end reaches to the end. */
export function ownerWords(message: string): OwnerWords {
  const kept = message
    .slice(0, WORDS_LENGTH_MAX)
    .normalize("NFC")
    .replace(/^[ \t]*(```|~~~)[\s\S]*?(?:^[ \t]*\1|$(?![\s\S]))/gm, " ")
    .replace(/^[ \t]*>.*$/gm, " ");
  let blotted = kept;
  for (const { start, end } of pointerSpans(kept)) {
    blotted = blotted.slice(0, start) + BLOT.repeat(end - start) + blotted.slice(end);
  }
  return { text: kept, blotted, spoken: spokenIn(blotted) };
}

/** Objects and lists are the owner's when each key and leaf is; booleans and null carry no address, so they pass. */
export function isInWords(words: OwnerWords, value: JsonValue): boolean {
  if (value === null || typeof value === "boolean") return true;
  if (typeof value === "number") return holds(words, String(value)) || words.spoken.amounts.has(value);
  if (typeof value === "string") return isTextInWords(words, value);
  if (Array.isArray(value)) return value.every((item: JsonValue) => isInWords(words, item));
  return Object.entries(value).every(([key, item]) => isInWords(words, key) && isInWords(words, item));
}

function isTextInWords(words: OwnerWords, value: string): boolean {
  if (value.trim() === "") return false;
  return holds(words, value.normalize("NFC")) || isSpokenTime(words.spoken, value) || isSpokenAccess(words, value);
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

/** "1." and "2)" of a list name nothing; short ones count beside "id" or "#" only. */
function holds({ text, blotted }: OwnerWords, wanted: string): boolean {
  const bare = wanted.replace(/^[^\p{L}\p{N}/~@#_]+|[^\p{L}\p{N}/~@#_]+$/gu, "");
  const isShort = bare.length <= SHORT_MAX && /^[\p{L}\p{N}]*$/u.test(bare);
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + 1)) {
    const end = at + wanted.length;
    if (!isBounded(text, at, end) || isInside(blotted, text, at) || isInside(blotted, text, end)) continue;
    if (!isShort || /(?:\bid[\s:=]*|#\s?)$/iu.test(text.slice(Math.max(0, at - 8), at))) return true;
  }
  return false;
}

/** Whether the place between two characters lies within a pointer. */
function isInside(blotted: string, text: string, at: number): boolean {
  const isBlotted = (index: number): boolean => blotted[index] === BLOT && text[index] !== BLOT;
  return isBlotted(at - 1) && isBlotted(at);
}

function isBounded(text: string, start: number, end: number): boolean {
  const isJoint = (char: string | undefined): boolean =>
    char !== undefined && /[\p{L}\p{N}\p{M}\p{Cs}_@/\\+%~-]/u.test(char);
  const isDotted = (dot: string | undefined, beyond: string | undefined): boolean =>
    dot !== undefined && ".,:".includes(dot) && beyond !== undefined && /[\p{L}\p{N}]/u.test(beyond);
  if (isJoint(text[start - 1]) || isDotted(text[start - 1], text[start - 2])) return false;
  return !isJoint(text[end]) && !isDotted(text[end], text[end + 1]);
}

const [YEAR, MONTH_DAY, DAY_MONTH] = [
  "(?:19|20)\\d\\d",
  "(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])",
  "(?:0[1-9]|[12]\\d|3[01])-(?:0[1-9]|1[0-2])",
];
const TIME = "(?:[01]?\\d|2[0-3]):[0-5]\\d(?::[0-5]\\d(?:\\.\\d{1,6})?)?Z?";
const DAY_TIME = `(?:${TIME} )?(?:${YEAR}-${MONTH_DAY}|${DAY_MONTH}-${YEAR})(?:[T ]${TIME})?`;
const END = "(?![\\p{L}\\p{N}_@/%+-]|[.: ] ?[\\d-]|[.:]\\p{L})";

/** Every part is bounded, so that no text makes the search slow. */
const POINTER = new RegExp(
  [
    /[a-z][a-z0-9+.-]{1,20}:\/\/[^\s<>"')\]]+/u, // a link
    /[\p{L}\p{N}_.%+-]{1,64}@[\p{L}\p{N}_-]{1,63}(?:\.[\p{L}\p{N}_-]{1,63})+/u, // an address
    /\bwww\.[^\s<>"')\]]+/u,
    /[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){0,8}\.\p{L}{2,24}\/[^\s<>"')\]]*/u, // a link without a scheme
    /\b[A-Z]{2}\d{2}[A-Z0-9 ]{10,32}\b/u, // an IBAN
    // Dates and times alone lead nowhere; with more digits beside them they are a number that looks like one.
    new RegExp(`(?<plain>\\b${DAY_TIME}(?: ?[-–] ?${DAY_TIME}| ${DAY_TIME}){0,9}${END})`, "u"),
    /\b\d[\d -]{8,32}\d\b/u, // a long number
  ]
    .map((part) => part.source)
    .join("|"),
  "giu",
);

/** In every text that holds a pointer, and quickly seen to be in no other. */
const POINTER_SIGN = /[@/]|www\.|\d[\d -]{8}|[a-z]{2}\d{2}[a-z\d ]{10}/iu;

/** Links, addresses and account numbers in a text that somebody could be led or paid to. */
export function pointersIn(text: string): readonly string[] {
  return pointerSpans(text).map(({ start, end }) => text.slice(start, end));
}

function pointerSpans(text: string): readonly { readonly start: number; readonly end: number }[] {
  const spans: { readonly start: number; readonly end: number }[] = [];
  if (!POINTER_SIGN.test(text)) return spans;
  POINTER.lastIndex = 0;
  for (let match = POINTER.exec(text); match !== null; match = POINTER.exec(text)) {
    if (match.groups?.["plain"] !== undefined) continue;
    const [start, end] = [match.index, match.index + endOf(match[0])];
    if (end - start >= POINTER_LENGTH_MIN) spans.push({ start, end });
    // What was cut off may begin the next.
    POINTER.lastIndex = end;
  }
  return spans;
}

/** A stop at its end belongs to the sentence, and so do plain words behind an account number. */
function endOf(pointer: string): number {
  const number = /^[A-Z]{2}\d{2}[A-Z\d]*(?: [A-Z]{4}(?= \d))?(?: +(?=\p{L}*\d)[A-Z\d]+)*/iu.exec(pointer);
  let end = number === null || !pointer.includes(" ") ? pointer.length : number[0].length;
  while (end > 1 && ".,;:!?".includes(pointer[end - 1] ?? "")) end -= 1;
  return end;
}
