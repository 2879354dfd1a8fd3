// The models of the policy in force, with their keys and connections.

import { Fault, type PermitConnection } from "../kernel/index.ts";
import { openModels, type OpenModels } from "../models/index.ts";
import type { DaemonState } from "./state.ts";

type Permit = (principal: string, purpose: string) => PermitConnection;

export function modelsOf({ active, secrets, clock }: DaemonState, permit: Permit): OpenModels {
  return openModels({
    declared: () => active().stack.models,
    async secret(reference) {
      const name = reference.replace(/^secret:/, "");
      const value = secrets.isLocked() ? null : await secrets.get(name);
      if (value !== null) return value;
      const next = secrets.isLocked() ? "freehold secret unlock" : `freehold secret set ${name}`;
      throw new Fault("model.key", { message: `its key is not to be had: ${reference}.`, next });
    },
    permit: (model) => permit("freehold", `model:${model}`),
    nowMs: clock.nowMs,
    openLocal: () => null,
  });
}
