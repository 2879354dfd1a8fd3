// freehold run -- COMMAND: a client in a jail, on this terminal.

import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { homePaths } from "../control/reach.ts";
import { jailSummary, runJailed, type JailOptions } from "../daemon/jail.ts";
import { Fault } from "../kernel/index.ts";
import { launcher } from "./client-files.ts";
import { onPath } from "./console-link.ts";
import { listOption, textOption, type Given } from "./given.ts";
import { safeLine } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

/** Each client's own configuration, below the owner's home, and its model's hosts. */
const CLIENTS: Readonly<Record<string, { readonly config: readonly string[]; readonly network: readonly string[] }>> = {
  claude: { config: [".claude", ".claude.json"], network: ["api.anthropic.com:443"] },
  codex: { config: [".codex"], network: ["api.openai.com:443"] },
  gemini: { config: [".gemini"], network: ["generativelanguage.googleapis.com:443"] },
};
const ENV = ["TERM", "COLORTERM", "LANG", "LC_ALL", "TZ", "NO_COLOR", "FREEHOLD_TOKEN", "FREEHOLD_HOME"];
const KEYS = ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"];

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const [name, ...args] = given.args;
  if (name === undefined) {
    throw new Fault("cli.usage", { message: "run needs a command.", next: "freehold run -- claude" });
  }
  const program = isAbsolute(name) ? name : name.includes("/") ? resolve(name) : onPath(name, shell.env["PATH"] ?? "");
  if (program === null) {
    throw new Fault("cli.no-program", { message: `${safeLine(name, 60)} is not on PATH.`, next: "give its full path" });
  }
  const options = await jailOf(shell, given, [program, ...args]);
  const { network, config } = options;
  shell.say(
    shell.paint(
      "dim",
      `jailed: ${options.project} and ${config.length} own paths to write; ${network.join(", ") || "no network"}`,
    ),
  );
  const code = await runJailed(options);
  return { json: { ...jailSummary(options), code }, text: "", exit: code };
}

async function jailOf(shell: Shell, given: Given, command: readonly string[]): Promise<JailOptions> {
  const paths = homePaths(await shell.home());
  const owner = shell.env["HOME"] ?? homedir();
  const client =
    CLIENTS[textOption(given, "client")?.replace(/-code$/, "") ?? (command[0] ?? "").split("/").at(-1) ?? ""];
  const project = process.cwd();
  if (project === owner || owner.startsWith(`${project}/`)) {
    throw new Fault("jail.too-wide", {
      message: "this folder holds your whole home, and the program could write all of it.",
      next: "cd into a project first",
    });
  }
  const passed = [...ENV, ...(client === undefined ? [] : KEYS)];
  const env = Object.fromEntries(
    passed.flatMap((each) => (shell.env[each] === undefined ? [] : [[each, shell.env[each] ?? ""]])),
  );
  const control = await shell.control();
  const clientName = textOption(given, "client") ?? (command[0] ?? "").split("/").at(-1) ?? "program";
  const ownConfig = listOption(given, "config").map((path) => resolve(path));
  return {
    command,
    project,
    config: [...(client?.config ?? []).map((path) => join(owner, path)), ...ownConfig],
    read: [dirname(launcher())],
    network: [...new Set([...(client?.network ?? []), ...listOption(given, "network")])],
    gatewaySocket: shell.env["FREEHOLD_SOCKET"] ?? paths.gatewaySocket,
    stateDir: paths.stateDir,
    env: { ...env, HOME: owner },
    // The sandbox lets through only the hosts named above; the daemon records each, and refuses them while stopped.
    async onConnection({ host, port }) {
      const told = await control.call("jail.connect", { client: clientName, host, port }).catch(() => null);
      return told?.["allowed"] === true;
    },
  };
}
