// Races at the door, a hundred thousand tries each, over a real store: npm run -s bench -- races --json
// Who comes first at every point where the door waits is drawn by lot; a violation is an act too late or done twice.

import { RACES, type RaceCount } from "../tests/properties/races.ts";
import type { Bench } from "./lib.ts";

const TRIES = 100_000;
const QUICK_TRIES = 1_000;
/** The same lots for everybody who repeats the figure. */
const SEED = 20_261_122;

export const run: Bench = async ({ quick, note }) => {
  const counts: Record<string, RaceCount> = {};
  for (const [name, race] of Object.entries(RACES)) {
    const count = await race({ tries: quick ? QUICK_TRIES : TRIES, seed: SEED });
    note(`${name}: ${count.tries} tries, ${count.acted} acted, ${count.violations} violations`);
    counts[name] = count;
  }
  return counts;
};
