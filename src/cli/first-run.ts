// After the start: what a new owner can do first. Offered on a terminal, printed as hints elsewhere.

import { existsSync, lstatSync, mkdirSync, symlinkSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { launcher, lookForClients } from "./client-files.ts";
import { onPath } from "./console-link.ts";
import { foundText, lookForModels } from "./models-found.ts";
import { lineIn } from "./reply.ts";
import type { Shell } from "./shell.ts";

export async function firstSteps(shell: Shell, isNew: boolean): Promise<void> {
  const terminal = isNew && shell.isTty && process.stdin.isTTY ? await shell.terminal() : null;
  const isInstalled = onPath("freehold", shell.env["PATH"] ?? "") !== null;
  const command = isInstalled ? "freehold" : "./freehold";
  const hints: string[] = [];
  const found = isNew ? lookForClients(shell) : null;
  const hasServers = found !== null && found.servers.some((server) => !server.isFreehold);
  if (terminal !== null) shell.say("");
  if (!isInstalled && isNew) {
    if (terminal !== null && (await terminal.confirm("Put a link to the freehold command into ~/.local/bin?")))
      shell.say(linkCommand(shell));
    else hints.push(`the command: ln -s ${launcher()} ~/.local/bin/freehold`);
  }
  if (found !== null && hasServers) {
    shell.say(`Found ${found.summary} in your programs.`);
    if (terminal !== null && (await terminal.confirm("Adopt them: pin, sandbox, and move the tokens to secrets?"))) {
      const { run } = await import("./adopt.ts");
      const { printOutcome } = await import("./shell.ts");
      return printOutcome(shell, await run(shell, { args: [], options: {} }));
    }
    hints.push(`their benefit: ${command} adopt`);
  }
  if (isNew) {
    if (terminal !== null && (await terminal.confirm("Watch the door hold against an attacker (about 20 s)?"))) {
      const { run } = await import("./drill.ts");
      const { printOutcome } = await import("./shell.ts");
      printOutcome(shell, await run(shell, { args: [], options: {} }));
    } else hints.push(`watch the door hold against an attacker: ${command} drill`);
  }
  const models = isNew ? foundText(await lookForModels(shell, null)) : "";
  if (models !== "") hints.push(`models: ${models}; ${command} model add`);
  const control = await shell.control();
  const next = lineIn(await control.call("status", {}), "next");
  if (next !== "") hints.push(`next: ${next.replace(/^freehold/, command)}`);
  if (hints.length > 0) shell.say(["", ...hints].join("\n"));
}

function linkCommand(shell: Shell): string {
  const link = join(shell.env["HOME"] ?? homedir(), ".local", "bin", "freehold");
  if (existsSync(link) || lstatSync(link, { throwIfNoEntry: false }) !== undefined)
    return `${link} is there already; it was left alone.`;
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(launcher(), link);
  const isOnPath = (shell.env["PATH"] ?? "").split(":").includes(dirname(link));
  return `Made ${link}.${isOnPath ? "" : " Add ~/.local/bin to your PATH to use it."}`;
}
