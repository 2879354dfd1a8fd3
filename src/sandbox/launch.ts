// What is needed to start one program, and how it is started where the owner wrote `sandbox: none`.
// Invariant: the environment of the daemon is not passed on.

import { existsSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Mount } from "./paths.ts";

export interface Plan {
  /** Absolute program and arguments. */
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly read: readonly Mount[];
  readonly write: readonly Mount[];
  readonly network: "none" | readonly string[];
  readonly memoryMb: number;
  /** Ours, one per sandbox: holds the egress socket. */
  readonly folder: string;
  /** What the probe found this machine's backend to understand. */
  readonly flags: readonly string[];
}

export interface Launch {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Texts that the program reads on descriptors 3, 4, 5. */
  readonly feed: readonly string[];
}

export const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

export function egressSocket(folder: string): string {
  return join(folder, "egress.sock");
}

/** Named, not imported: it runs inside the sandbox, with the rights of the program alone. */
export function relayFile(): string {
  return fileURLToPath(new URL(`../daemon/relay${extname(import.meta.url)}`, import.meta.url));
}

/** What runs before the program where there is network. A loopback address on the list is the machine's own. */
export function relayCommand(
  network: Plan["network"],
  place: { relay: string; socket: string; port: number },
): string[] {
  if (network === "none") return [];
  const own = ["localhost", "127.0.0.1", "::1"].filter((host) => !network.some((entry) => entry.includes(host)));
  return [process.execPath, place.relay, place.socket, String(place.port), own.join(","), "--"];
}

/** For `sandbox: none`. */
export function plainLaunch({ command, cwd, env }: Pick<Plan, "command" | "cwd" | "env">): Launch {
  const { PATH = DEFAULT_PATH, HOME = "/", LANG = "C.UTF-8" } = process.env;
  // The kernel then ends it with this process; without the tool it ends when it sees its stdin closed.
  const first = existsSync("/usr/bin/setpriv") ? ["/usr/bin/setpriv", "--pdeathsig", "KILL"] : [];
  return { args: [...first, ...command], cwd, env: { PATH, HOME, LANG, ...env }, feed: [] };
}
