// What a reader cannot see: characters that are not drawn, that reorder, that imitate, or that move text out of sight.

import { imitationsIn } from "./scan-clean.ts";
import type { Hit } from "./scan-hit.ts";

/** Runs of characters that a screen does not draw, or that change the order of what it draws. */
const UNSEEN =
  // oxlint-disable-next-line no-control-regex, no-misleading-character-class -- these are what is looked for
  new RegExp(
    String.raw`[\u{e0000}-\u{e007f}]{1,4096}|[\u200b-\u200d\u2060-\u2064\u206a-\u206f\ufeff\u00ad\u034f` +
      String.raw`\u115f\u1160\u17b4\u17b5\u180e\u2800\u3164\uffa0]{1,4096}|[\u202a-\u202e\u2066-\u2069]` +
      String.raw`|[\u200e\u200f]{2,4096}|[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]{1,4096}` +
      String.raw`|[\u0000-\u0008\u000b\u000e-\u001f\u007f-\u0084\u0086-\u009f]`,
    "gu",
  );
/** Letters of scripts that are joined or kept apart by invisible characters in ordinary writing. */
const JOINING = new RegExp(
  String.raw`[\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Tamil}\p{Script=Sinha` +
    String.raw`la}\p{Script=Khmer}\p{Script=Mongolian}\p{Script=Malayalam}\p{Script=Kannada}\p{Script=T` +
    String.raw`elugu}]`,
  "u",
);
const EMOJI = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f]/u;
const HANGUL = /\p{Script=Hangul}/u;
const FLAG = "\u{1f3f4}";
const TAGS_END = "\u{e007f}";
const BLANKS = /\s{40,}/g;
const BLANK_LINES_MAX = 40;
const BLANK_WIDTH_MAX = 160;

export function hiddenIn(text: string): readonly Hit[] {
  const found: Hit[] = [];
  for (const match of text.matchAll(UNSEEN)) {
    const hit = judge(text, match.index, match[0]);
    if (hit !== null) found.push(hit);
  }
  for (const place of imitationsIn(text)) found.push({ rule: "hidden.lookalike", ...place });
  for (const { 0: run, index } of text.matchAll(BLANKS)) {
    const end = index + run.length;
    const lines = run.split("\n");
    const isFar = lines.length > BLANK_LINES_MAX || (lines.at(-1) ?? "").length > BLANK_WIDTH_MAX;
    // The cells of a wide table are filled with blanks.
    if (isFar && end < text.length && text[end] !== "|") found.push({ rule: "hidden.far", start: end, end: end + 80 });
  }
  return found;
}

function judge(text: string, start: number, run: string): Hit | null {
  const end = start + run.length;
  const code = run.codePointAt(0) ?? 0;
  const before = charBefore(text, start);
  const after = String.fromCodePoint(text.codePointAt(end) ?? 32);
  if (code >= 0xe0000 && code <= 0xe007f) {
    if (before === FLAG && run.endsWith(TAGS_END) && run.length <= 16) return null;
    return { rule: "hidden.tags", start, end, more: `they say "${tagged(run)}"` };
  }
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return { rule: "hidden.terminal", start, end };
  if ((code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)) {
    return { rule: "hidden.direction", start, end };
  }
  if ((code >= 0xfe00 && code <= 0xfe0f) || code >= 0xe0100) {
    return run.length <= 2 && isSingle(run) && !/[\p{L}\s]/u.test(before)
      ? null
      : ofRun("hidden.selectors", start, run);
  }
  return isOrdinary({ run, before, after, start }) ? null : ofRun("hidden.invisible", start, run);
}

interface Around {
  readonly run: string;
  readonly before: string;
  readonly after: string;
  readonly start: number;
}

/** A byte order mark at the start, joined emoji, scripts that are written with joiners, soft hyphens between words. */
function isOrdinary({ run, before, after, start }: Around): boolean {
  if (!isSingle(run)) return false;
  if (run === "\ufeff") return start === 0;
  if (run === "\u200d") return (EMOJI.test(before) && EMOJI.test(after)) || JOINING.test(before) || JOINING.test(after);
  if (run === "\u200c") return JOINING.test(before) || JOINING.test(after);
  if (run === "\u3164" || run === "\u1160" || run === "\u115f") return HANGUL.test(before) || HANGUL.test(after);
  return false;
}

function isSingle(run: string): boolean {
  return Array.from(run).length === 1;
}

function ofRun(rule: "hidden.selectors" | "hidden.invisible", start: number, run: string): Hit {
  const count = Array.from(run).length;
  return { rule, start, end: start + run.length, ...(count > 1 ? { more: `${count} in a row` } : {}) };
}

function charBefore(text: string, at: number): string {
  const unit = text.charCodeAt(at - 1);
  return unit >= 0xdc00 && unit <= 0xdfff ? text.slice(at - 2, at) : text.slice(Math.max(0, at - 1), at);
}

function tagged(run: string): string {
  return Array.from(run, (char) => (char.codePointAt(0) ?? 0) - 0xe0000)
    .filter((code) => code >= 0x20 && code < 0x7f)
    .map((code) => String.fromCharCode(code))
    .join("");
}

/** What tags spell out, so that it can be read like any other text. */
export function tagTexts(
  text: string,
): readonly { readonly start: number; readonly end: number; readonly text: string }[] {
  return [...text.matchAll(/[\u{e0020}-\u{e007e}]{4,4096}/gu)].map(({ 0: run, index }) => ({
    start: index,
    end: index + run.length,
    text: tagged(run),
  }));
}
