// Resources, prompts and completion as tools of the door: `server.@resources` reads one or watches it,
// `server.@prompts` gets one, `server.@completion` completes an argument of one.

import { COMPLETION, isObject, PROMPTS, RESOURCES, type JsonObject } from "../kernel/index.ts";

export interface WireCall {
  readonly method: string;
  readonly params: JsonObject;
}

/** The upstream call behind a tool or pseudo-tool; null when the arguments are not its own. */
export function wireCall(name: string, args: JsonObject): WireCall | null {
  switch (name) {
    case RESOURCES:
      return resourceCall(args);
    case PROMPTS: {
      const { name: prompt, arguments: given = {} } = args;
      if (typeof prompt !== "string" || typeof given !== "object") return null;
      return { method: "prompts/get", params: { arguments: given, name: prompt } };
    }
    case COMPLETION: {
      const { ref, argument, context, ...others } = args;
      const isOwn = isObject(ref) && isObject(argument) && (context === undefined || isObject(context));
      return isOwn && Object.keys(others).length === 0 ? { method: "completion/complete", params: args } : null;
    }
    default:
      return { method: "tools/call", params: { arguments: args, name } };
  }
}

function resourceCall({ uri, watch, ...others }: JsonObject): WireCall | null {
  if (typeof uri !== "string" || Object.keys(others).length > 0) return null;
  if (watch === undefined) return { method: "resources/read", params: { uri } };
  return watch === true ? { method: "resources/subscribe", params: { uri } } : null;
}
