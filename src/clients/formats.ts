// Which programs keep MCP servers where, and how each writes an entry. One row per program; no file is touched here.

import { join } from "node:path";
import { isObject, type JsonObject, type JsonValue } from "../kernel/index.ts";
import type { Syntax } from "./syntax.ts";

export const CLIENT_IDS = [
  "claude-desktop",
  "claude-code",
  "cursor",
  "vscode",
  "codex",
  "gemini",
  "zed",
  "goose",
  "opencode",
  "windsurf",
  "cline",
  "openclaw",
] as const;
export type ClientId = (typeof CLIENT_IDS)[number];

export interface Places {
  readonly homeDir: string;
  readonly cwd: string;
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How Freehold's shim is started by a client. */
export interface Shim {
  /** Absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface Format {
  readonly id: ClientId;
  readonly title: string;
  /** The keys under which servers stand, from the top; where a program has two forms, what the file says decides. */
  readonly root: (top: JsonObject) => readonly string[];
  readonly syntax: Syntax;
  /** In order of preference; where none is there yet, the first is the one to make. */
  readonly userFiles: (places: Places) => readonly string[];
  readonly projectFiles: (places: Places) => readonly string[];
  readonly entry: (shim: Shim) => JsonObject;
}

/** Where programs of the desktop keep their settings. */
function settingsDir({ homeDir, platform, env }: Places): string {
  if (platform === "darwin") return join(homeDir, "Library", "Application Support");
  if (platform === "win32") return env["APPDATA"] ?? join(homeDir, "AppData", "Roaming");
  return env["XDG_CONFIG_HOME"] ?? join(homeDir, ".config");
}

function configDir({ homeDir, env }: Places): string {
  return env["XDG_CONFIG_HOME"] ?? join(homeDir, ".config");
}

/** Claude Code's own folder; with CLAUDE_CONFIG_DIR its main file lies inside. */
export function claudeCodeFiles({ homeDir, env }: Places): { readonly main: string; readonly settings: string } {
  const dir = env["CLAUDE_CONFIG_DIR"];
  if (dir === undefined || dir === "") {
    return { main: join(homeDir, ".claude.json"), settings: join(homeDir, ".claude", "settings.json") };
  }
  return { main: join(dir, ".claude.json"), settings: join(dir, "settings.json") };
}

const plain = ({ command, args, env }: Shim): JsonObject => ({ command, args, env });
const CLINE_STORAGE = ["globalStorage", "saoudrizwan.claude-dev", "settings"];
const openCodeFiles = (dir: string): readonly string[] =>
  ["opencode.json", "opencode.jsonc"].map((name) => join(dir, name));
const typed = (shim: Shim): JsonObject => ({ type: "stdio", ...plain(shim) });
const none = (): readonly string[] => [];
const mcpServers = (): readonly string[] => ["mcpServers"];

/** And not a server of that name. */
function hasServersBelow(section: JsonValue | undefined): boolean {
  const servers = isObject(section) ? section["servers"] : undefined;
  return isObject(servers) && typeof servers["type"] !== "string";
}

export const FORMATS: readonly Format[] = [
  {
    id: "claude-desktop",
    title: "Claude Desktop",
    root: mcpServers,
    syntax: "json",
    userFiles: (places) => [join(settingsDir(places), "Claude", "claude_desktop_config.json")],
    projectFiles: none,
    entry: plain,
  },
  {
    id: "claude-code",
    title: "Claude Code",
    root: mcpServers,
    syntax: "json",
    userFiles: (places) => [claudeCodeFiles(places).main],
    projectFiles: ({ cwd }) => [join(cwd, ".mcp.json")],
    entry: typed,
  },
  {
    id: "cursor",
    title: "Cursor",
    root: mcpServers,
    syntax: "json",
    userFiles: ({ homeDir }) => [join(homeDir, ".cursor", "mcp.json")],
    projectFiles: ({ cwd }) => [join(cwd, ".cursor", "mcp.json")],
    entry: typed,
  },
  {
    id: "vscode",
    title: "VS Code",
    root: () => ["servers"],
    syntax: "json",
    userFiles: (places) => [join(settingsDir(places), "Code", "User", "mcp.json")],
    projectFiles: ({ cwd }) => [join(cwd, ".vscode", "mcp.json")],
    entry: typed,
  },
  {
    id: "codex",
    title: "Codex",
    root: () => ["mcp_servers"],
    syntax: "toml",
    userFiles: ({ homeDir, env }) => [join(env["CODEX_HOME"] || join(homeDir, ".codex"), "config.toml")],
    projectFiles: ({ cwd }) => [join(cwd, ".codex", "config.toml")],
    entry: plain,
  },
  {
    id: "gemini",
    title: "Gemini CLI",
    root: mcpServers,
    syntax: "json",
    userFiles: ({ homeDir }) => [join(homeDir, ".gemini", "settings.json")],
    projectFiles: ({ cwd }) => [join(cwd, ".gemini", "settings.json")],
    entry: plain,
  },
  {
    id: "zed",
    title: "Zed",
    root: () => ["context_servers"],
    syntax: "json",
    userFiles: (places) =>
      places.platform === "win32"
        ? [join(settingsDir(places), "Zed", "settings.json")]
        : [join(configDir(places), "zed", "settings.json")],
    projectFiles: ({ cwd }) => [join(cwd, ".zed", "settings.json")],
    entry: (shim) => ({ source: "custom", ...plain(shim) }),
  },
  {
    id: "goose",
    title: "Goose",
    root: () => ["extensions"],
    syntax: "yaml",
    userFiles: (places) =>
      places.platform === "win32"
        ? [join(settingsDir(places), "Block", "goose", "config", "config.yaml")]
        : [join(configDir(places), "goose", "config.yaml")],
    projectFiles: none,
    // Goose reads no entry without a name.
    entry: ({ command, args, env }) => ({
      ...{ enabled: true, type: "stdio", name: "freehold", description: "Your own stack, through Freehold's door" },
      ...{ cmd: command, args, envs: env, env_keys: [], timeout: 300 },
    }),
  },
  {
    id: "opencode",
    title: "opencode",
    // Version 2 has one key more, and reads the form of version 1 as well.
    root: (top) => (hasServersBelow(top["mcp"]) ? ["mcp", "servers"] : ["mcp"]),
    syntax: "json",
    userFiles: (places) => openCodeFiles(join(configDir(places), "opencode")),
    projectFiles: ({ cwd }) => [...openCodeFiles(cwd), ...openCodeFiles(join(cwd, ".opencode"))],
    entry: ({ command, args, env }) => ({ type: "local", command: [command, ...args], environment: env }),
  },
  {
    id: "windsurf",
    title: "Windsurf",
    root: mcpServers,
    syntax: "json",
    userFiles: ({ homeDir }) => [join(homeDir, ".codeium", "windsurf", "mcp_config.json")],
    projectFiles: none,
    entry: plain,
  },
  {
    id: "cline",
    title: "Cline",
    root: mcpServers,
    syntax: "json",
    // The extension's own storage was the only place until Cline 4.
    userFiles: (places) => [
      join(places.homeDir, ".cline", "data", "settings", "cline_mcp_settings.json"),
      join(settingsDir(places), "Code", "User", ...CLINE_STORAGE, "cline_mcp_settings.json"),
    ],
    projectFiles: none,
    entry: plain,
  },
  {
    id: "openclaw",
    title: "OpenClaw",
    root: () => ["mcp", "servers"],
    syntax: "json5",
    userFiles: ({ homeDir, env }) => {
      const named = env["OPENCLAW_CONFIG_PATH"] ?? "";
      const dir = env["OPENCLAW_STATE_DIR"] ?? "";
      return [
        ...(named === "" ? [] : [named]),
        ...(dir === "" ? [] : [join(dir, "openclaw.json")]),
        ...[join(homeDir, ".openclaw", "openclaw.json"), join(homeDir, ".clawdbot", "clawdbot.json")],
        join(homeDir, ".moltbot", "moltbot.json"),
      ];
    },
    projectFiles: none,
    entry: plain,
  },
];

export function formatOf(id: ClientId): Format {
  const found = FORMATS.find((format) => format.id === id);
  if (found === undefined) throw new Error(`Bug: no format for ${id}`);
  return found;
}
