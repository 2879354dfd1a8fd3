// The daily look at updates that the owner lets in by `update: ship`, with what the daemon has for it.

import { reasonOf } from "../kernel/index.ts";
import { shipUpdates, type ShipRun } from "../control/index.ts";
import type { Effects } from "./effects.ts";
import type { DaemonState } from "./state.ts";

export function shipRunOf(state: DaemonState, effects: Effects, options: { readonly isOwnUser: boolean }): ShipRun {
  const { home, store, clock, random, canaries, policyState } = state;
  return shipUpdates({
    ...{ home, store, clock, random, canaries, policy: policyState, isOwnUser: options.isOwnUser },
    updates: effects.updates,
    door: effects.door,
    onFault: (error) => void process.stderr.write(`updates: ${reasonOf(error)}\n`),
    wake(run, everyMs) {
      const timer = setInterval(run, everyMs).unref();
      return () => clearInterval(timer);
    },
  });
}
