// The pins of a whole surface: one for each tool, one for each set that a pseudo-tool stands for.

import { COMPLETION, pinOf, PROMPTS, RESOURCES, type Digest, type JsonObject, type Surface } from "../kernel/index.ts";

/** Keyed by full tool name. A pseudo-tool is there when the server offers what it stands for. */
export function pinsOf(server: string, surface: Surface): ReadonlyMap<string, Digest> {
  const pins = new Map<string, Digest>();
  for (const tool of surface.tools) {
    if (typeof tool["name"] === "string") pins.set(`${server}.${tool["name"]}`, pinOf(tool));
  }
  const set = (definitions: readonly JsonObject[]): Digest[] => definitions.map((item) => pinOf(item)).sort();
  const has = (capability: string): boolean => Object.hasOwn(surface.capabilities, capability);
  const { resources, templates, prompts } = surface;
  if (resources.length + templates.length > 0 || has("resources")) {
    pins.set(`${server}.${RESOURCES}`, pinOf({ resources: set(resources), templates: set(templates) }));
  }
  if (prompts.length > 0 || has("prompts")) pins.set(`${server}.${PROMPTS}`, pinOf({ prompts: set(prompts) }));
  if (has("completions")) {
    pins.set(`${server}.${COMPLETION}`, pinOf({ prompts: set(prompts), templates: set(templates) }));
  }
  return pins;
}
