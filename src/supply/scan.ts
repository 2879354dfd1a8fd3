// Reads texts that strangers wrote for a model, and says what the owner should know before accepting them.
// Facts are there whoever reads; opinions are what words may mean. Neither is the boundary: the door is.

import { oneLine } from "../kernel/index.ts";
import { plainText } from "./scan-clean.ts";
import { commandsIn } from "./scan-commands.ts";
import { decodedIn } from "./scan-encoded.ts";
import { hiddenIn, tagTexts } from "./scan-hidden.ts";
import type { Hit } from "./scan-hit.ts";
import { commentsIn, markupIn } from "./scan-markup.ts";
import { packagesIn } from "./scan-packages.ts";
import { phrasesIn } from "./scan-phrases.ts";
import { isFact, saysOf, type RuleId } from "./scan-rules.ts";

export interface ScannedText {
  /** What it is, for the owner: "tool add: description", "SKILL.md". */
  readonly where: string;
  readonly text: string;
  /** A tool's text only describes; a skill is made of instructions; a script is read for what it runs. */
  readonly role: "tool" | "skill" | "script";
}

export interface Finding {
  readonly kind: "fact" | "opinion";
  readonly rule: RuleId;
  readonly where: string;
  readonly line: number;
  readonly offset: number;
  /** On one line, hidden characters spelled out. Still untrusted. */
  readonly quote: string;
  readonly says: string;
}

/** Longer texts are read up to here, and it is said. */
export const TEXT_CHARS_MAX = 1_048_576;
const FINDINGS_PER_RULE_MAX = 5;
const FINDINGS_MAX = 200;
const QUOTE_MAX = 120;
const AROUND = 24;
const DECODE_DEPTH_MAX = 2;

/** At most 5 of each rule and 200 in all, in the order of the text. */
export function scanText(scanned: ScannedText): readonly Finding[] {
  const text = scanned.text.slice(0, TEXT_CHARS_MAX);
  const lines = lineStarts(text);
  const counts = new Map<string, number>();
  const findings: Finding[] = [];
  for (const hit of hitsIn(text, scanned.role, 0).toSorted((one, other) => one.start - other.start)) {
    const line = lineOf(lines, hit.start);
    // A rule speaks once a line: a second reading of the same words tells nothing new.
    const key = `${hit.rule} ${line}`;
    const count = counts.get(hit.rule) ?? 0;
    if (counts.has(key) || count >= FINDINGS_PER_RULE_MAX) continue;
    counts.set(key, 1).set(hit.rule, count + 1);
    findings.push(findingOf(hit, { where: scanned.where, text, line }));
    if (findings.length === FINDINGS_MAX) break;
  }
  return findings;
}

function findingOf(hit: Hit, { where, text, line }: { where: string; text: string; line: number }): Finding {
  // A character that nobody sees says little without its neighbours.
  const around = hit.rule.startsWith("hidden.") && hit.end - hit.start < AROUND ? AROUND : 0;
  const more = hit.more === undefined ? "" : `: ${oneLine(hit.more, QUOTE_MAX)}`;
  return {
    kind: isFact(hit.rule) ? "fact" : "opinion",
    rule: hit.rule,
    where: oneLine(where, QUOTE_MAX),
    line,
    offset: hit.start,
    quote: oneLine(text.slice(Math.max(0, hit.start - around), hit.end + around), QUOTE_MAX),
    says: `${saysOf(hit.rule)}${more}`,
  };
}

function hitsIn(text: string, role: ScannedText["role"], depth: number): readonly Hit[] {
  const isTool = role === "tool";
  const plain = plainText(text);
  const moved = (hits: readonly Hit[]): readonly Hit[] =>
    hits.map((hit) => ({ ...hit, start: plain.origin(hit.start), end: plain.origin(hit.end - 1) + 1 }));
  const said = moved([...phrasesIn(plain.lower, isTool), ...markupIn(plain.text, isTool)]);
  const comments = commentsIn(plain.text, isTool).map((its) => ({ ...its, ...placed(plain.origin, its) }));
  return [
    ...hiddenIn(text),
    ...said,
    ...moved([...commandsIn(plain.text), ...packagesIn(plain.text)]),
    ...hiddenComments(comments, said),
    ...(depth < DECODE_DEPTH_MAX ? insideHits(text, role, depth) : []),
  ];
}

function placed(
  origin: (at: number) => number,
  { start, end }: Pick<Hit, "start" | "end">,
): Pick<Hit, "start" | "end"> {
  return { start: origin(start), end: origin(end - 1) + 1 };
}

/** A comment is a fact when it speaks to the reader, or when what is said in it would be an opinion outside. */
function hiddenComments(
  comments: readonly (Pick<Hit, "start" | "end"> & { readonly isAddressed: boolean })[],
  said: readonly Hit[],
): readonly Hit[] {
  return comments
    .filter(({ start, end, isAddressed }) => isAddressed || said.some((hit) => hit.start >= start && hit.end <= end))
    .map(({ start, end }) => ({ rule: "hidden.comment", start, end }));
}

/** What is decoded is read like any text; what is found in it stands where the encoded piece stands. */
function insideHits(text: string, role: ScannedText["role"], depth: number): readonly Hit[] {
  const tags = tagTexts(text).flatMap((piece) =>
    hitsIn(piece.text, role, depth + 1).map((hit) => ({ ...hit, ...span(piece) })),
  );
  const encoded = decodedIn(text).flatMap((piece): readonly Hit[] => {
    const inner = hitsIn(piece.text, role === "script" ? "skill" : "tool", depth + 1);
    const more = piece.text;
    if (inner.some(({ rule }) => !rule.startsWith("encoded.words")) || COMMAND.test(piece.text)) {
      return [{ rule: "encoded.command", ...span(piece), more }];
    }
    return SENTENCE.test(piece.text) ? [{ rule: "encoded.words", ...span(piece), more }] : [];
  });
  return [...tags, ...encoded];
}

const COMMAND = new RegExp(
  String.raw`^\s{0,4}(?:#!/|sudo |curl |wget |(?:/usr)?/bin/|bash |sh |python3? |powershell` +
    String.raw`|cmd(?:\.exe)? /c|rm -|https?://)`,
  "i",
);
const SENTENCE = /(?:\p{L}{2,20}[ ,]{1,2}){4}\p{L}{2}/u;

function span({ start, end }: Pick<Hit, "start" | "end">): Pick<Hit, "start" | "end"> {
  return { start, end };
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

function lineOf(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length;
  while (low + 1 < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}
