// Starts untrusted programs: mounts, one way out, limits. Knows no policy; the list of hosts is given to it.

export { openEgress } from "./egress.ts";
export type { Egress, EgressOptions } from "./egress.ts";
export { probeSandbox } from "./probe.ts";
export { startSandboxed } from "./start.ts";
export type { AbsentSandbox, Ended, ReadySandbox, SandboxedProcess, SandboxProbe, StartOptions } from "./start.ts";
export { addressOf, isPublic, parseTarget } from "./targets.ts";
export type { Address, Resolve, Target } from "./targets.ts";
