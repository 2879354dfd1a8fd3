// Hashes of what a server serves. A changed, added, removed or renamed definition changes a pin or the root.
// Invariant: two definitions have one pin only when they are the same canonical JSON.

import { digestOf, type Digest, type JsonObject } from "./json.ts";
import type { Surface } from "./ports.ts";

export function pinOf(definition: JsonObject): Digest {
  return digestOf(definition);
}

/** Over the sorted definitions, the texts and the protocol, so that the whole set is pinned, not each tool alone. */
export function surfaceRoot(surface: Surface): Digest {
  const sorted = (definitions: readonly JsonObject[]): string[] => definitions.map((item) => pinOf(item)).sort();
  return digestOf({
    protocol: surface.protocol,
    instructions: surface.instructions,
    tools: sorted(surface.tools),
    prompts: sorted(surface.prompts),
    resources: sorted(surface.resources),
    templates: sorted(surface.templates),
  });
}

/** Resources and prompts as tools of the door: `server.@resources` reads one, `server.@prompts` gets one. */
export const RESOURCES = "@resources";
export const PROMPTS = "@prompts";
export const COMPLETION = "@completion";
