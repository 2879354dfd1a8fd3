// Where supply keeps things below the stack home's .state, and nowhere else.

import { join } from "node:path";
import type { HomePaths } from "../home/index.ts";

export type SupplyHome = Pick<HomePaths, "dir" | "stateDir" | "trees" | "store">;

export function treeFolder(home: SupplyHome, hash: string): string {
  return join(home.trees, hash);
}

/** The list of files that a tree hash is the hash of. */
export function listingFile(home: SupplyHome, hash: string): string {
  return join(home.trees, `${hash}.files`);
}

export function contentFolder(home: SupplyHome): string {
  return join(home.store, "sha512");
}

export function npmCacheFolder(home: SupplyHome): string {
  return join(home.store, "npm-cache");
}
