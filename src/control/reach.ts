// Control's light side, for programs that start often: where the stack home is, and the way to its daemon.

export { connectControl } from "./client.ts";
export type { ControlClient } from "./client.ts";
export { together } from "./together.ts";
export type { TogetherKind } from "./together.ts";
export { homePaths, initHome, isHome, resolveHome } from "../home/index.ts";
export type { InitDone } from "../home/index.ts";
