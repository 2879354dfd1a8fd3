// Servers that are watched after a switch to other code, and the owner's word that one of them has been watched enough.

import { Fault, oneLine, type JsonObject } from "../kernel/index.ts";
import type { Canaries } from "./canaries.ts";
import { text } from "./input.ts";
import type { Operation } from "./operation.ts";

export interface CanaryOperationParts {
  readonly canaries: Canaries;
}

export function canaryOperations({ canaries }: CanaryOperationParts): readonly Operation[] {
  return [
    {
      name: "update.keep",
      needsOwner: true,
      async run(input) {
        const name = text(input, "name");
        const canary = canaries.of(name);
        if (canary === null) {
          const message = `${oneLine(name, 60)} is not being watched.`;
          throw new Fault("canary.none", { message, next: "freehold status" });
        }
        const { source, generation } = canary;
        canaries.end(name, "kept", { source, generation, by: "owner" });
        return { name, source };
      },
    },
  ];
}

export function canaryRows({ canaries }: CanaryOperationParts): readonly JsonObject[] {
  return canaries.list().map(({ reads, ...canary }) => ({ ...canary, reads: reads === null ? null : [...reads] }));
}
