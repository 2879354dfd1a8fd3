// Words of names, descriptions and questions, in the form in which they are compared. Nothing here knows any tool.

import { ALIKE, SAID, TURNS } from "./alike-words.ts";

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/** What says nothing of a purpose. */
const EMPTY = words(
  "a an the this that these those it its i me my we us our you your he she they them their is are was were be " +
    "been am do does did done has have had can could may might must shall should will would of in on at to for " +
    "from by with about into onto as and or but not no if so than then there here what which who whom whose when " +
    "where why how please want need use used using tool via up out any some all each every more most other such " +
    "only also just",
);

/** Camel case, snake case and digits come apart: `listPullRequests2` is list, pull, request, 2. */
export function stemsOf(text: string): readonly string[] {
  const apart = text.replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2").replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2");
  const found = apart.toLowerCase().match(/\p{L}+|\p{N}+/gu) ?? [];
  return found.filter((word) => word.length > 1 && !EMPTY.has(word)).map(stemOf);
}

/** Of what somebody asks for, turns of speech said plainly. */
export function askedStemsOf(query: string): readonly string[] {
  return stemsOf(TURNS.reduce((text, [turn, plain]) => text.replace(turn, ` ${plain} `), query.toLowerCase()));
}

/** Light on purpose: plural, -ing, -ed and a last e go. What it gets wrong it gets wrong on both sides. */
export function stemOf(word: string): string {
  const single =
    word.length > 4 && word.endsWith("ies")
      ? `${word.slice(0, -3)}y`
      : word.length > 3 && /[^sui]s$/.test(word)
        ? word.slice(0, -1)
        : word;
  const bare = /^(.{3,})(?:ing|ed)$/.exec(single)?.[1] ?? single;
  const undoubled = bare === single ? bare : bare.replace(/([^aeiouls])\1$/, "$1");
  return undoubled.length > 3 ? undoubled.replace(/e$/, "") : undoubled;
}

/** Other stems for the same thing; empty for most words. */
export function alikeOf(stem: string): readonly string[] {
  return NEIGHBOURS.get(stem) ?? [];
}

const NEIGHBOURS: ReadonlyMap<string, readonly string[]> = neighbours();

function neighbours(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const add = (from: string, to: readonly string[]): void => {
    const others = to.filter((other) => other !== from);
    found.set(from, [...new Set([...(found.get(from) ?? []), ...others])]);
  };
  const stems = (text: string): readonly string[] => text.split(" ").map(stemOf);
  for (const group of ALIKE) for (const stem of stems(group)) add(stem, stems(group));
  for (const line of SAID) {
    const [left = "", right = ""] = line.split(": ");
    for (const stem of stems(left)) add(stem, stems(right));
  }
  return found;
}
