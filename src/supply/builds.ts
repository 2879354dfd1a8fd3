// Freehold's own builds: kept as trees like those of servers, so that an update of Freehold can be gone back from.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { Fault, isObject, oneLine, sha256, type JsonObject } from "../kernel/index.ts";
import { listFiles } from "./build-to-run.ts";
import type { Build } from "./generations.ts";
import { addTree, fillFromPackages, readManifest } from "./install.ts";
import { treeFolder } from "./places.ts";
import { bringContent, type InstallOptions } from "./prepare.ts";
import { everyPackage, thisMachine } from "./resolve.ts";
import { readPackage } from "./tar.ts";
import { walk } from "./tree.ts";

const NAME = "freehold";
const LOCKS = ["npm-shrinkwrap.json", "package-lock.json"];
const NEEDED = ["dist/daemon/main.js", "dist/cli/main.js"];
const TARBALL_BYTES_MAX = 256 * 1024 * 1024;

/** The build whose program runs from `root`; `code` is the folder of its rooms. */
export function buildAt(root: string, code: string, trees: string): Build {
  const { version } = manifestOf(root);
  const tree = dirname(root) === trees ? basename(root) : null;
  return {
    version: typeof version === "string" ? version : "unknown",
    code: sha256(listFiles(code, isTest)),
    tree,
    root,
  };
}

/** Sources have them beside the code; what is built has none. */
function isTest(path: string): boolean {
  return path.endsWith(".test.ts");
}

export type StageOptions = Omit<InstallOptions, "name" | "locked"> & {
  /** A folder with `dist` and `node_modules`, or a packed package with its lock. */
  readonly from: string;
};

/** Brings a build among the trees. Nothing of it is run. Throws Fault `supply.build`, or a fault of installing. */
export async function stageBuild(options: StageOptions): Promise<Build> {
  const { from, homePaths } = options;
  if (!existsSync(from)) throw fault(from, "there is nothing", "give a folder or a packed package of Freehold");
  const isFolder = statSync(from).isDirectory();
  const hash = await addTree(homePaths, (target) =>
    isFolder ? fillFromInstalled(target, from) : fillFromTarball(target, options),
  );
  const root = treeFolder(homePaths, hash);
  const missing = NEEDED.find((path) => !existsSync(join(root, path)));
  if (missing !== undefined) throw fault(from, `it has no ${missing}`, "build it first: npm run build");
  return { ...buildAt(root, join(root, "dist"), homePaths.trees), tree: hash };
}

/** What runs: the built program, and of `node_modules` what the lock does not call a tool for development. */
async function fillFromInstalled(target: string, from: string): Promise<null> {
  requireFreehold(from, manifestOf(from));
  const { file, lock } = lockIn(from);
  for (const path of ["package.json", file]) copyFileSync(join(from, path), join(target, path));
  copyFolder(join(from, "dist"), join(target, "dist"));
  const packages = isObject(lock["packages"]) ? Object.entries(lock["packages"]) : [];
  for (const [path, entry] of packages) {
    if (path === "" || !isObject(entry) || entry["dev"] === true || entry["devOptional"] === true) continue;
    if (!path.startsWith("node_modules/") || path.split("/").includes("..")) throw fault(from, "its lock is odd", "");
    if (existsSync(join(from, path))) copyFolder(join(from, path), join(target, path));
    else if (entry["optional"] !== true) throw fault(from, `it lacks ${oneLine(path, 200)}`, "npm ci in it first");
  }
  return null;
}

/** A package's own files: packages inside it stand in the lock by themselves. */
function copyFolder(from: string, to: string): void {
  if (!existsSync(from)) return;
  mkdirSync(to, { recursive: true });
  for (const { path, kind } of walk(from, (inner) => inner === "node_modules")) {
    if (kind === "folder") mkdirSync(join(to, path), { recursive: true });
    else if (kind === "file") copyFileSync(join(from, path), join(to, path));
    else symlinkSync(readlinkSync(join(from, path)), join(to, path));
  }
}

async function fillFromTarball(target: string, options: StageOptions): Promise<null> {
  const { from, homePaths } = options;
  if (statSync(from).size > TARBALL_BYTES_MAX) throw fault(from, "it is larger than 256 MB", "");
  for (const { path, content } of await readPackage(basename(from), readFileSync(from))) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    writeFileSync(join(target, path), content, { flag: "wx" });
  }
  requireFreehold(from, manifestOf(target));
  const packages = everyPackage(lockIn(target).lock, thisMachine()).packages;
  await bringContent({ ...options, npm: null, packages });
  await fillFromPackages(target, { home: homePaths, packages });
  return null;
}

function lockIn(folder: string): { readonly file: string; readonly lock: JsonObject } {
  const file = LOCKS.find((name) => existsSync(join(folder, name)));
  if (file === undefined) throw fault(folder, "it has no lock", "pack it with its package-lock.json");
  return { file, lock: readManifest(readFileSync(join(folder, file), "utf8")) };
}

function manifestOf(folder: string): JsonObject {
  const file = join(folder, "package.json");
  return existsSync(file) ? readManifest(readFileSync(file, "utf8")) : {};
}

function requireFreehold(from: string, manifest: JsonObject): void {
  if (manifest["name"] === NAME) return;
  const found = typeof manifest["name"] === "string" ? oneLine(manifest["name"], 60) : "something without a name";
  throw fault(from, `it is ${found}, not Freehold`, "give a folder or a packed package of Freehold");
}

function fault(from: string, what: string, next: string): Fault {
  return new Fault("supply.build", { at: oneLine(from, 300), message: `${what}.`, next });
}
