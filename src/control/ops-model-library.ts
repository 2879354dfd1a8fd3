// The library that runs model files: asked for by name, since most owners have an engine of their own.

import type { JsonObject } from "../kernel/index.ts";
import type { InstalledLlama } from "../supply/index.ts";
import type { Operation } from "./operation.ts";

export interface ModelLibraryParts {
  /** What runs model files is installed. */
  hasLlama(): boolean;
  installLlama(progress: (text: string) => void): Promise<InstalledLlama>;
}

export function modelLibraryOperation(parts: ModelLibraryParts): Operation {
  return {
    name: "model.engine",
    needsOwner: true,
    run: async (_input, { emit }): Promise<JsonObject> => ({
      ...(await parts.installLlama((step) => emit({ progress: step }))),
    }),
  };
}
