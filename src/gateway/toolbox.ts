// What Freehold's own agent knows of the tools of some compartments: accepted definitions out of the lock, no more.

import type { JsonObject } from "../kernel/index.ts";
import { memoryServerName, RECALL, REMEMBER } from "./memory-server.ts";
import { argumentsHint, openMetaTools } from "./meta-tools.ts";
import type { ActivePolicy } from "./policy.ts";
import { viewFor } from "./views.ts";

export interface OfferedTool {
  readonly tool: string;
  readonly says: string;
  misfit(args: JsonObject): string | null;
}

export interface OfferedTools {
  find(query: string): string;
  /** By its name on the wire, or as the owner's files write it. */
  tool(name: string): OfferedTool | null;
  nearest(name: string): string;
  readonly recall: OfferedTool;
  readonly remember: OfferedTool;
}

export function offerTools(policy: ActivePolicy, compartment: string): OfferedTools {
  const { toolOf } = viewFor(policy, [compartment], { kind: "direct", names: "full" });
  const meta = openMetaTools([...toolOf.values()]);
  const byTool = new Map(toolOf.values().map((seen) => [seen.tool, seen]));
  const offered = (tool: string, says: string): OfferedTool => ({
    tool,
    says,
    misfit: (args) => policy.tools.get(tool)?.check(args) ?? null,
  });
  const own = (name: string): OfferedTool => {
    const tool = `${memoryServerName(compartment)}.${name}`;
    return offered(tool, argumentsHint(policy.tools.get(tool)?.definition ?? {}));
  };
  return {
    find: (query) => meta.find(query),
    nearest: (name) => meta.nearest(name),
    tool(name) {
      const seen = toolOf.get(name) ?? byTool.get(name);
      return seen === undefined ? null : offered(seen.tool, meta.describe(seen));
    },
    recall: own(RECALL),
    remember: own(REMEMBER),
  };
}
