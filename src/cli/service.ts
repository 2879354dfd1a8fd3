// freehold service install: prints exactly what would be done; root and a yes are needed to do it.

import { spawnSync } from "node:child_process";
import { lstatSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { servicePlan, type ServicePlan } from "../daemon/service-units.ts";
import { Fault } from "../kernel/index.ts";
import { hasFlag, textOption, type Given } from "./given.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const user = userName(textOption(given, "user") ?? "freehold");
  const plan = planFor(shell, user);
  const steps = [...plan.before, ["write", plan.file], ...plan.after].map((step) => step.map(shellWord).join(" "));
  const json = { file: plan.file, text: plan.text, steps };
  const shown = [
    `Would write ${plan.file}:`,
    "",
    plan.text,
    "Would run, as root:",
    ...steps.map((step) => `  ${step}`),
  ];
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const code = openCode(root, lstatSync) ?? openCode(process.execPath, lstatSync);
  if (hasFlag(given, "print")) return { json, text: code === null ? shown : [...shown, "", `Not from here: ${code}.`] };
  if (code !== null) {
    throw new Fault("service.code", {
      message: `${code}: programs of that user could change what the service runs.`,
      next: "clone Freehold as root into /opt/freehold, npm start and npm stop there once, and install from there",
    });
  }
  if (process.getuid?.() !== 0) {
    throw new Fault("service.needs-root", {
      message: "installing a service needs root.",
      next: "look first with: freehold service install --print; then the same command with sudo",
    });
  }
  const terminal = await shell.needTerminal("a service is installed");
  terminal.write(`${shown.join("\n")}\n`);
  if (!(await terminal.confirm("Do exactly this?"))) return { json, text: "Nothing was done.", exit: 2 };
  install(plan, user);
  return {
    json: { ...json, installed: true },
    text: [
      "Freehold runs under its own user now. Log in again so that your new group counts, then:",
      `  export FREEHOLD_HOME=${plan.home}`,
    ],
  };
}

/** The first part of the way to the code that others than root may write, in words; null where there is none. */
export function openCode(
  root: string,
  stat: (path: string) => { readonly uid: number; readonly mode: number },
): string | null {
  for (let folder = resolve(root); ; folder = dirname(folder)) {
    const { uid, mode } = stat(folder);
    // In a sticky folder such as /tmp nobody may replace what belongs to another.
    const isOpen = (mode & 0o022) !== 0 && (mode & 0o1000) === 0;
    if (uid !== 0) return `${folder} belongs to user ${uid} and not to root`;
    if (isOpen) return `${folder} can be written by others than root`;
    if (dirname(folder) === folder) return null;
  }
}

function planFor(shell: Shell, user: string): ServicePlan {
  const { platform } = process;
  if (platform !== "linux" && platform !== "darwin") {
    throw new Fault("service.platform", { message: `there is no service for ${platform}.`, next: "freehold start" });
  }
  const owner = shell.env["SUDO_USER"] ?? userInfo().username;
  const ownerHome = owner === userInfo().username ? userInfo().homedir : join("/home", owner);
  const home = platform === "linux" ? `/var/lib/${user}` : `/usr/local/var/${user}`;
  const main = fileURLToPath(new URL("../daemon/main.js", import.meta.url));
  return servicePlan(platform, { user, owner, home, ownerHome, node: process.execPath, main });
}

function userName(given: string): string {
  if (/^[a-z_][a-z0-9_-]{0,30}$/.test(given) && given !== "root") return given;
  throw new Fault("service.user", {
    message: "--user takes a plain user name, and not root.",
    next: "leave it out for freehold",
  });
}

function install(plan: ServicePlan, user: string): void {
  for (const step of plan.before) {
    const isUserMade = step[0] === "useradd" && spawnSync("id", [user]).status === 0;
    if (!isUserMade) perform(step);
  }
  writeFileSync(plan.file, plan.text, { mode: 0o644 });
  for (const step of plan.after) perform(step);
}

function perform([program = "", ...args]: readonly string[]): void {
  const ended = spawnSync(program, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (ended.status === 0) return;
  const message = `'${[program, ...args].map(shellWord).join(" ")}' did not work, so the installation stopped there.`;
  throw new Fault("service.step", { message, next: "mend it and run the same command again; it goes on where it was" });
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
