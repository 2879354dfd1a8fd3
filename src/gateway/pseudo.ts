// Resources and prompts as tools of the door: `server.@resources` reads one, `server.@prompts` gets one.

import { PROMPTS, RESOURCES, type JsonObject } from "../kernel/index.ts";

export interface WireCall {
  readonly method: string;
  readonly params: JsonObject;
}

/** The upstream call behind a tool or pseudo-tool; null when the arguments are not its own. */
export function wireCall(name: string, args: JsonObject): WireCall | null {
  if (name === RESOURCES) {
    const uri = args["uri"];
    return typeof uri === "string" && Object.keys(args).length === 1
      ? { method: "resources/read", params: { uri } }
      : null;
  }
  if (name === PROMPTS) {
    const prompt = args["name"];
    const given = args["arguments"] ?? {};
    if (typeof prompt !== "string" || typeof given !== "object") return null;
    return { method: "prompts/get", params: { arguments: given, name: prompt } };
  }
  return { method: "tools/call", params: { arguments: args, name } };
}
