// Finds tools by what they do: BM25 over several fields (Robertson, Zaragoza and Taylor, 2004), in memory.
// An index is of one view alone: tools that a client may not see do not even change the order of those it may.

import { alikeOf, askedStemsOf, stemsOf } from "./find-words.ts";

export interface Findable {
  readonly name: string;
  readonly server: string;
  readonly fields: Readonly<Record<Field, string>>;
}

export type Field = "name" | "purpose" | "more" | "parameters" | "hints" | "card";

export interface ToolIndex {
  /** Names, best first; none where no word fits. */
  find(query: string, countMax: number): readonly string[];
}

/** A name is chosen with care, a first sentence says the purpose; the rest only hints. */
const WEIGHTS: Readonly<Record<Field, number>> = {
  name: 3,
  purpose: 1,
  more: 0.3,
  parameters: 0.5,
  hints: 0.2,
  card: 0.3,
};
const FIELDS = ["name", "purpose", "more", "parameters", "hints", "card"] as const satisfies readonly Field[];
/** The usual constants: how soon repetition stops counting, and how much length counts. */
const K1 = 1.2;
const B = 0.75;
/** Another word for the same thing counts less than the word. */
const ALIKE_WEIGHT = 0.5;
/** Who names a server means its tools. */
const NAMED_SERVER_FACTOR = 1.5;
const FIELD_LENGTH_MAX = 4_000;
const QUERY_STEMS_MAX = 40;

/** By tool, how often a stem occurs, weighted by field. */
type Postings = ReadonlyMap<string, ReadonlyMap<number, number>>;

export function indexTools(tools: readonly Findable[]): ToolIndex {
  const postings = postingsOf(tools);
  const names = tools.map((tool) => tool.name);
  const servers = tools.map((tool) => stemsOf(tool.server));
  return {
    find(query, countMax) {
      const totals = new Float64Array(names.length);
      const asked = new Set(askedStemsOf(query.slice(0, FIELD_LENGTH_MAX)).slice(0, QUERY_STEMS_MAX));
      for (const stem of asked) {
        for (const [tool, score] of bestOf(postings, stem, names.length)) totals[tool] = (totals[tool] ?? 0) + score;
      }
      for (const [tool, stems] of servers.entries()) {
        if (stems.some((stem) => asked.has(stem))) totals[tool] = (totals[tool] ?? 0) * NAMED_SERVER_FACTOR;
      }
      return [...totals.keys()]
        .filter((tool) => (totals[tool] ?? 0) > 0)
        .toSorted((one, other) => (totals[other] ?? 0) - (totals[one] ?? 0) || one - other)
        .slice(0, countMax)
        .map((tool) => names[tool] ?? "");
    },
  };
}

/** By tool, what the word itself gives, or all that mean the same taken as one word that is as common as they are. */
function bestOf(postings: Postings, stem: string, toolCount: number): ReadonlyMap<number, number> {
  const own = postings.get(stem) ?? new Map<number, number>();
  const joint = new Map(own);
  for (const other of alikeOf(stem)) {
    for (const [tool, often] of postings.get(other) ?? []) {
      joint.set(tool, (joint.get(tool) ?? 0) + often * ALIKE_WEIGHT);
    }
  }
  const best = new Map<number, number>();
  for (const [tool, often] of joint) {
    const exact = own.has(tool) ? rarity(own.size, toolCount) * saturated(own.get(tool) ?? 0) : 0;
    best.set(tool, Math.max(exact, rarity(joint.size, toolCount) * saturated(often)));
  }
  return best;
}

function rarity(holding: number, toolCount: number): number {
  return Math.log(1 + (toolCount - holding + 0.5) / (holding + 0.5));
}

function saturated(often: number): number {
  return (often * (K1 + 1)) / (K1 + often);
}

function postingsOf(tools: readonly Findable[]): Postings {
  const stems = tools.map((tool) => FIELDS.map((field) => stemsOf(tool.fields[field].slice(0, FIELD_LENGTH_MAX))));
  const averages = FIELDS.map((_field, at) => {
    const total = stems.reduce((sum, fields) => sum + (fields[at]?.length ?? 0), 0);
    return Math.max(1, total / Math.max(1, tools.length));
  });
  const postings = new Map<string, Map<number, number>>();
  for (const [tool, fields] of stems.entries()) {
    for (const [at, field] of FIELDS.entries()) {
      const found = fields[at] ?? [];
      const weight = WEIGHTS[field] / (1 - B + (B * found.length) / (averages[at] ?? 1));
      for (const stem of found) {
        const byTool = postings.get(stem) ?? new Map<number, number>();
        byTool.set(tool, (byTool.get(tool) ?? 0) + weight);
        postings.set(stem, byTool);
      }
    }
  }
  return postings;
}
