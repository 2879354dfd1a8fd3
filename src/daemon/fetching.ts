// Skills and models are fetched in the daemon: its connections are in the ledger, and git and npm are in the sandbox.

import type { PermitConnection } from "../kernel/index.ts";
import type { ModelParts, SkillParts } from "../control/index.ts";
import { fetchSkill, hasLlama, installLlama, pullModel, type InstallOptions } from "../supply/index.ts";
import type { DaemonState } from "./state.ts";

export type Fetching = Pick<SkillParts, "fetchSkill"> & Pick<ModelParts, "pullModel" | "installLlama" | "hasLlama">;

export interface FetchingNeeds {
  readonly supply: () => Promise<Omit<InstallOptions, "name" | "locked">>;
  readonly permit: PermitConnection;
}

export function fetchingOf({ home }: DaemonState, { supply, permit }: FetchingNeeds): Fetching {
  return {
    fetchSkill: async (order) => fetchSkill({ ...(await supply()), ...order }),
    hasLlama: () => hasLlama(home),
    installLlama: async (progress) => installLlama({ ...(await supply()), progress }),
    pullModel: (order) => pullModel({ homePaths: home, permitConnection: permit, ...order }),
  };
}
