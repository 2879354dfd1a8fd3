// Which programs keep MCP servers where, and how each writes an entry. One row per program; no file is touched here.

import { join } from "node:path";
import type { JsonObject } from "../kernel/index.ts";

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
  /** The key under which servers stand. */
  readonly root: string;
  readonly syntax: "json" | "toml" | "yaml";
  /** Freehold writes it; the others are only read and told about. */
  readonly isWritten: boolean;
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
const typed = (shim: Shim): JsonObject => ({ type: "stdio", ...plain(shim) });
const none = (): readonly string[] => [];

export const FORMATS: readonly Format[] = [
  {
    id: "claude-desktop",
    title: "Claude Desktop",
    root: "mcpServers",
    syntax: "json",
    isWritten: true,
    userFiles: (places) => [join(settingsDir(places), "Claude", "claude_desktop_config.json")],
    projectFiles: none,
    entry: plain,
  },
  {
    id: "claude-code",
    title: "Claude Code",
    root: "mcpServers",
    syntax: "json",
    isWritten: true,
    userFiles: (places) => [claudeCodeFiles(places).main],
    projectFiles: ({ cwd }) => [join(cwd, ".mcp.json")],
    entry: typed,
  },
  {
    id: "cursor",
    title: "Cursor",
    root: "mcpServers",
    syntax: "json",
    isWritten: true,
    userFiles: ({ homeDir }) => [join(homeDir, ".cursor", "mcp.json")],
    projectFiles: ({ cwd }) => [join(cwd, ".cursor", "mcp.json")],
    entry: plain,
  },
  {
    id: "vscode",
    title: "VS Code",
    root: "servers",
    syntax: "json",
    isWritten: true,
    userFiles: (places) => [join(settingsDir(places), "Code", "User", "mcp.json")],
    projectFiles: ({ cwd }) => [join(cwd, ".vscode", "mcp.json")],
    entry: typed,
  },
  {
    id: "codex",
    title: "Codex",
    root: "mcp_servers",
    syntax: "toml",
    isWritten: false,
    userFiles: ({ homeDir }) => [join(homeDir, ".codex", "config.toml")],
    projectFiles: ({ cwd }) => [join(cwd, ".codex", "config.toml")],
    entry: plain,
  },
  {
    id: "gemini",
    title: "Gemini CLI",
    root: "mcpServers",
    syntax: "json",
    isWritten: false,
    userFiles: ({ homeDir }) => [join(homeDir, ".gemini", "settings.json")],
    projectFiles: ({ cwd }) => [join(cwd, ".gemini", "settings.json")],
    entry: plain,
  },
  {
    id: "zed",
    title: "Zed",
    root: "context_servers",
    syntax: "json",
    isWritten: false,
    userFiles: (places) => [join(configDir(places), "zed", "settings.json")],
    projectFiles: none,
    entry: (shim) => ({ source: "custom", ...plain(shim) }),
  },
  {
    id: "goose",
    title: "Goose",
    root: "extensions",
    syntax: "yaml",
    isWritten: false,
    userFiles: (places) => [join(configDir(places), "goose", "config.yaml")],
    projectFiles: none,
    entry: ({ command, args, env }) => ({ type: "stdio", cmd: command, args, envs: env, enabled: true }),
  },
  {
    id: "opencode",
    title: "opencode",
    root: "mcp",
    syntax: "json",
    isWritten: false,
    userFiles: (places) => ["opencode.json", "opencode.jsonc"].map((name) => join(configDir(places), "opencode", name)),
    projectFiles: ({ cwd }) => ["opencode.json", "opencode.jsonc"].map((name) => join(cwd, name)),
    entry: ({ command, args, env }) => ({
      type: "local",
      command: [command, ...args],
      environment: env,
      enabled: true,
    }),
  },
  {
    id: "windsurf",
    title: "Windsurf",
    root: "mcpServers",
    syntax: "json",
    isWritten: false,
    userFiles: ({ homeDir }) => [join(homeDir, ".codeium", "windsurf", "mcp_config.json")],
    projectFiles: none,
    entry: plain,
  },
  {
    id: "cline",
    title: "Cline",
    root: "mcpServers",
    syntax: "json",
    isWritten: false,
    userFiles: (places) => {
      const storage = join(settingsDir(places), "Code", "User", "globalStorage", "saoudrizwan.claude-dev");
      return [join(storage, "settings", "cline_mcp_settings.json")];
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
