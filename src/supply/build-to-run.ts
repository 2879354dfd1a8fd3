// Which build of Freehold is to run: the one of the generation that holds. Read before anything else of it is loaded.
// A new build gets one start to become ready; at the next start without that, the one before it runs again.

import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { codeOf } from "../home/index.ts";
import { Fault, sha256, type Digest } from "../kernel/index.ts";
import type { Generations } from "./generations.ts";
import { fileLine, firstDifference, linkLine, walk } from "./tree.ts";
import { listingFile, treeFolder, type SupplyHome } from "./places.ts";

export interface OwnBuild {
  readonly home: SupplyHome;
  readonly generations: Generations;
  /** Where the asking program stands. */
  readonly root: string;
}

/** The list whose hash a tree is named by; as `listTree`, at once. */
export function listFiles(folder: string, leaveOut: (path: string) => boolean = () => false): string {
  const entries = walk(folder, leaveOut).filter(({ kind }) => kind !== "folder");
  const lines = entries
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, kind, isExecutable }) => {
      const full = join(folder, path);
      if (kind === "link") return linkLine(path, readlinkSync(full));
      return fileLine(path, { isExecutable, content: readFileSync(full) });
    });
  return lines.join("");
}

/** The root of the build to run instead of the asking one; null for itself. For programs that only ask. */
export function otherBuild({ home, generations, root }: OwnBuild): string | null {
  let pointer;
  try {
    pointer = generations.pointer();
  } catch (error) {
    // A home of another user, or a damaged one: the daemon says so, once it is reached.
    if (error instanceof Fault || codeOf(error) === "EACCES") return null;
    throw error;
  }
  // What was never ready is not followed.
  if (pointer === null || pointer.trial !== null) return null;
  const wanted = rootOf({ home, generations, root }, pointer.generation);
  return wanted === root || !existsSync(wanted) ? null : wanted;
}

/**
 * For the daemon, before it starts: counts the start of a new build, and leaves one that was started before and never
 * became ready. Throws Fault `supply.build-differs`, which names the first file that is not as it was kept.
 */
export function buildToRun(own: OwnBuild): string | null {
  const { home, generations, root } = own;
  const pointer = generations.pointer();
  if (pointer === null) return null;
  const { trial } = pointer;
  let number = pointer.generation;
  // The new build itself, whose start was counted by the one that gave it its place.
  if (trial !== null && rootOf(own, number) === root) return null;
  if (trial !== null && trial.tries > 0) {
    const reason = "it was not ready at its first start";
    generations.point(trial.back, "rollback", { failed: { generation: number, reason } });
    number = trial.back;
  } else if (trial !== null) {
    generations.point(number, pointer.how, { trial: { ...trial, tries: trial.tries + 1 } });
  }
  const wanted = rootOf(own, number);
  if (wanted === root) return null;
  if (dirname(wanted) === home.trees) verifyBuild(home, wanted);
  else if (!existsSync(wanted)) throw gone(wanted);
  return wanted;
}

/** A new build that has become ready: from now on it is the one to run. */
export function confirmBuild(generations: Generations): void {
  const pointer = generations.pointer();
  if (pointer?.trial) generations.point(pointer.generation, pointer.how);
}

function rootOf({ home, generations, root }: OwnBuild, number: number): string {
  const { build } = generations.get(number);
  if (build.tree !== null) return treeFolder(home, build.tree);
  // Made by what was installed: that is whoever asks, unless a kept build asks.
  return dirname(root) === home.trees ? build.root : root;
}

function verifyBuild(home: SupplyHome, root: string): void {
  if (!existsSync(root)) throw gone(root);
  const hash: Digest = root.slice(home.trees.length + 1);
  const listing = listFiles(root);
  if (sha256(listing) === hash) return;
  const kept = listingFile(home, hash);
  const known = existsSync(kept) ? readFileSync(kept, "utf8") : "";
  const what = sha256(known) === hash ? firstDifference(known, listing) : "a file in it was changed";
  throw new Fault("supply.build-differs", {
    at: root,
    message: `this copy of Freehold is not as it was kept: ${what}.`,
    next: NEXT,
  });
}

const NEXT = "FREEHOLD_BUILD=installed freehold start runs what is installed; then freehold rollback";

function gone(root: string): Fault {
  return new Fault("supply.build-gone", { at: root, message: "the Freehold of this generation is gone.", next: NEXT });
}
