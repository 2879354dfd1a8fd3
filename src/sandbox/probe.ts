// Is there a sandbox on this machine that really works?
// Invariant: "ready" is said only after a program has run in the very sandbox that servers get; words make none.

import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { oneLine, reasonOf } from "../kernel/index.ts";
import { delegatedCgroup } from "./limits.ts";
import { startSandboxed, type AbsentSandbox, type ReadySandbox, type SandboxProbe } from "./start.ts";

/** The first set closes the way to new user namespaces, a favourite of kernel exploits; some containers refuse it. */
const FLAGS = [["--unshare-user", "--disable-userns"], []] as const;
const SAID_MAX = 2_000;
const PROBE_TIMEOUT_MS = 10_000;

/** What is in the way, for people; `said` is the backend's own words, null where there is no backend. */
export type Explain = (backend: ReadySandbox["backend"], said: string | null) => Omit<AbsentSandbox, "kind">;

const plainly: Explain = (backend, said) => {
  const reason = said === null ? "is not installed" : `does not work here: ${said}`;
  return { reason: `${backend} ${reason}`, fix: "freehold doctor" };
};

export async function probeSandbox(explain = plainly, search = process.env["PATH"] ?? ""): Promise<SandboxProbe> {
  const none = { kind: "ready", limits: "watchdog", cgroup: null, flags: [] } as const;
  if (process.platform === "darwin") {
    const mac = { ...none, backend: "sandbox-exec", program: "/usr/bin/sandbox-exec" } as const;
    const failure = await tryOut(mac);
    return failure === null ? mac : { ...explain("sandbox-exec", failure), kind: "absent" };
  }
  const folders = search.split(":").filter((folder) => isAbsolute(folder));
  const program = folders.map((folder) => join(folder, "bwrap")).find((path) => existsSync(path));
  if (program === undefined) return { ...explain("bwrap", null), kind: "absent" };
  let failure: string | null = null;
  for (const flags of FLAGS) {
    const linux = { ...none, backend: "bwrap", program, flags } as const;
    failure = await tryOut(linux);
    if (failure !== null) continue;
    const cgroup = delegatedCgroup();
    return cgroup === null ? linux : { ...linux, limits: "cgroup", cgroup };
  }
  return { ...explain("bwrap", failure), kind: "absent" };
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
