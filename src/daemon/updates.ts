// Rehearsals run in the daemon: its connections are in the ledger, and what they start is in the sandbox.

import type { PermitConnection } from "../kernel/index.ts";
import type { UpdateParts } from "../control/index.ts";
import type { SandboxProbe } from "../sandbox/index.ts";
import { callsFor, chooseVersion, practiceOf, rehearse } from "../supply/index.ts";
import type { DaemonState } from "./state.ts";

export interface UpdateNeeds {
  readonly ownerHome: string;
  probe(): Promise<SandboxProbe>;
  permit(principal: string, purpose: string): PermitConnection;
}

export function updatesOf({ home, clock }: DaemonState, needs: UpdateNeeds): UpdateParts["updates"] {
  const context = async (progress: (text: string) => void = () => undefined) => ({
    homePaths: home,
    ownerHome: needs.ownerHome,
    probe: await needs.probe(),
    permitConnection: needs.permit("freehold", "supply"),
    progress,
    nowMs: clock.nowMs(),
  });
  return {
    choose: async (server) => chooseVersion({ ...(await context()), ...server }),
    async rehearse({ progress, ...order }) {
      const shared = await context(progress);
      const { ageMs, cooldownMs } = order;
      // What it needs must be as old; a version that is wanted young is taken with what it needs today.
      const isRipe = ageMs === null || ageMs >= cooldownMs;
      return rehearse({ ...shared, ...order, ...(isRipe ? { beforeMs: shared.nowMs - cooldownMs } : {}) });
    },
    async record(server, more) {
      const request = { ...(await context()), ...server, others: new Map(), ageMs: null, cooldownMs: 0 };
      const calls = [...callsFor(request).filter(({ isRead }) => isRead), ...more];
      return (await practiceOf(request, server.locked, calls)).answers;
    },
  };
}
