// npm run check: format, lint, types, tidy, tests, knip, in this order, then the scoreboard. Without real servers.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { bootstrap, ROOT } from "./bootstrap.mjs";
import { inPlace, main } from "./process.mjs";
import { runCheck, runTests } from "./steps.mjs";

/** All tests beside the code, but those that start real npm and real sandboxes for long: `npm test` runs them too. */
function unitTests() {
  const files = readdirSync(join(ROOT, "src"), { recursive: true }).map((file) => join("src", String(file)));
  return files.filter((file) => file.endsWith(".test.ts") && !file.endsWith(".real.test.ts")).sort();
}

await main(async () => {
  const startedMs = Date.now();
  const failed = [];
  const node = await bootstrap({ wantsBuild: false });
  for (const name of ["format", "lint", "types"]) if (!(await runCheck(node, name))) failed.push(name);
  if ((await runTests(node, ["tests/tidy/*.test.ts"])) !== 0) failed.push("tidy");
  if ((await runTests(node, [...unitTests(), "tests/{bootstrap,vectors}/*.test.ts"])) !== 0) failed.push("tests");
  if (!(await runCheck(node, "knip"))) failed.push("knip");
  try {
    await bootstrap();
  } catch (error) {
    process.stderr.write(`freehold: ${error.message}\n`);
    failed.push("build");
  }
  await inPlace(node, [join(ROOT, "scripts", "scoreboard.mjs")], { cwd: ROOT });
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  process.stdout.write(`${failed.length === 0 ? "All passed" : `FAILED: ${failed.join(", ")}`} in ${seconds} s\n`);
  return failed.length === 0 ? 0 : 1;
});
