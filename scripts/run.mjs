// node scripts/run.mjs WHAT args…: bootstrap, then WHAT with the right Node.
//   build · bench NAME [--json] · example NAME · freehold ARGS · prepare (nothing more; the launcher's slow way)

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { bootstrap, lastNode, ROOT } from "./bootstrap.mjs";
import { fetchFixtures } from "./fixtures.mjs";
import { inPlace, main, Trouble } from "./process.mjs";

const CLI = join(ROOT, "dist", "cli", "main.js");

async function run([what, ...args]) {
  switch (what) {
    case "prepare":
      await bootstrap();
      return 0;
    case "build":
      return inPlace(await bootstrap(), [join(ROOT, "scripts", "scoreboard.mjs")]);
    case "bench":
      return inPlace(await bootstrap(), [join(ROOT, "bench", "run.ts"), ...args]);
    case "example":
      return runExample(args[0] ?? "");
    case "freehold": {
      // Stopping must work while the sources do not build.
      const node = (args[0] === "shutdown" ? lastNode() : null) ?? (await bootstrap());
      return inPlace(node, [CLI, ...args]);
    }
    default:
      throw new Trouble(`'${what ?? ""}' is none of: build, bench, example, freehold, prepare.`);
  }
}

/** An example's packages are brought first; it runs without a network. */
async function runExample(name) {
  const names = readdirSync(join(ROOT, "examples"));
  if (!names.includes(name)) throw new Trouble(`name an example: npm run -s example -- ${names.join(" | ")}`);
  const node = await bootstrap();
  const [trouble] = await fetchFixtures(ROOT);
  if (trouble !== undefined) throw new Trouble(trouble);
  return inPlace(node, [join(ROOT, "examples", name, "run.ts")]);
}

await main(() => run(process.argv.slice(2)));
