// Makes a tree from the content store: checked archives, plain files, npm's links in .bin. No script can run.
// The tree is made beside the others and takes its place by one rename.

import { randomUUID } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, posix } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { ensureDir, writeAtomic } from "../home/index.ts";
import { Fault, isObject, oneLine, sha256, type Digest, type JsonObject } from "../kernel/index.ts";
import type { LockedPackage } from "../manifest/index.ts";
import { binsOf } from "./bins.ts";
import { readContent } from "./content.ts";
import { listingFile, treeFolder, type SupplyHome } from "./places.ts";
import { readPackage, type TarFile } from "./tar.ts";
import {
  fileLine,
  linkLine,
  listingOf,
  listTree,
  sealFolders,
  sealTree,
  treeHash,
  unsealTree,
  type WrittenTree,
} from "./tree.ts";

const STALE_AFTER_MS = 86_400_000;
const NAME = "(?:@[A-Za-z0-9~_.-]+/)?[A-Za-z0-9~_-][A-Za-z0-9~_.-]*";
const PACKAGE_PATH = new RegExp(`^node_modules/${NAME}(?:/node_modules/${NAME})*$`);

/**
 * Fills an empty folder and gives the hash under which it now stands. A fill that knows what it wrote says so, and the
 * files are not read again; what the disk made of it shows when the tree is verified, at each start.
 */
export async function addTree(
  home: SupplyHome,
  fill: (folder: string) => Promise<WrittenTree | null>,
): Promise<Digest> {
  ensureDir(home.trees, 0o700);
  removeStale(home);
  const staging = join(home.trees, `.new-${randomUUID()}`);
  mkdirSync(staging);
  try {
    const written = await fill(staging);
    const listing = written === null ? await listTree(staging) : listingOf(written);
    const hash = sha256(listing);
    const place = treeFolder(home, hash);
    writeAtomic(listingFile(home, hash), listing, 0o400);
    if (existsSync(place)) {
      if ((await treeHash(place)) === hash) return hash;
      // Somebody changed it on disk; the sound one takes its place.
      remove(place);
    }
    if (written === null) sealTree(staging);
    else sealFolders(staging, written.folders);
    renameSync(staging, place);
    return hash;
  } finally {
    remove(staging);
  }
}

/** Throws Fault `supply.content` or `supply.archive`; then nothing has been put in place. */
export async function fillFromPackages(
  folder: string,
  { home, packages }: { readonly home: SupplyHome; readonly packages: readonly LockedPackage[] },
): Promise<WrittenTree> {
  const manifests = new Map<string, JsonObject>();
  const tree: Writing = { folder, lines: new Map(), folders: new Set() };
  for (const locked of packages) {
    if (!PACKAGE_PATH.test(locked.path)) {
      throw new Fault("supply.archive", { message: `${oneLine(locked.path, 200)} is no place for a package.` });
    }
    const files = await readPackage(`${locked.name}@${locked.version}`, readContent(home, locked));
    manifests.set(locked.path, writePackage(tree, locked, files));
    await turn();
  }
  for (const [path, manifest] of manifests) linkBins(tree, path, manifest);
  return tree;
}

/** Files are written with the mode that they keep: without the right to write. */
interface Writing {
  readonly folder: string;
  readonly lines: Map<string, string>;
  readonly folders: Set<string>;
}

function writePackage(tree: Writing, locked: LockedPackage, files: readonly TarFile[]): JsonObject {
  const manifest = manifestIn(files);
  const bins = new Set(binsOf(manifest).values());
  const paths = new Set(files.map((file) => file.path));
  makeFolder(tree, locked.path);
  for (const file of files) {
    // As npm does: a packed .gitignore would hide files from the git of whoever unpacks it.
    const path = file.path.replace(/(^|\/)\.gitignore$/, "$1.npmignore");
    if (path !== file.path && paths.has(path)) continue;
    const isExecutable = (file.mode & 0o111) !== 0 || bins.has(file.path);
    const inner = `${locked.path}/${path}`;
    makeFolder(tree, dirname(inner));
    try {
      writeFileSync(`${tree.folder}/${inner}`, file.content, { flag: "wx", mode: isExecutable ? 0o555 : 0o444 });
      tree.lines.set(inner, fileLine(inner, { isExecutable, content: file.content }));
    } catch (cause) {
      const message = `${locked.name}@${locked.version} cannot be unpacked: ${oneLine(path, 200)} is in the way.`;
      throw new Fault("supply.archive", { message, cause });
    }
  }
  return manifest;
}

function manifestIn(files: readonly TarFile[]): JsonObject {
  const text = files.find((file) => file.path === "package.json")?.content.toString("utf8") ?? "{}";
  return readManifest(text);
}

/** What cannot be read names no programs; npm is as lenient here. */
export function readManifest(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ""));
    return isObject(value) ? value : {};
  } catch {
    // Not JSON: a package without programs.
    return {};
  }
}

function makeFolder({ folder, folders }: Writing, path: string): void {
  if (folders.has(path)) return;
  mkdirSync(`${folder}/${path}`, { recursive: true });
  for (let at = path; at !== "." && !folders.has(at); at = dirname(at)) folders.add(at);
}

function linkBins(tree: Writing, path: string, manifest: JsonObject): void {
  const binFolder = `${path.slice(0, path.lastIndexOf("node_modules/"))}node_modules/.bin`;
  for (const [command, file] of binsOf(manifest)) {
    const [inner, link] = [`${path}/${file}`, `${binFolder}/${command}`];
    const target = join(tree.folder, inner);
    if (!existsSync(target) || !statSync(target).isFile()) continue;
    // Of two packages with one command the first keeps it.
    if (tree.lines.has(link)) continue;
    makeFolder(tree, binFolder);
    const leadsTo = posix.relative(binFolder, inner);
    symlinkSync(leadsTo, join(tree.folder, link));
    tree.lines.set(link, linkLine(link, leadsTo));
    const content = mendFirstLine(target);
    chmodSync(target, 0o555);
    tree.lines.set(inner, fileLine(inner, { isExecutable: true, content }));
  }
}

/** `#!/usr/bin/env node\r` names a program that exists nowhere. Answers what the file now holds. */
function mendFirstLine(file: string): Buffer {
  const bytes = readFileSync(file);
  const end = bytes.indexOf("\n");
  if (bytes.toString("latin1", 0, 2) !== "#!" || end < 4 || bytes[end - 1] !== 13) return bytes;
  const mended = Buffer.concat([bytes.subarray(0, end - 1), bytes.subarray(end)]);
  chmodSync(file, 0o755);
  writeFileSync(file, mended);
  return mended;
}

function remove(folder: string): void {
  if (!existsSync(folder)) return;
  unsealTree(folder);
  rmSync(folder, { recursive: true, force: true });
}

/** What a run that was killed has left. */
function removeStale(home: SupplyHome): void {
  for (const name of readdirSync(home.trees)) {
    const path = join(home.trees, name);
    if (name.startsWith(".new-") && Date.now() - statSync(path).mtimeMs > STALE_AFTER_MS) remove(path);
  }
}
