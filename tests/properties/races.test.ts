// A few hundred tries of each race; `npm run bench -- races` makes a hundred thousand.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RACES } from "./races.ts";

const TRIES = 300;

for (const [name, run] of Object.entries(RACES)) {
  test(`nothing acts twice or too late: ${name}`, { timeout: 60_000 }, async () => {
    const { tries, violations, acted, examples } = await run({ tries: TRIES, seed: Date.now() % 1_000_000 });
    assert.deepEqual({ violations, examples }, { violations: 0, examples: [] });
    assert.ok(acted > 0, `nothing acted in ${tries} tries: this is no race`);
  });
}
