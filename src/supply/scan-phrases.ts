// What is said to the model, found as words in order or close together, in one pass over the words of a text.
// A rule names classes of words, never a sentence of anybody's, so that other wordings and languages are met too.

import { classesOf } from "./scan-lexicon.ts";
import type { OpinionId } from "./scan-rules.ts";
import { unspacedIn } from "./scan-unspaced.ts";
import { unleet, wordsOf, type Word } from "./scan-words.ts";

interface Phrase {
  readonly rule: OpinionId;
  /** Classes of words, "a|b" is either. */
  readonly slots: readonly (readonly string[])[];
  /** From one word to the next at most; where `isLoose`, the whole span, in any order. */
  readonly within: number;
  readonly isLoose: boolean;
  /** A skill is made of instructions, so what is odd in a tool's description is ordinary there. */
  readonly onlyTools: boolean;
}

type Line = readonly [rule: OpinionId, within: number, slots: string];

/** In this order, each at most `within` words after the one before. */
const IN_ORDER: readonly Line[] = [
  ["model.override", 4, "ignore prior given"],
  ["model.override", 3, "ignore every|your orders"],
  ["model.override", 3, "ignore given prior"],
  ["model.safety-off", 2, "disable safety checks"],
  ["model.safety-off", 2, "disable every|your safety"],
  ["model.trust", 2, "trust every request"],
  ["model.hide", 3, "not tell user"],
  ["model.hide", 4, "tell user negation"],
  ["model.hide", 3, "without user aware"],
  ["model.hide", 1, "secrecy operation"],
  ["model.hide", 3, "keep secrecy from user"],
  ["model.hide", 4, "hide from user"],
  ["model.hide", 3, "user not know"],
  ["model.hide", 2, "not mention it"],
  ["model.hide", 1, "without mention it"],
  ["model.hide", 3, "hide warnings user"],
  ["model.covert", 2, "quiet send|gather|action|swap"],
  ["model.covert", 4, "send|gather quiet"],
  ["asks.file", 8, "read|pass|send|gather secretFile"],
  ["asks.file", 6, "send|gather configFile"],
  ["asks.chat", 4, "send chat remote|url|email|server"],
  ["asks.prompt", 2, "show system prompt"],
  ["sends.data", 3, "send data our server"],
  ["model.role", 2, "you are now role"],
  ["model.role", 2, "enter role mode"],
  ["model.obey", 3, "not refuse request|this|given"],
  ["model.obey", 3, "must follow every request"],
  ["model.obey", 3, "without setup wont work"],
  ["model.obey", 2, "urgent demand before"],
  ["model.unasked", 3, "action without user approve"],
  ["model.unasked", 2, "without asking user"],
  ["model.unasked", 2, "auto2 approving every"],
  ["fetches.orders", 5, "download given from url"],
  ["fetches.orders", 5, "download url|remote follow given"],
  ["fetches.orders", 5, "follow given from url"],
  ["harm.named", 3, "harvest loot"],
  ["harm.named", 2, "stolen loot"],
  ["moves.money", 4, "transfer every|whole money"],
  ["runs.pasted", 5, "paste command terminal"],
  ["memory.plants", 5, "write given|this memoryFile"],
];

const IN_ORDER_IN_TOOLS: readonly Line[] = [
  ["model.first", 3, "mustNow call this first"],
  ["model.first", 3, "this tool must call first"],
  ["model.first", 4, "must call before every|reply"],
  ["model.first", 4, "mustNow call tool first"],
  ["model.first", 3, "before call|reply every tool|reply"],
  ["model.first", 4, "before call this|every tool read|pass|send|must"],
  ["asks.chat", 3, "pass|read|send|gather whole chat"],
  ["asks.file", 6, "pass contents own"],
  ["asks.prompt", 3, "pass system prompt"],
  ["sends.data", 6, "send every data|personal url|email"],
  ["sends.data", 3, "send tracking collector"],
  ["collects.secret", 3, "extract saved hardSecret|secret"],
  ["collects.person", 5, "gather|send|kept excuse assurance"],
  ["collects.person", 2, "logs typed"],
  ["model.obey", 4, "otherwise tool wont work"],
  ["model.shadow", 3, "instead other tool"],
  ["model.shadow", 4, "swap recipient email|url"],
  ["model.shadow", 4, "every mails must send"],
  ["model.shadow", 2, "not call other tool"],
  ["model.shadow", 5, "recipient must email|url"],
  ["model.shadow", 3, "pass email recipient"],
  ["model.shadow", 3, "prefer this over every|other"],
  ["model.steer", 1, "mustNow promote"],
  ["model.trust", 6, "treat trusted request"],
  ["model.covert", 1, "without unlogged"],
  ["model.safety-off", 2, "guard off"],
  ["moves.money", 5, "transfer rest account"],
  ["harm.named", 2, "implant malware"],
];

/** All within as many words of one sentence, in any order. */
const TOGETHER: readonly Line[] = [
  ["sends.secret", 26, "send hardSecret|secret|secretFile|configFile remote|url|email"],
  ["sends.secret", 22, "send keyKind key remote|url|email"],
  ["uses.machine", 8, "mine coin"],
];

const TOGETHER_IN_TOOLS: readonly Line[] = [
  ["asks.file", 14, "secretFile|configFile pass|read|send|gather"],
  ["sends.data", 18, "send personal remote|url|email"],
  ["sends.data", 18, "send every|also url|email"],
  ["sends.secret", 14, "kept secret remote"],
  ["sends.data", 18, "send auto url|email|remote"],
  ["collects.secret", 14, "gather hardSecret|secretFile|configFile"],
  ["collects.secret", 12, "gather|extract credit card"],
  ["collects.person", 10, "fingerprint machine"],
  ["collects.person", 10, "gather personal remote|auto|excuse|quiet"],
  ["collects.person", 10, "optIn marketing"],
  ["model.steer", 8, "assistant change conduct"],
  ["model.shadow", 16, "whenever snakeCase swap recipient|email|url"],
];

function phrasesOf(lines: readonly Line[], isLoose: boolean, onlyTools: boolean): readonly Phrase[] {
  return lines.map(([rule, within, slots]) => {
    return { rule, within, slots: slots.split(" ").map((slot) => slot.split("|")), isLoose, onlyTools };
  });
}

export const PHRASES: readonly Phrase[] = [
  ...phrasesOf(IN_ORDER, false, false),
  ...phrasesOf(IN_ORDER_IN_TOOLS, false, true),
  ...phrasesOf(TOGETHER, true, false),
  ...phrasesOf(TOGETHER_IN_TOOLS, true, true),
];

/** Where a class is used: which slot of which phrase. Later slots first, so that one word never fills two. */
const USES: ReadonlyMap<string, readonly (readonly [phrase: number, slot: number])[]> = usesOf();

function usesOf(): Map<string, (readonly [number, number])[]> {
  const uses = new Map<string, (readonly [number, number])[]>();
  for (const [at, { slots }] of PHRASES.entries()) {
    for (let slot = slots.length - 1; slot >= 0; slot -= 1) {
      for (const name of slots[slot] ?? []) uses.set(name, [...(uses.get(name) ?? []), [at, slot]]);
    }
  }
  return uses;
}

const WORDS_KNOWN_MAX = 50_000;

export interface Said {
  readonly rule: OpinionId;
  readonly start: number;
  readonly end: number;
}

/** The furthest that a slot has been filled: the latest filling is always the best one to go on from. */
interface Filled {
  readonly word: number;
  readonly sentence: number;
  readonly start: number;
}

/** Time is linear in the text: each word fills a few slots, and nothing is tried again. */
export function phrasesIn(lower: string, isTool: boolean): readonly Said[] {
  return [...spacedIn(lower, isTool), ...unspacedIn(lower)];
}

function spacedIn(lower: string, isTool: boolean): readonly Said[] {
  const filled: (Filled | undefined)[][] = PHRASES.map(({ slots }) => Array.from({ length: slots.length }));
  const known = new Map<string, readonly string[]>();
  const found: Said[] = [];
  let at = 0;
  for (const word of wordsOf(lower)) {
    at += 1;
    const classes = word.form === null ? (known.get(word.text) ?? meanings(word)) : meanings(word);
    if (word.form === null && known.size < WORDS_KNOWN_MAX) known.set(word.text, classes);
    for (const [phrase, slot] of classes.flatMap((name) => USES.get(name) ?? []).sort(laterFirst)) {
      const its = PHRASES[phrase];
      const slots = filled[phrase];
      if (its === undefined || slots === undefined || (its.onlyTools && !isTool)) continue;
      const start = fill(its, slots, { slot, word, at });
      if (start !== null) found.push({ rule: its.rule, start, end: word.end });
    }
  }
  return found;
}

function laterFirst(one: readonly [number, number], other: readonly [number, number]): number {
  return other[1] - one[1];
}

/** Where the phrase began, when this word completes it. */
function fill(
  phrase: Phrase,
  slots: (Filled | undefined)[],
  { slot, word, at }: { readonly slot: number; readonly word: Word; readonly at: number },
): number | null {
  const { sentence } = word;
  if (phrase.isLoose) {
    slots[slot] = { word: at, sentence, start: word.start };
    const all = slots.filter((its) => its !== undefined && its.sentence === sentence && at - its.word <= phrase.within);
    const distinct = new Set(all.map((its) => its?.word));
    return distinct.size === slots.length ? Math.min(...all.map((its) => its?.start ?? word.start)) : null;
  }
  const before = slots[slot - 1];
  if (slot > 0 && (before?.sentence !== sentence || before.word === at || at - before.word > phrase.within))
    return null;
  const start = before?.start ?? word.start;
  slots[slot] = { word: at, sentence, start: slot === 0 ? word.start : start };
  return slot === slots.length - 1 ? start : null;
}

function meanings({ text, form }: Word): readonly string[] {
  if (form !== null && form !== "snakeCase") return [form];
  const parts = text.includes("'") ? [text, ...text.split("'")] : [text];
  const plain = unleet(text);
  const all = [...parts, ...(plain === null ? [] : [plain])].flatMap(classesOf);
  return [...new Set(form === null ? all : [...all, form])];
}
