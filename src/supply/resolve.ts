// From a package-lock.json to the packages that this machine needs, each with the hash of its archive.

import { readdirSync } from "node:fs";
import { Fault, isObject, oneLine, type JsonObject, type JsonValue } from "../kernel/index.ts";
import type { LockedPackage } from "../manifest/index.ts";

const PACKAGES_MAX = 5_000;
const INTEGRITY = /(?:^| )(sha512-[A-Za-z0-9+/]{86}==)(?: |$)/;

export interface Machine {
  readonly os: string;
  readonly cpu: string;
  readonly libc: string | null;
}

export interface Resolved {
  readonly version: string;
  readonly packages: readonly LockedPackage[];
  /** Packages that bring an install script, which is never run. */
  readonly withScripts: readonly string[];
}

export function thisMachine(): Machine {
  const libc = process.platform === "linux" ? (isMusl() ? "musl" : "glibc") : null;
  return { os: process.platform, cpu: process.arch, libc };
}

function isMusl(): boolean {
  return readdirSync("/lib").some((name) => name.startsWith("ld-musl-"));
}

/** Throws Fault `supply.lock`: a package without SHA-512 (git and URL dependencies), a link, the wrong platform. */
export function packagesOf(lock: JsonObject, top: string, machine: Machine): Resolved {
  const every = everyPackage(lock, machine);
  const main = every.packages.find((item) => item.path === `node_modules/${top}`);
  if (main === undefined) throw fault(`npm resolved ${top} to nothing.`);
  return { version: main.version, ...every };
}

/** As `packagesOf`, for a lock whose top package is not among them. */
export function everyPackage(lock: JsonObject, machine: Machine): Omit<Resolved, "version"> {
  const entries = isObject(lock["packages"]) ? Object.entries(lock["packages"]) : [];
  if (entries.length > PACKAGES_MAX) throw fault(`it needs more than ${PACKAGES_MAX} packages.`);
  const packages: LockedPackage[] = [];
  const withScripts: string[] = [];
  for (const [path, entry] of entries) {
    if (path === "" || !isObject(entry) || entry["dev"] === true) continue;
    // A bundled package comes inside the archive of its parent.
    if (entry["inBundle"] === true) continue;
    const locked = packageOf(path, entry);
    if (!suits(entry, machine)) {
      if (entry["optional"] === true) continue;
      throw fault(`${locked.name}@${locked.version} does not run on ${machine.os} ${machine.cpu}.`);
    }
    if (entry["hasInstallScript"] === true) withScripts.push(`${locked.name}@${locked.version}`);
    packages.push(locked);
  }
  return { packages: packages.toSorted((a, b) => (a.path < b.path ? -1 : 1)), withScripts };
}

function packageOf(path: string, entry: JsonObject): LockedPackage {
  const { version, integrity } = entry;
  // An alias stands in the tree under another name than its own.
  const name = typeof entry["name"] === "string" ? entry["name"] : path.slice(path.lastIndexOf("node_modules/") + 13);
  const hash = typeof integrity === "string" ? INTEGRITY.exec(integrity)?.[1] : undefined;
  if (typeof version === "string" && hash !== undefined && entry["link"] !== true) {
    return { path, name, version, integrity: hash };
  }
  throw fault(`${oneLine(path, 200)} has no SHA-512 on the registry (a git, file or URL dependency?).`);
}

function suits(entry: JsonObject, machine: Machine): boolean {
  return (
    isListed(entry["os"], machine.os) && isListed(entry["cpu"], machine.cpu) && isListed(entry["libc"], machine.libc)
  );
}

/** npm's rule: `!win32` excludes, any plain name makes the list exclusive. */
function isListed(list: JsonValue | undefined, value: string | null): boolean {
  if (!Array.isArray(list) || list.length === 0 || value === null) return true;
  const names = list.map(String);
  if (names.includes(`!${value}`)) return false;
  const plain = names.filter((name) => !name.startsWith("!"));
  return plain.length === 0 || plain.includes(value) || plain.includes("any");
}

function fault(message: string): Fault {
  return new Fault("supply.lock", { message, next: "choose another release of the server, or another server." });
}
