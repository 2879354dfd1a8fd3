// How a locked server is started: the same for the first look at it and for every later run.

import { existsSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { Fault } from "../kernel/index.ts";
import { expandPaths, type LaunchSpec, type LockedServer, type StackServer } from "../manifest/index.ts";
import { treeFolder, type SupplyHome } from "./places.ts";

export interface LaunchRequest {
  readonly name: string;
  readonly stackServer: StackServer;
  readonly locked: Pick<LockedServer, "kind" | "command" | "tree">;
  readonly homePaths: SupplyHome;
  /** The owner's home folder, for ${home}. */
  readonly ownerHome: string;
}

/** Node scripts are run by the Node that runs Freehold: the locked tree holds no interpreter of its own. */
export const NODE = "node";

export function launchSpecOf({ name, stackServer, locked, homePaths, ownerHome }: LaunchRequest): LaunchSpec {
  const secrets = Object.fromEntries(
    Object.entries(stackServer.secrets).map(([variable, reference]) => [variable, reference.replace(/^secret:/, "")]),
  );
  if (locked.kind === "remote") {
    const { asks, source } = stackServer;
    return { kind: "remote", server: name, asks, url: source ?? "", headers: {}, secrets };
  }
  if (locked.kind === "pypi" || locked.kind === "oci") throw needsOther(name, locked.kind);
  if (locked.tree === null || locked.command.length === 0) {
    const message = `${name} is locked without a tree or a command.`;
    throw new Fault("supply.tree-missing", { message, next: `freehold add ${name}` });
  }
  const folder = treeFolder(homePaths, locked.tree.hash);
  const { args, env, sandbox } = expandPaths(stackServer, { home: ownerHome, stack: homePaths.dir });
  const program = locked.command.map((part, index) =>
    index === 0 && part === NODE ? process.execPath : join(folder, part),
  );
  const walls = sandbox === "none" ? null : sandbox;
  const authorities = walls === null || walls.network === "none" ? null : extraAuthorities();
  return {
    kind: "process",
    server: name,
    asks: stackServer.asks,
    command: [...program, ...args],
    cwd: folder,
    env: authorities === null ? env : { NODE_EXTRA_CA_CERTS: authorities, ...env },
    secrets,
    sandbox: {
      read: [folder, ...(authorities === null ? [] : [authorities]), ...(walls?.read ?? [])],
      write: walls?.write ?? [],
      network: walls?.network ?? "none",
      memoryMb: walls?.memoryMb ?? UNWALLED.memoryMb,
      pidsMax: walls?.pidsMax ?? UNWALLED.pidsMax,
      off: walls === null,
    },
  };
}

/** What the lock keeps and this Freehold cannot start. */
export function needsOther(name: string, kind: "pypi" | "oci"): Fault {
  const [what, programs] = kind === "pypi" ? ["uv", ["uv"]] : ["a container engine", ["podman", "docker"]];
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  const isThere = folders.some((folder) => programs.some((program) => existsSync(join(folder, program))));
  const from = kind === "pypi" ? "PyPI" : "a container image";
  return new Fault(kind === "pypi" ? "supply.needs-uv" : "supply.needs-container", {
    message: isThere
      ? `${name} comes from ${from}: its lock is kept, and this version of Freehold cannot start it yet.`
      : `${name} comes from ${from} and needs ${what}, and there is none on the PATH. Its lock is kept.`,
    next: "run it elsewhere and add its address (https://…), or choose a server from npm, git or a folder.",
  });
}

/** `sandbox: none` lifts the walls, not every limit. */
const UNWALLED = { memoryMb: 4_096, pidsMax: 512 };

/** Machines behind an inspecting proxy need its certificate inside too. */
function extraAuthorities(): string | null {
  const file = process.env["NODE_EXTRA_CA_CERTS"] ?? "";
  return isAbsolute(file) && existsSync(file) ? file : null;
}
