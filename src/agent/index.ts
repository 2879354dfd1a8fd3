// The agent: a small loop over the Door port and the parts it is given.

export { openAgent, type Agent } from "./loop.ts";
export { AGENT_LIMITS } from "./parts.ts";
export type {
  AgentEvent,
  AgentLimits,
  AgentParts,
  Asked,
  Bill,
  EndedWhy,
  Hear,
  KnownTool,
  Receipt,
  Skills,
  Toolbox,
  Transcript,
} from "./parts.ts";
export { isUnfinished, turnBody, turnFrom, type Turn } from "./turns.ts";
