// The Debian packages that Freehold uses beside npm's: found by their program, installed only as root under CI or
// after a typed yes. No dependencies; any Node >= 18.

import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { inPlace, onPath } from "./process.mjs";

const WANTED = JSON.parse(readFileSync(new URL("./debian-packages.json", import.meta.url), "utf8"));

/** What is missing for `purpose` ("start" or "test"). On macOS nothing is: it has other means. */
export function missingPackages(purpose, path = process.env.PATH) {
  if (process.platform !== "linux") return [];
  const places = `${path ?? ""}:/usr/bin:/bin:/usr/sbin:/sbin`;
  return WANTED[purpose].filter((wanted) => onPath(wanted.program, places) === null);
}

/** What to do about missing packages: install, ask first, or tell. Never installs unasked outside CI. */
export function planFor(missing, { isRoot, isCi, isTerminal, hasApt, hasSudo }) {
  const names = missing.map((wanted) => wanted.package).join(" ");
  const install = `apt-get update && apt-get install --yes --no-install-recommends ${names}`;
  const command = isRoot ? install : `sudo sh -c '${install}'`;
  if (missing.length === 0) return { kind: "nothing" };
  if (!hasApt) return { kind: "tell", command: `install ${names} with this system's package manager` };
  if (isRoot && isCi) return { kind: "install", command };
  if (isTerminal && !isCi && (isRoot || hasSudo)) return { kind: "ask", command };
  return { kind: "tell", command };
}

/** Sees to the packages for `purpose`; answers those still missing. */
export async function ensurePackages(purpose) {
  const missing = missingPackages(purpose);
  if (missing.length === 0) return missing;
  const plan = planFor(missing, {
    isRoot: process.getuid?.() === 0,
    isCi: process.env.CI === "true",
    isTerminal: Boolean(process.stdin.isTTY && process.stderr.isTTY),
    hasApt: existsSync("/usr/bin/apt-get"),
    hasSudo: onPath("sudo") !== null,
  });
  const why = missing.map((wanted) => `${wanted.package} (${wanted.for})`).join(", ");
  const go =
    plan.kind === "install" || (plan.kind === "ask" && (await saysYes(`Missing: ${why}.\nRun: ${plan.command}`)));
  if (go) {
    process.stderr.write(`freehold: installing ${why}\n`);
    // Standard output may be somebody's data: apt's words go to stderr.
    await inPlace("sh", ["-c", plan.command], {
      stdio: ["inherit", 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  } else {
    process.stderr.write(`freehold: missing ${why}. To install: ${plan.command}\n`);
  }
  return missingPackages(purpose);
}

function saysYes(text) {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise((resolve) => {
    terminal.once("close", () => resolve(false));
    terminal.question(`${text}\nInstall now? Type yes: `, (answer) => {
      resolve(answer.trim().toLowerCase() === "yes");
      terminal.close();
    });
  });
}
