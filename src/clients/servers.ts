// The MCP servers that a program's configuration names, in one shape whatever the program.

import { basename } from "node:path";
import { isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { readText, type ClientConfig } from "./find.ts";
import { formatOf } from "./formats.ts";
import { launchOf, type Launch } from "./launch.ts";
import { plainSecrets, type PlainSecret } from "./plain-secrets.ts";
import { readConfig, valueAt } from "./syntax.ts";

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
  /** Switched off in its program. */
  readonly isOff: boolean;
  /** The entry is Freehold's own shim. */
  readonly isFreehold: boolean;
}

/** Throws `clients.unreadable` for a broken file. */
export function readServers(config: ClientConfig): readonly FoundServer[] {
  const text = readText(config.file);
  return text === null ? [] : serversIn(config, text);
}

export function serversIn(config: SourceConfig, text: string): readonly FoundServer[] {
  const top = readConfig({ ...config, text });
  return sectionsOf(config, top).flatMap((section) =>
    Object.entries(objectAt(top, section)).flatMap(([name, entry]) => {
      const server = isObject(entry) ? serverOf({ config, top }, [...section, name], entry) : null;
      return server === null ? [] : [server];
    }),
  );
}

/** Claude Code keeps servers of single projects in the user's file. */
function sectionsOf(config: SourceConfig, top: JsonObject): readonly (readonly string[])[] {
  const root = formatOf(config.client).root(top);
  if (config.client !== "claude-code" || config.scope !== "user") return [root];
  return [root, ...Object.keys(objectAt(top, ["projects"])).map((project) => ["projects", project, ...root])];
}

function objectAt(top: JsonObject, path: readonly string[]): JsonObject {
  const value = valueAt(top, path);
  return isObject(value) ? value : {};
}

type SourceConfig = Pick<ClientConfig, "client" | "file" | "scope" | "syntax">;

interface Source {
  readonly config: SourceConfig;
  readonly top: JsonObject;
}

function serverOf({ config, top }: Source, path: readonly string[], entry: JsonObject): FoundServer | null {
  const { client, file } = config;
  const name = path.at(-1) ?? "";
  // Zed's older form nests the program; opencode writes program and arguments as one list.
  const nested = isObject(entry["command"]) ? entry["command"] : entry;
  const list = strings(entry["command"]);
  const command = text(nested["command"]) ?? text(nested["path"]) ?? text(entry["cmd"]) ?? list[0] ?? null;
  const url =
    ["url", "httpUrl", "serverUrl", "uri"].map((key) => text(entry[key])).find((each) => each !== null) ?? null;
  if (command === null && url === null) return null;
  const args = list.length > 0 ? list.slice(1) : strings(nested["args"]);
  const env = envOf(nested, entry);
  const headers = headersOf(entry);
  const launch = launchOf({ command, args, url });
  const isExact = launch.kind === "npm" || launch.kind === "pypi" || launch.kind === "image";
  return {
    ...{ client, file, path, name, command, args, env, url, headers, launch },
    transport: command !== null ? "stdio" : isSse(client, entry) ? "sse" : "http",
    pinned: isExact ? launch.version !== null : null,
    plainSecrets: plainSecrets({ args, env, url, headers }),
    isOff: isOff(top, name, entry),
    isFreehold: command !== null && /^freehold(?:\.cmd|\.mjs|\.js)?$/.test(basename(command)) && args[0] === "mcp",
  };
}

/** Also what the program itself only passes on from its own environment (Codex's `env_vars`, Goose's `env_keys`). */
function envOf(nested: JsonObject, entry: JsonObject): Readonly<Record<string, string>> {
  const passed = [...strings(entry["env_vars"]), ...strings(entry["env_keys"])].map(
    (name) => [name, `\${${name}}`] as const,
  );
  return {
    ...Object.fromEntries(passed),
    ...texts(nested["env"]),
    ...texts(entry["environment"]),
    ...texts(entry["envs"]),
  };
}

/** Codex names variables where others write the header's value. */
function headersOf(entry: JsonObject): Readonly<Record<string, string>> {
  const bearer = text(entry["bearer_token_env_var"]);
  const named = Object.entries(texts(entry["env_http_headers"])).map(
    ([name, variable]) => [name, `\${${variable}}`] as const,
  );
  return {
    ...texts(entry["headers"]),
    ...texts(entry["http_headers"]),
    ...Object.fromEntries(named),
    ...(bearer === null ? {} : { Authorization: `Bearer \${${bearer}}` }),
  };
}

/** OpenClaw and Gemini mean the old transport by an address alone. */
function isSse(client: ClientConfig["client"], entry: JsonObject): boolean {
  const said = text(entry["type"]) ?? text(entry["transport"]);
  if (said !== null) return said === "sse";
  return client === "openclaw" || (client === "gemini" && text(entry["url"]) !== null);
}

function isOff(top: JsonObject, name: string, entry: JsonObject): boolean {
  // Gemini's lists stand beside the servers.
  const lists = isObject(top["mcp"]) ? top["mcp"] : {};
  const allowed = lists["allowed"];
  const isAllowed = !Array.isArray(allowed) || strings(allowed).includes(name);
  return (
    entry["disabled"] === true || entry["enabled"] === false || !isAllowed || strings(lists["excluded"]).includes(name)
  );
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

/** OpenClaw's `{ source, provider, id }` refers to a secret kept elsewhere. */
function plainOf(value: JsonValue): string | number | boolean {
  if (isObject(value) && typeof value["source"] === "string" && typeof value["id"] === "string")
    return `\${${value["id"]}}`;
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
