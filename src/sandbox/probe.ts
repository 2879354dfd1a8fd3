// Is there a sandbox on this machine that really works, and if not, what exactly would make it work?
// Invariant: "ready" is said only after a program has run in the very sandbox that servers get.

import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { oneLine, reasonOf } from "../kernel/index.ts";
import { delegatedCgroup } from "./limits.ts";
import { startSandboxed, type AbsentSandbox, type ReadySandbox, type SandboxProbe } from "./start.ts";

/** The first set closes the way to new user namespaces, a favourite of kernel exploits; some containers refuse it. */
const FLAGS = [["--unshare-user", "--disable-userns"], []] as const;
const SAID_MAX = 2_000;
const PROBE_TIMEOUT_MS = 10_000;

export async function probeSandbox(search: string = process.env["PATH"] ?? ""): Promise<SandboxProbe> {
  const none = { kind: "ready", limits: "watchdog", cgroup: null, flags: [] } as const;
  if (process.platform === "darwin") {
    const mac = { ...none, backend: "sandbox-exec", program: "/usr/bin/sandbox-exec" } as const;
    const failure = await tryOut(mac);
    if (failure === null) return mac;
    return absent(`sandbox-exec does not work here: ${failure}`, "report this with your version of macOS.");
  }
  const folders = search.split(":").filter((folder) => isAbsolute(folder));
  const program = folders.map((folder) => join(folder, "bwrap")).find((path) => existsSync(path));
  if (program === undefined) return absent("bubblewrap is not installed", installCommand(read("/etc/os-release")));
  let failure: string | null = null;
  for (const flags of FLAGS) {
    const linux = { ...none, backend: "bwrap", program, flags } as const;
    failure = await tryOut(linux);
    if (failure !== null) continue;
    const cgroup = delegatedCgroup();
    return cgroup === null ? linux : { ...linux, limits: "cgroup", cgroup };
  }
  return explainFailure(failure ?? "", read);
}

/** What the sandbox said when it failed, null when it did not. */
async function tryOut(sandbox: ReadySandbox): Promise<string | null> {
  const spec = { read: [], write: [], network: "none", memoryMb: 64, pidsMax: 16, off: false } as const;
  const command = [process.platform === "darwin" ? "/usr/bin/true" : "true"];
  const rest = { cwd: "/", env: {}, protect: [], permitConnection: async () => false };
  try {
    const started = await startSandboxed({ name: "the probe", spec, command, probe: sandbox, ...rest });
    const timer = setTimeout(() => void started.stop(), PROBE_TIMEOUT_MS);
    let said = "";
    for await (const chunk of started.stderr) said = (said + String(chunk)).slice(0, SAID_MAX);
    const { code } = await started.exited;
    clearTimeout(timer);
    return code === 0 ? null : oneLine(said.trim(), 300) || `it ended with ${code}`;
  } catch (error) {
    return reasonOf(error);
  }
}

function absent(reason: string, fix: string): AbsentSandbox {
  return { kind: "absent", reason, fix };
}

/** A kernel setting, the value that stands in the way, and what to say and do about it. */
const SETTINGS = [
  ["user/max_user_namespaces", "0", "user namespaces are turned off", "user.max_user_namespaces=15000"],
  ["kernel/unprivileged_userns_clone", "0", "user namespaces are for root only", "kernel.unprivileged_userns_clone=1"],
] as const;
const APPARMOR = "abi <abi/4.0>,\\nprofile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }\\n";

/** `read` gives a file's text, empty when there is none. */
export function explainFailure(said: string, read: (path: string) => string): AbsentSandbox {
  if (/unknown option/i.test(said)) {
    return absent(`bubblewrap is older than 0.8: ${said}`, installCommand(read("/etc/os-release")));
  }
  for (const [path, value, reason, line] of SETTINGS) {
    const fix = `echo ${line} | sudo tee /etc/sysctl.d/60-freehold.conf && sudo sysctl --system`;
    if (read(`/proc/sys/${path}`) === value) return absent(reason, fix);
  }
  if (read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") === "1") {
    const file = "/etc/apparmor.d/bwrap";
    const fix = `printf '${APPARMOR}' | sudo tee ${file} && sudo apparmor_parser -r ${file}`;
    return absent("AppArmor allows bubblewrap no user namespace", fix);
  }
  const fix = "in a container, allow user namespaces and mounting /proc; else run Freehold on the machine itself.";
  return absent(`bubblewrap does not work here: ${said}`, fix);
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8").trim() : "";
}

function installCommand(release: string): string {
  if (/^ID(_LIKE)?=.*(fedora|rhel)/m.test(release)) return "sudo dnf install -y bubblewrap";
  if (/^ID(_LIKE)?=.*arch/m.test(release)) return "sudo pacman -S --noconfirm bubblewrap";
  return "sudo apt-get install -y bubblewrap";
}
