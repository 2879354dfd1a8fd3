// Before a server starts: its tree is the locked one, or it is brought here. A changed tree is never mended silently.

import { existsSync } from "node:fs";
import { treeFolder } from "./places.ts";
import { installFromLock, type InstallOptions } from "./prepare.ts";
import { verifyTree } from "./tree.ts";

/** Throws Fault `supply.tree-differs`, which names the first file that is not as locked, or a fault of the install. */
export async function bringTree(options: InstallOptions): Promise<void> {
  const { tree } = options.locked;
  if (tree === null) return;
  if (existsSync(treeFolder(options.homePaths, tree.hash))) await verifyTree(options);
  else await installFromLock(options);
}
