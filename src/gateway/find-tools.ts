// Finds tools by what they do: BM25 over several fields (Robertson, Zaragoza and Taylor, 2004), in memory.
// An index is of one view alone: tools that a client may not see do not even change the order of those it may.

import { alikeOf, stemsOf } from "./find-words.ts";

export interface Findable {
  readonly name: string;
  readonly fields: Readonly<Record<Field, string>>;
}

export type Field = "name" | "purpose" | "more" | "parameters" | "card";

export interface ToolIndex {
  /** Names, best first; none where no word fits. */
  find(query: string, countMax: number): readonly string[];
}

/** A name is chosen with care, a first sentence says the purpose; parameters and the rest only hint. */
const WEIGHTS: Readonly<Record<Field, number>> = { name: 3, purpose: 1, more: 0.3, parameters: 0.5, card: 0.3 };
const FIELDS = ["name", "purpose", "more", "parameters", "card"] as const satisfies readonly Field[];
/** The usual constants: how soon repetition stops counting, and how much length counts. */
const K1 = 1.2;
const B = 0.75;
/** Another word for the same thing counts less than the word. */
const ALIKE_WEIGHT = 0.5;
const FIELD_LENGTH_MAX = 4_000;
const QUERY_STEMS_MAX = 40;

interface Posting {
  readonly tool: number;
  readonly score: number;
}

export function indexTools(tools: readonly Findable[]): ToolIndex {
  const postings = scored(tools);
  const names = tools.map((tool) => tool.name);
  return {
    find(query, countMax) {
      const totals = new Float64Array(names.length);
      for (const stem of new Set(stemsOf(query.slice(0, FIELD_LENGTH_MAX)).slice(0, QUERY_STEMS_MAX))) {
        for (const [tool, score] of bestOf(postings, stem)) totals[tool] = (totals[tool] ?? 0) + score;
      }
      return [...totals.keys()]
        .filter((tool) => (totals[tool] ?? 0) > 0)
        .toSorted((one, other) => (totals[other] ?? 0) - (totals[one] ?? 0) || one - other)
        .slice(0, countMax)
        .map((tool) => names[tool] ?? "");
    },
  };
}

/** By tool, what the word or the best of its neighbours gives. */
function bestOf(postings: ReadonlyMap<string, readonly Posting[]>, stem: string): ReadonlyMap<number, number> {
  const best = new Map<number, number>();
  const take = (word: string, weight: number): void => {
    for (const { tool, score } of postings.get(word) ?? []) {
      best.set(tool, Math.max(best.get(tool) ?? 0, score * weight));
    }
  };
  take(stem, 1);
  for (const other of alikeOf(stem)) take(other, ALIKE_WEIGHT);
  return best;
}

function scored(tools: readonly Findable[]): ReadonlyMap<string, readonly Posting[]> {
  const stems = tools.map((tool) => FIELDS.map((field) => stemsOf(tool.fields[field].slice(0, FIELD_LENGTH_MAX))));
  const averages = FIELDS.map((_field, at) => {
    const total = stems.reduce((sum, fields) => sum + (fields[at]?.length ?? 0), 0);
    return Math.max(1, total / Math.max(1, tools.length));
  });
  const counts = stems.map((fields) => weighted(fields, averages));
  const holders = new Map<string, number>();
  for (const count of counts) for (const stem of count.keys()) holders.set(stem, (holders.get(stem) ?? 0) + 1);
  const postings = new Map<string, Posting[]>();
  for (const [tool, count] of counts.entries()) {
    for (const [stem, often] of count) {
      const holding = holders.get(stem) ?? 0;
      const rarity = Math.log(1 + (tools.length - holding + 0.5) / (holding + 0.5));
      const list = postings.get(stem) ?? [];
      list.push({ tool, score: (rarity * often * (K1 + 1)) / (K1 + often) });
      postings.set(stem, list);
    }
  }
  return postings;
}

/** How often each stem occurs, by weight of the field and its length against the usual one. */
function weighted(fields: readonly (readonly string[])[], averages: readonly number[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [at, field] of FIELDS.entries()) {
    const stems = fields[at] ?? [];
    const length = 1 - B + (B * stems.length) / (averages[at] ?? 1);
    for (const stem of stems) counts.set(stem, (counts.get(stem) ?? 0) + WEIGHTS[field] / length);
  }
  return counts;
}
