// node scripts/packages.mjs [ENTRY]: the packages that importing ENTRY loads (the daemon's, if none is given), as JSON.

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./bootstrap.mjs";
import { capture, main, tail, Trouble } from "./process.mjs";

/** The daemon's entry: built if it is there, else its source. Null before it exists. */
export function daemonEntry(root = ROOT) {
  const entries = [join(root, "dist", "daemon", "index.js"), join(root, "src", "daemon", "index.ts")];
  return entries.find((entry) => existsSync(entry)) ?? null;
}

/** name@version of each package that is loaded when `entry` is imported by a new process. */
export async function packagesOf(entry, node = process.execPath) {
  const scratch = mkdtempSync(join(tmpdir(), "freehold-packages-"));
  try {
    const out = join(scratch, "packages.json");
    const code = `await import(${JSON.stringify(pathToFileURL(entry).href)}); process.exit(0);`;
    const hook = pathToFileURL(join(ROOT, "scripts", "record-packages.mjs")).href;
    const args = ["--import", hook, "--input-type=module", "--eval", code];
    const run = await capture(node, args, { env: { ...process.env, FREEHOLD_PACKAGES_OUT: out }, timeout: 30_000 });
    if (run.code !== 0) throw new Trouble(`${entry} could not be imported.\n${tail(run.stderr)}`);
    return JSON.parse(readFileSync(out, "utf8"));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(async () => {
    const entry = process.argv[2] === undefined ? daemonEntry() : resolve(process.argv[2]);
    if (entry === null) throw new Trouble("there is no daemon to look at yet (dist/daemon/index.js).");
    process.stdout.write(`${JSON.stringify(await packagesOf(entry), null, 2)}\n`);
    return 0;
  });
}
