// What an OpenClaw home holds besides its MCP servers: named for the owner, taken over by nothing here.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { isObject, oneLine, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { readText, type ClientConfig } from "./find.ts";
import { plainSecrets } from "./plain-secrets.ts";
import { readConfig, valueAt } from "./syntax.ts";

export interface AlsoThere {
  readonly what: string;
  readonly next: string;
}

const DEPTH_MAX = 16;

/** Empty for other programs, and for a file that is not there. Throws `clients.unreadable`. */
export function alsoThere(config: ClientConfig): readonly AlsoThere[] {
  const text = config.client === "openclaw" ? readText(config.file) : null;
  if (text === null) return [];
  const top = readConfig({ ...config, text });
  const dir = dirname(config.file);
  const has = (...path: readonly string[]): boolean => existsSync(join(dir, ...path));
  const named = (...path: readonly string[]): string => namesAt(top, path);
  const agents = named("agents", "entries") || named("agents", "list");
  const found: readonly (AlsoThere | false)[] = [
    (has("workspace") || agents !== "") && {
      what: `persona and memory files${agents === "" ? "" : ` of ${agents}`}`,
      next: "come with the import of memory, as untrusted notes to review",
    },
    named("models", "providers") !== "" && {
      what: `model providers ${named("models", "providers")}`,
      next: "come with models; each place and clearance is yours to declare",
    },
    (has("cron", "jobs.json") || isObject(top["cron"])) && {
      what: "scheduled jobs",
      next: "come with automations, paused until you have read them",
    },
    (has("skills") || isObject(top["skills"])) && { what: "skills", next: "come later, unreviewed ones switched off" },
    named("channels") !== "" && { what: `chat channels ${named("channels")}`, next: "stay with OpenClaw" },
    isObject(top["tools"]) && {
      what: "tool policy",
      next: "is not taken over: the door's rules hold, never looser ones",
    },
    tokensIn(top) > 0 && {
      what: `${tokensIn(top)} more plain-text ${tokensIn(top) === 1 ? "token" : "tokens"} in ${config.file}`,
      next: "stay there; move them out with openclaw secrets, or replace them",
    },
    JSON.stringify(top).includes('"$include"') && { what: "included files", next: "were not read" },
  ];
  return found.filter((each) => each !== false);
}

function namesAt(top: JsonObject, path: readonly string[]): string {
  const value = valueAt(top, path);
  const names = Array.isArray(value)
    ? value.flatMap((item: JsonValue) => (isObject(item) && typeof item["id"] === "string" ? [item["id"]] : []))
    : Object.keys(isObject(value) ? value : {});
  const shown = names.slice(0, 5).map((name) => oneLine(name, 30));
  return names.length > 5 ? `${shown.join(", ")} and ${names.length - 5} more` : shown.join(", ");
}

/** Outside of the servers, whose tokens adopting moves. */
function tokensIn(top: JsonObject): number {
  const { mcp: _servers, ...others } = top;
  return countTokens(others, 0);
}

function countTokens(value: JsonValue, depth: number): number {
  if (depth > DEPTH_MAX || typeof value !== "object" || value === null) return 0;
  if (Array.isArray(value))
    return value.reduce<number>((sum, item: JsonValue) => sum + countTokens(item, depth + 1), 0);
  return Object.entries(value).reduce((sum, [name, item]) => {
    if (typeof item !== "string") return sum + countTokens(item, depth + 1);
    return sum + plainSecrets({ args: [], env: { [name]: item }, url: null, headers: {} }).length;
  }, 0);
}
