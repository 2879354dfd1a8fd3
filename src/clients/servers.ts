// The MCP servers that a program's configuration names, in one shape whatever the program.

import { basename } from "node:path";
import { isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { parseConfig, readText, type ClientConfig } from "./find.ts";
import { launchOf, type Launch } from "./launch.ts";
import { plainSecrets, type PlainSecret } from "./plain-secrets.ts";

export interface FoundServer {
  readonly client: ClientConfig["client"];
  readonly file: string;
  /** Where the entry stands: `["projects", "/home/ada/x", "mcpServers", "github"]`. */
  readonly path: readonly string[];
  readonly name: string;
  readonly transport: "stdio" | "http" | "sse";
  readonly command: string | null;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly url: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly launch: Launch;
  /** Null where there is no version to name: a remote server, a program of the owner's. */
  readonly pinned: boolean | null;
  readonly plainSecrets: readonly PlainSecret[];
  /** The entry is Freehold's own shim. */
  readonly isFreehold: boolean;
}

/** Throws `clients.unreadable` for a broken file. TOML and YAML are not read: their servers are not listed. */
export function readServers(config: ClientConfig): readonly FoundServer[] {
  if (config.syntax !== "json") return [];
  const text = readText(config.file);
  if (text === null) return [];
  const top = parseConfig(config.file, text);
  return sectionsOf(config, top).flatMap((section) =>
    Object.entries(objectAt(top, section)).flatMap(([name, entry]) => {
      const server = isObject(entry) ? serverOf(config, [...section, name], entry) : null;
      return server === null ? [] : [server];
    }),
  );
}

/** Claude Code keeps servers of single projects in the user's file. */
function sectionsOf(config: ClientConfig, top: JsonObject): readonly (readonly string[])[] {
  if (config.client !== "claude-code" || config.scope !== "user") return [[config.root]];
  const projects = Object.keys(objectAt(top, ["projects"])).map((project) => ["projects", project, config.root]);
  return [[config.root], ...projects];
}

function objectAt(top: JsonObject, path: readonly string[]): JsonObject {
  let value: JsonValue = top;
  for (const key of path) value = isObject(value) && Object.hasOwn(value, key) ? (value[key] ?? null) : null;
  return isObject(value) ? value : {};
}

function serverOf(config: ClientConfig, path: readonly string[], entry: JsonObject): FoundServer | null {
  // Zed's older form nests the program; opencode writes program and arguments as one list.
  const nested = isObject(entry["command"]) ? entry["command"] : entry;
  const list = strings(entry["command"]);
  const command = text(nested["command"]) ?? text(nested["path"]) ?? text(entry["cmd"]) ?? list[0] ?? null;
  const url = text(entry["url"]) ?? text(entry["httpUrl"]) ?? text(entry["serverUrl"]) ?? null;
  if (command === null && url === null) return null;
  const args = list.length > 0 ? list.slice(1) : strings(nested["args"]);
  const env = { ...texts(nested["env"]), ...texts(entry["environment"]), ...texts(entry["envs"]) };
  const headers = texts(entry["headers"]);
  const launch = launchOf({ command, args, url });
  return {
    client: config.client,
    file: config.file,
    path,
    name: path.at(-1) ?? "",
    transport: command !== null ? "stdio" : entry["type"] === "sse" ? "sse" : "http",
    command,
    args,
    env,
    url,
    headers,
    launch,
    pinned: launch.kind === "npm" || launch.kind === "pypi" || launch.kind === "image" ? launch.version !== null : null,
    plainSecrets: plainSecrets({ args, env, url, headers }),
    isFreehold: command !== null && /^freehold(?:\.cmd|\.mjs|\.js)?$/.test(basename(command)) && args[0] === "mcp",
  };
}

function text(value: JsonValue | undefined): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function strings(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item: JsonValue) => typeof item === "string") : [];
}

function texts(value: JsonValue | undefined): Readonly<Record<string, string>> {
  const entries = isObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(entries.flatMap(([key, item]) => (item === null ? [] : [[key, String(plainOf(item))]])));
}

function plainOf(value: JsonValue): string | number | boolean {
  return typeof value === "object" ? JSON.stringify(value) : value;
}

/** `6 servers, 4 unpinned, 2 plain-text tokens`. Freehold's own entries do not count. */
export function summary(found: readonly FoundServer[]): string {
  const servers = found.filter((server) => !server.isFreehold);
  const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`;
  const unpinned = servers.filter((server) => server.pinned === false).length;
  const tokens = servers.reduce((sum, server) => sum + server.plainSecrets.length, 0);
  return [
    count(servers.length, "server", "servers"),
    `${unpinned} unpinned`,
    count(tokens, "plain-text token", "plain-text tokens"),
  ].join(", ");
}
