// Prints the figures that show whether Freehold stays small. Needs the right Node: it imports tidy's TypeScript.

import { cyclesOf, figuresOf, readTree } from "../tests/tidy/tree.ts";
import { LIMITS } from "../tests/tidy/table.ts";
import { daemonEntry, packagesOf } from "./packages.mjs";
import { main } from "./process.mjs";

await main(async () => {
  const tree = readTree();
  const figures = figuresOf(tree);
  const entry = daemonEntry();
  const packages = entry === null ? null : await packagesOf(entry);
  const rows = [
    ["trusted code lines", `${figures.trustedCodeLines} of ${LIMITS.trustedCodeLines}`],
    ["packages in the daemon", packages === null ? "no daemon yet" : `${packages.length} of ${LIMITS.daemonPackages}`],
    ["total lines", figures.totalLines],
    ["largest file", `${figures.largestLines} (${figures.largestFile})`],
    ["median file", figures.medianLines],
    ["cycles", figures.cycles],
    ["direct dependencies", figures.directDependencies],
  ];
  for (const [name, value] of rows) process.stdout.write(`${name.padEnd(24)}${value}\n`);
  for (const name of packages ?? []) process.stdout.write(`  ${name}\n`);
  for (const cycle of cyclesOf(tree)) process.stdout.write(`  cycle: ${cycle.join(" -> ")}\n`);
  return 0;
});
