// How a server is started or reached. Supply makes it from the lock, the gateway uses it.

import type { SandboxSpec } from "../kernel/index.ts";

export type LaunchSpec =
  | {
      readonly kind: "process";
      readonly server: string;
      /** `elicitation`, `sampling`, `roots`: what the owner lets it ask the program behind a call. */
      readonly asks: readonly string[];
      /** Absolute program and arguments, owner's paths resolved. */
      readonly command: readonly string[];
      readonly cwd: string;
      readonly env: Readonly<Record<string, string>>;
      /** Environment name to secret name; values are put in at start and nowhere kept. */
      readonly secrets: Readonly<Record<string, string>>;
      readonly sandbox: SandboxSpec;
    }
  | {
      readonly kind: "remote";
      readonly server: string;
      readonly asks: readonly string[];
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      /** Header name to secret name. */
      readonly secrets: Readonly<Record<string, string>>;
    };
