// npm start: bootstrap, then `freehold start`; what follows -- is passed on (npm start -- --foreground).

import { join } from "node:path";
import { bootstrap, ROOT } from "./bootstrap.mjs";
import { ensurePackages } from "./debian.mjs";
import { inPlace, main } from "./process.mjs";

await main(async () => {
  const node = await bootstrap();
  await ensurePackages("start");
  return inPlace(node, [join(ROOT, "dist", "cli", "main.js"), "start", ...process.argv.slice(2)]);
});
