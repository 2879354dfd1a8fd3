// What stands in the way of a sandbox on this machine, and what exactly would make it work. Words only: whether there
// is one is found out by sandbox/probe.ts.

import { existsSync, readFileSync } from "node:fs";
import type { AbsentSandbox, ReadySandbox } from "../sandbox/index.ts";

type Explained = Omit<AbsentSandbox, "kind">;

/** A kernel setting, the value that stands in the way, and what to say and do about it. */
const SETTINGS = [
  ["user/max_user_namespaces", "0", "user namespaces are turned off", "user.max_user_namespaces=15000"],
  ["kernel/unprivileged_userns_clone", "0", "user namespaces are for root only", "kernel.unprivileged_userns_clone=1"],
] as const;
const APPARMOR = "abi <abi/4.0>,\\nprofile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }\\n";

export function explainSandbox(backend: ReadySandbox["backend"], said: string | null): Explained {
  if (backend === "bwrap") return explainBwrap(said, read);
  const reason = `sandbox-exec does not work here: ${said ?? "it is not there"}`;
  return { reason, fix: "report this with your version of macOS." };
}

/** `read` gives a file's text, empty when there is none. */
export function explainBwrap(said: string | null, read: (path: string) => string): Explained {
  if (said === null) return { reason: "bubblewrap is not installed", fix: installCommand(read("/etc/os-release")) };
  if (/unknown option/i.test(said)) {
    return { reason: `bubblewrap is older than 0.8: ${said}`, fix: installCommand(read("/etc/os-release")) };
  }
  for (const [path, value, reason, line] of SETTINGS) {
    const fix = `echo ${line} | sudo tee /etc/sysctl.d/60-freehold.conf && sudo sysctl --system`;
    if (read(`/proc/sys/${path}`) === value) return { reason, fix };
  }
  if (read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") === "1") {
    const file = "/etc/apparmor.d/bwrap";
    const fix = `printf '${APPARMOR}' | sudo tee ${file} && sudo apparmor_parser -r ${file}`;
    return { reason: "AppArmor allows bubblewrap no user namespace", fix };
  }
  const fix = "in a container, allow user namespaces and mounting /proc; else run Freehold on the machine itself.";
  return { reason: `bubblewrap does not work here: ${said}`, fix };
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8").trim() : "";
}

function installCommand(release: string): string {
  if (/^ID(_LIKE)?=.*(fedora|rhel)/m.test(release)) return "sudo dnf install -y bubblewrap";
  if (/^ID(_LIKE)?=.*arch/m.test(release)) return "sudo pacman -S --noconfirm bubblewrap";
  return "sudo apt-get install -y bubblewrap";
}
