// From the program that was started to the build that is to run. Loads next to nothing, since most starts end here.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { homePaths, lockHolder, resolveHome } from "../home/index.ts";
import { buildToRun, otherBuild } from "../supply/build-to-run.ts";
import { openGenerations } from "../supply/generations.ts";
import { DAEMON_FLAGS } from "./node-flags.ts";

/** package.json stands in it. */
export const OWN_ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
/** The rooms: `dist`, or `src` where this runs from its sources. */
export const OWN_CODE = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** The way out when a kept build cannot run: what is installed runs, whatever the generation says. */
function staysHere(): boolean {
  return process.env["FREEHOLD_BUILD"] === "installed";
}

/** For the daemon, before it loads the rest. Answers when this program is the one to run. */
export function followBuild(homeDir: string): void {
  if (staysHere()) return;
  const home = homePaths(homeDir);
  // A second daemon is refused later; it must not count as a start of a new build.
  if (lockHolder(homeDir) !== null) return;
  const root = buildToRun({ home, generations: openGenerations(home), root: OWN_ROOT });
  if (root !== null) become(join(root, "dist", "daemon", "main.js"), DAEMON_FLAGS);
}

/** For the command line: the commands of the build that runs. */
export function followForCommand(argv: readonly string[]): void {
  if (staysHere()) return;
  const flag = argv.findIndex((word) => word === "--home" || word.startsWith("--home="));
  const argument = flag === -1 ? null : (argv[flag]?.split("=")[1] ?? argv[flag + 1] ?? null);
  const home = homePaths(resolveHome({ argument, env: process.env }));
  const root = otherBuild({ home, generations: openGenerations(home), root: OWN_ROOT });
  if (root !== null) become(join(root, "dist", "cli", "main.js"), []);
}

function become(main: string, flags: readonly string[]): void {
  const env = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  // Node warns that this call is new; nobody who reads our output needs to know.
  process.removeAllListeners("warning");
  process.execve?.(process.execPath, [process.execPath, ...flags, main, ...process.argv.slice(2)], env);
}
