// An update of Freehold itself, treated like one of any server: brought, tried on a copy, shown, switched to.

import type { Clock, JsonObject } from "../kernel/index.ts";
import { Fault } from "../kernel/index.ts";
import type { Store } from "../store/index.ts";
import type { Build, SwitchKind } from "../supply/index.ts";
import { FREEHOLD, refuseBarred } from "./barred.ts";
import { text } from "./input.ts";
import { requireOwner, type Operation } from "./operation.ts";
import type { PolicyHistory } from "./policy-state.ts";

export interface StagedBuild {
  readonly build: Build;
  readonly readyMs: number;
  readonly entries: number;
  readonly schema: number;
  readonly isSandboxed: boolean;
}

/** What the daemon does when it ends: the next start is of another build. */
export interface NextStart {
  readonly to: number;
  readonly how: SwitchKind;
  readonly trial: { readonly back: number; readonly tries: number } | null;
}

export interface FreeholdParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly policy: PolicyHistory;
  /** Brings a build among the trees; runs nothing of it. */
  bringFreehold(from: string, progress: (text: string) => void): Promise<Build>;
  /** Starts it on a copy of the state. Throws Fault `freehold.trial`. */
  tryFreehold(build: Build): Promise<StagedBuild>;
  /** A copy of what runs now, where it runs as it was installed. */
  keepOwnFreehold(): Promise<Build | null>;
  /** Ends the daemon, and points at the next generation as the last thing. */
  endFor(next: NextStart): void;
}

export function freeholdOperations(parts: FreeholdParts): readonly Operation[] {
  // Only what was tried by this very process is switched to.
  const tried = new Map<string, StagedBuild>();
  return [
    {
      name: "freehold.stage",
      needsOwner: true,
      async run(input, context) {
        const progress = (step: string): void => context.emit({ progress: step });
        progress("bringing the files");
        const build = await parts.bringFreehold(text(input, "from"), progress);
        refuseBarred(parts.store.settings, { source: `${FREEHOLD}@${build.version}`, tree: build.tree });
        const now = parts.policy.build();
        if (build.code === now.code) return { ...shown(build, now), same: true };
        progress("starting it on a copy of your state");
        const staged = await parts.tryFreehold(build);
        tried.set(build.tree ?? "", staged);
        const { readyMs, entries, schema, isSandboxed } = staged;
        return { ...shown(build, now), same: false, readyMs, entries, schema, isSandboxed };
      },
    },
    {
      name: "freehold.switch",
      needsOwner: true,
      async run(input, context) {
        const staged = tried.get(text(input, "tree"));
        if (staged === undefined) {
          const message = "this Freehold was not tried before, or the daemon was started again since.";
          throw new Fault("freehold.not-tried", { message, next: "freehold update freehold --from PATH" });
        }
        const { policy } = parts;
        const owner = requireOwner(context.owner);
        const own = await parts.keepOwnFreehold();
        // What runs as installed can be overwritten where it stands: the way back leads to a copy.
        if (own !== null) await policy.take(policy.withBuild(own, policy.generation().schema), owner);
        const back = policy.generation().number;
        const { number } = policy.withBuild(staged.build, staged.schema);
        parts.endFor({ to: number, how: "update", trial: { back, tries: 0 } });
        return { generation: number, back, pid: process.pid };
      },
    },
  ];
}

function shown(build: Build, now: Build): JsonObject {
  return { version: build.version, tree: build.tree, code: build.code, from: now.version };
}
