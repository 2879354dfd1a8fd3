// The doctor's public names: checks of this machine and of the stack home. Nothing is changed by looking.

export { runChecks } from "./checks.ts";
export type { CheckOptions } from "./checks.ts";
export type { Check, Finding } from "./check.ts";
export { judgeCode, scanSkill, scanSurface, type JudgedCode } from "../supply/index.ts";
