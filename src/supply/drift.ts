// Whether what a server comes from still gives what the lock names. Asked anew; what cannot be asked is unknown.

import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Fault, oneLine, reasonOf, sha256 } from "../kernel/index.ts";
import { splitNpm, type LockedServer } from "../manifest/index.ts";
import { listFiles } from "./build-to-run.ts";
import { sourceFolder } from "./folder.ts";
import type { SupplyHome } from "./places.ts";
import { openNpm, type NpmContext } from "./npm.ts";
import { packagesOf, thisMachine } from "./resolve.ts";

export type Drift =
  | { readonly kind: "same"; readonly what: string }
  | { readonly kind: "drift"; readonly what: string }
  | { readonly kind: "unknown"; readonly what: string };

export type DriftOptions = NpmContext & { readonly locked: LockedServer; readonly deadlineMs: number };

const NAMED_MAX = 3;

/** Never rejects. */
export async function upstreamDrift(options: DriftOptions): Promise<Drift> {
  const late = new AbortController();
  const isLate = wait(options.deadlineMs, null, { signal: late.signal }).catch(() => null);
  try {
    const found = await Promise.race([asked(options), isLate]);
    return found ?? { kind: "unknown", what: `no answer within ${options.deadlineMs / 1_000} s` };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { kind: "unknown", what: oneLine(reasonOf(error), 200) };
  } finally {
    late.abort();
  }
}

/** A folder of the owner's, or one within it, against the hash of what was copied from it. */
export function folderDrift(
  locked: { readonly source: string; readonly tree: string },
  within: string | null,
  home: SupplyHome,
): Drift {
  const place = resolve(home.dir, locked.source.replace(/^path:/, ""), within ?? "");
  if (!existsSync(place)) return { kind: "unknown", what: "its folder is gone" };
  const folder = sourceFolder(`path:${place}`, home);
  const hash = sha256(listFiles(folder, (path) => basename(path) === ".git"));
  if (hash === locked.tree) return { kind: "same", what: "its folder is as it was locked" };
  return { kind: "drift", what: "its folder has changed since" };
}

async function asked(options: DriftOptions): Promise<Drift> {
  const { locked, homePaths } = options;
  switch (locked.kind) {
    case "remote":
      return { kind: "unknown", what: "its program runs elsewhere; what it serves is compared at each start" };
    case "path":
      return folderDrift({ source: locked.source, tree: locked.tree?.hash ?? "" }, null, homePaths);
    case "npm":
      return npmDrift(options);
    case "git":
      return { kind: "unknown", what: "a commit does not change; whether its branch went on is not asked" };
    case "pypi":
    case "oci":
      return { kind: "unknown", what: "another program fetches it" };
  }
}

/** The same version, resolved today: other bytes under one name, or other packages beside it. */
async function npmDrift(options: DriftOptions): Promise<Drift> {
  const { locked } = options;
  const { name } = splitNpm(locked.source);
  const lock = await (await openNpm(options)).resolve(`${name}@${locked.version ?? ""}`);
  const today = new Map(packagesOf(lock, name, thisMachine()).packages.map((item) => [item.path, item]));
  const known = locked.tree?.packages ?? [];
  const replaced = known.filter((item) => {
    const now = today.get(item.path);
    return now?.version === item.version && now.integrity !== item.integrity;
  });
  if (replaced.length > 0) {
    const names = replaced.slice(0, NAMED_MAX).map((item) => `${item.name}@${item.version}`);
    return { kind: "drift", what: `other bytes are published under the same version: ${names.join(", ")}` };
  }
  const floats = known.flatMap((item) => {
    const now = today.get(item.path);
    if (now?.version === item.version) return [];
    return [`${item.name} ${item.version} -> ${now?.version ?? "gone"}`];
  });
  if (floats.length === 0) return { kind: "same", what: `${known.length} packages as locked` };
  const named = floats.slice(0, NAMED_MAX).join(", ");
  return { kind: "drift", what: `installed anew it would float: ${floats.length} of ${known.length} (${named})` };
}
