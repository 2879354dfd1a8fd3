// node scripts/run.mjs WHAT args…: bootstrap, then WHAT with the right Node.
//   build · bench NAME [--json] · freehold ARGS · prepare (nothing more; the launcher's slow way)

import { join } from "node:path";
import { bootstrap, lastNode, ROOT } from "./bootstrap.mjs";
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
    case "freehold": {
      // Stopping must work while the sources do not build.
      const node = (args[0] === "shutdown" ? lastNode() : null) ?? (await bootstrap());
      return inPlace(node, [CLI, ...args]);
    }
    default:
      throw new Trouble(`'${what ?? ""}' is none of: build, bench, freehold, prepare.`);
  }
}

await main(() => run(process.argv.slice(2)));
