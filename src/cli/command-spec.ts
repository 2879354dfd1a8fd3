// What a command is to the command line: its name, what it takes, and where it is loaded from when it is used.

import type { Given } from "./given.ts";
import type { Outcome, Shell } from "./shell.ts";

export type Run = (shell: Shell, given: Given) => Promise<Outcome>;

export interface CommandSpec {
  /** Two words for a command of a group. */
  readonly name: string;
  readonly args?: string;
  readonly summary: string;
  readonly group: "Every day" | "Build" | "Maintain" | "Defend";
  readonly options?: readonly (readonly [flags: string, description: string])[];
  readonly load: () => Promise<Run>;
}
