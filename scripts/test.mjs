// npm test: bootstrap, pinned fixtures, format, lint, types, then every test. The test runner speaks last.

import { bootstrap, ROOT } from "./bootstrap.mjs";
import { ensurePackages } from "./debian.mjs";
import { fetchFixtures } from "./fixtures.mjs";
import { main, step } from "./process.mjs";
import { runCheck, runTests } from "./steps.mjs";

await main(async () => {
  const failed = [];
  const isCi = process.env.CI === "true";
  // A source that does not build must not hide what the other checks say.
  const node = await bootstrap({ wantsBuild: false });

  const absent = (await ensurePackages("test")).map((wanted) => `${wanted.package} is not installed`);
  absent.push(...(await step("fetching the packages that tests run", () => fetchFixtures(ROOT))));
  for (const line of absent)
    process.stderr.write(`freehold: ${line}; tests that need it ${isCi ? "fail" : "are skipped"}\n`);
  if (isCi && absent.length > 0) failed.push("components");

  for (const name of ["format", "lint", "types"]) if (!(await runCheck(node, name))) failed.push(name);
  try {
    await bootstrap();
  } catch (error) {
    process.stderr.write(`freehold: ${error.message}\n`);
    failed.push("build");
  }

  if (failed.length > 0) process.stderr.write(`freehold: FAILED before the tests: ${failed.join(", ")}\n`);
  const code = await runTests(node, ["src/**/*.test.ts", "tests/**/*.test.ts"], "fixed");
  return failed.length > 0 ? 1 : code;
});
