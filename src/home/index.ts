// The home's public names: files, git and lock of the stack home. All calls are synchronous and rare.

export { atomicWriter, codeOf, ensureDir, syncDir, writeAtomic, writeFault } from "./atomic.ts";
export { appendHead, commitHome, FREEHOLD_IDENTITY, homeHead, initRepository, isRepository, readHeads } from "./git.ts";
export type { Commit, Identity } from "./git.ts";
export { homeModes, initHome, isHome } from "./init.ts";
export type { HomeModes, InitDone, InitOptions } from "./init.ts";
export { lockHolder, lockHome } from "./lock.ts";
export type { HomeLock } from "./lock.ts";
export { homePaths, resolveHome } from "./paths.ts";
export type { HomePaths } from "./paths.ts";
export { readPolicyFiles } from "./read.ts";
export { watchHome } from "./watch.ts";
export type { Watch, WatchOptions } from "./watch.ts";
