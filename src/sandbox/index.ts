// Starts untrusted programs: mounts, one way out, limits. Knows no policy; the list of hosts is given to it.

export { probeSandbox } from "./probe.ts";
export { startSandboxed } from "./start.ts";
export type { AbsentSandbox, Ended, ReadySandbox, SandboxedProcess, SandboxProbe } from "./start.ts";
export { addressOf, isPublic } from "./targets.ts";
