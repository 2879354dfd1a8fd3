// The library that runs model files on this machine: an optional tree of pinned packages, put together like a server's.
// What is pinned is what it loads, without what builds it and without graphics cards; no script of a package runs.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeAtomic } from "../home/index.ts";
import { Fault, isObject, oneLine, readJson, textAt, type Digest, type JsonObject } from "../kernel/index.ts";
import { addTree, fillFromPackages } from "./install.ts";
import type { NpmContext } from "./npm.ts";
import { treeFolder, type SupplyHome } from "./places.ts";
import { bringContent } from "./prepare.ts";
import { everyPackage, thisMachine } from "./resolve.ts";
import { treeHash } from "./tree.ts";

/** Made by scripts/llama-packages.mjs. */
const PINNED = new URL("./llama/packages.json", import.meta.url);
const NEXT = "freehold model engine";

export interface InstalledLlama {
  readonly version: string;
  readonly tree: Digest;
}

/** Asks the registry for what the store lacks. Faults: those of an installation, and `supply.llama-machine`. */
export async function installLlama(options: NpmContext): Promise<InstalledLlama> {
  const { homePaths, progress } = options;
  const lock = pinned();
  const machine = thisMachine();
  const { packages } = everyPackage(lock, machine);
  if (!packages.some(({ name }) => name.startsWith("@node-llama-cpp/"))) {
    const message = `there is no engine for ${machine.os} ${machine.cpu} ${machine.libc ?? ""}.`.replace(" .", ".");
    throw new Fault("supply.llama-machine", { message, next: "point a model in stack.yaml at a llama.cpp server." });
  }
  await bringContent({ ...options, npm: null, packages });
  progress(`installing ${packages.length} packages`);
  const tree = await addTree(homePaths, (folder) => fillFromPackages(folder, { home: homePaths, packages }));
  const installed = { version: textAt(lock, "version") ?? "", tree };
  writeAtomic(recordFile(homePaths), `${JSON.stringify(installed)}\n`, 0o600);
  return installed;
}

/** Null where it was never installed. */
export function installedLlama(home: SupplyHome): InstalledLlama | null {
  const file = recordFile(home);
  if (!existsSync(file)) return null;
  const record = readJson(readFileSync(file, "utf8"));
  const [version, tree] = isObject(record) ? [textAt(record, "version"), textAt(record, "tree")] : [null, null];
  if (version !== null && tree !== null && /^[0-9a-f]{64}$/.test(tree)) return { version, tree };
  throw new Fault("supply.llama-differs", { at: file, message: "the engine's record was damaged.", next: NEXT });
}

/** Whether it is here at all, without a look at its files. A record that does not read counts as none. */
export function hasLlama(home: SupplyHome): boolean {
  try {
    const installed = installedLlama(home);
    return installed !== null && existsSync(treeFolder(home, installed.tree));
  } catch (error) {
    if (error instanceof Fault) return false;
    throw error;
  }
}

/**
 * Its folder, each file looked at: to be asked at each start. Throws Fault `supply.llama-missing`, or
 * `supply.llama-differs` where it is another release than the pinned one or was changed on disk.
 */
export async function llamaFolder(home: SupplyHome): Promise<string> {
  const installed = installedLlama(home);
  const folder = installed === null ? null : treeFolder(home, installed.tree);
  if (installed === null || folder === null || !existsSync(folder)) {
    throw new Fault("supply.llama-missing", { message: "the engine for model files is not installed.", next: NEXT });
  }
  const differs = (message: string): Fault => new Fault("supply.llama-differs", { at: folder, message, next: NEXT });
  const version = textAt(pinned(), "version");
  if (installed.version !== version) {
    throw differs(`the engine is ${oneLine(installed.version, 40)}, and this Freehold knows ${version}.`);
  }
  if ((await treeHash(folder)) !== installed.tree) throw differs("files of the engine were changed.");
  return folder;
}

function recordFile(home: SupplyHome): string {
  return join(home.stateDir, "llama.json");
}

function pinned(): JsonObject {
  const value = readJson(readFileSync(PINNED, "utf8"));
  return isObject(value) ? value : {};
}
