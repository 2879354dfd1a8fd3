// Freehold's own update, as control's operations need it, and what is left to do when the daemon ends.

import type { PermitConnection } from "../kernel/index.ts";
import { readPolicyFiles } from "../home/index.ts";
import type { FreeholdParts, LockParts, NextStart } from "../control/index.ts";
import { stageBuild, upstreamDrift, type StageOptions } from "../supply/index.ts";
import { anchorsOf } from "./anchors.ts";
import type { Effects } from "./effects.ts";
import { OWN_CODE, OWN_ROOT } from "./follow-build.ts";
import type { DaemonState } from "./state.ts";
import { trialStart } from "./trial-start.ts";

export interface Ending {
  next: NextStart | null;
}

interface Needs {
  readonly effects: Pick<Effects, "probe" | "door">;
  readonly ending: Ending;
  readonly shutdown: () => void;
}

type Parts = Pick<FreeholdParts, "bringFreehold" | "tryFreehold" | "keepOwnFreehold" | "endFor"> &
  Pick<LockParts, "upstreamDrift">;

const DRIFT_DEADLINE_MS = 15_000;

export function freeholdOf(state: DaemonState, { effects, ending, shutdown }: Needs): Parts {
  const { home, policyState } = state;
  const { probe, door } = effects;
  const permitConnection: PermitConnection = async ({ host, port }) =>
    door.connect({ principal: "freehold", purpose: "supply", host, port });
  const stage = async (from: string, progress: StageOptions["progress"]) =>
    stageBuild({ from, homePaths: home, probe: await probe(), permitConnection, progress });
  return {
    bringFreehold: stage,
    async upstreamDrift(locked) {
      const context = { homePaths: home, probe: await probe(), permitConnection, progress: () => undefined };
      return upstreamDrift({ ...context, locked, deadlineMs: DRIFT_DEADLINE_MS });
    },
    async tryFreehold(build) {
      const { digest, stack } = policyState.current();
      const done = await trialStart({
        home,
        build,
        policy: digest,
        files: readPolicyFiles(home.dir),
        servers: Object.keys(stack.servers).length,
        anchors: anchorsOf(home),
        probe: await probe(),
      });
      return { build, ...done };
    },
    async keepOwnFreehold() {
      // From its sources it cannot be kept: what is not built is no program.
      if (policyState.build().tree !== null || !OWN_CODE.endsWith("dist")) return null;
      return stage(OWN_ROOT, () => undefined);
    },
    endFor(next) {
      ending.next = next;
      // After the answer has left: the end closes the connection it goes over.
      setImmediate(shutdown);
    },
  };
}

/** The last thing before the state is closed: from here on another generation holds. */
export function pointAtNext({ policyState }: DaemonState, { next }: Ending): void {
  if (next !== null) policyState.generations.point(next.to, next.how, { trial: next.trial });
}
