// Brings servers from their sources to this machine, exactly as locked, without running any script of theirs.

export { bringTree } from "./bring.ts";
export { launchSpecOf } from "./launch.ts";
export type { LaunchRequest } from "./launch.ts";
export type { SupplyHome } from "./places.ts";
export { installFromLock, prepareServer } from "./prepare.ts";
export type { InstallOptions, PreparedServer, PrepareOptions } from "./prepare.ts";
export { treeHash, verifyTree } from "./tree.ts";
