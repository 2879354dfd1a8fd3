// Preloaded by `npm test`: property tests draw the same cases on every machine, so that a red gate speaks of the change
// before it and not of the dice. `npm run check` draws new ones each time, and FREEHOLD_SEED=N repeats a draw.

import { registerHooks } from "node:module";

const SEED = Number(process.env.FREEHOLD_SEED ?? 20_261_122);
const NAME = "fast-check";

// Only the files that import it pay for loading it.
registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!url.endsWith(`/${NAME}/lib/${NAME}.js`)) return loaded;
    return { ...loaded, source: `${String(loaded.source)}\nconfigureGlobal({ seed: ${SEED} });\n` };
  },
});
