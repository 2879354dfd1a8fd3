// The checks that `npm test` and `npm run check` share, each one program run with the right Node.

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { ROOT } from "./bootstrap.mjs";
import { inPlace } from "./process.mjs";

const TEST_TIMEOUT_MS = 300_000;
const LINTED = ["src", "tests", "bench", "examples"];
const CONFIGURATION = ["package.json", "tsconfig.json", "tsconfig.build.json", "knip.json", ".oxlintrc.json"];

function tool(name) {
  return join(ROOT, "node_modules", name, "bin", name);
}

export const CHECKS = {
  // Names, not patterns: beside one pattern this formatter takes a folder for a file, finds none and passes.
  format: () => [tool("oxfmt"), "--check", "--no-error-on-unmatched-pattern", ...LINTED, "scripts", ...CONFIGURATION],
  // The paths are always given: without them a linter may find nothing and call it clean.
  lint: () => [tool("oxlint"), "--type-aware", "--deny-warnings", ...LINTED],
  types: () => [join(ROOT, "node_modules", "typescript", "bin", "tsc"), "-p", ROOT],
  knip: () => [join(ROOT, "node_modules", "knip", "bin", "knip.js"), "--no-progress"],
};

/** Runs one check; its words go to stderr, which leaves stdout to the test runner. */
export async function runCheck(node, name) {
  const startedMs = Date.now();
  const code = await inPlace(node, CHECKS[name](), { cwd: ROOT, stdio: ["ignore", 2, 2] });
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  process.stderr.write(`freehold: ${name} ${code === 0 ? "passed" : "FAILED"} (${seconds} s)\n`);
  return code === 0;
}

/** node --test over the files that match, the spec reporter last on stdout; a fixed seed draws the same cases. */
export function runTests(node, patterns, seed = "new") {
  // Most of a test's time is waiting for a child: one file at a time would leave a small machine idle.
  const filesAtOnce = Math.max(2, availableParallelism());
  const limits = [`--test-concurrency=${filesAtOnce}`, `--test-timeout=${TEST_TIMEOUT_MS}`];
  const preload = seed === "fixed" ? ["--import", "./scripts/fixed-seed.mjs"] : [];
  return inPlace(node, [...preload, "--test", "--test-reporter=spec", ...limits, ...patterns], { cwd: ROOT });
}
