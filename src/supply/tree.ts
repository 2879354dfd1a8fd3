// An installed tree and its hash: SHA-256 over the sorted list of its files. The list is kept, so that a
// difference has a name.

import { createHash } from "node:crypto";
import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { Fault, oneLine, sha256, type Digest } from "../kernel/index.ts";
import type { LockedServer } from "../manifest/index.ts";
import { listingFile, treeFolder, type SupplyHome } from "./places.ts";

const ENTRIES_MAX = 200_000;
const FILES_PER_TURN = 200;

export interface TreeEntry {
  /** Relative, with `/`. */
  readonly path: string;
  readonly kind: "file" | "folder" | "link";
  readonly isExecutable: boolean;
}

/** Files, links and folders, parents before children. Throws Fault `supply.tree` for anything else. */
export function walk(folder: string, leaveOut: (path: string) => boolean = () => false): readonly TreeEntry[] {
  const entries: TreeEntry[] = [];
  const pending = [""];
  for (let inner = pending.pop(); inner !== undefined; inner = pending.pop()) {
    for (const found of readdirSync(join(folder, inner), { withFileTypes: true })) {
      const path = inner === "" ? found.name : `${inner}/${found.name}`;
      if (leaveOut(path)) continue;
      const kind = found.isFile() ? "file" : found.isDirectory() ? "folder" : found.isSymbolicLink() ? "link" : null;
      if (kind === null) throw fault(`${oneLine(join(folder, path), 300)} is no file, folder or link.`);
      if (entries.length >= ENTRIES_MAX) throw fault(`${folder} holds more than ${ENTRIES_MAX} entries.`);
      const isExecutable = kind === "file" && (lstatSync(join(folder, path)).mode & 0o111) !== 0;
      entries.push({ path, kind, isExecutable });
      if (kind === "folder") pending.push(path);
    }
  }
  return entries;
}

/**
 * One line a file or link, sorted by path: mode, SHA-256 of the content (or of the link's target), path as JSON.
 * Of the mode only "may be executed" counts, as in git; empty folders do not count.
 */
export async function listTree(folder: string): Promise<string> {
  const entries = walk(folder).filter((entry) => entry.kind !== "folder");
  const lines: string[] = [];
  for (const entry of entries.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const full = join(folder, entry.path);
    const { path, isExecutable } = entry;
    if (entry.kind === "link") lines.push(linkLine(path, readlinkSync(full)));
    else lines.push(fileLine(path, { isExecutable, content: readFileSync(full) }));
    // The daemon goes on answering while a tree is read.
    if (lines.length % FILES_PER_TURN === 0) await turn();
  }
  return lines.join("");
}

export function fileLine(path: string, file: { readonly isExecutable: boolean; readonly content: Buffer }): string {
  return lineOf(path, file.isExecutable ? "100755" : "100644", file.content);
}

export function linkLine(path: string, leadsTo: string): string {
  return lineOf(path, "120000", leadsTo);
}

function lineOf(path: string, mode: string, content: Buffer | string): string {
  return `${mode} ${createHash("sha256").update(content).digest("hex")} ${JSON.stringify(path)}\n`;
}

/** What somebody wrote into a folder: each line of the listing by its path, and all folders. */
export interface WrittenTree {
  readonly lines: ReadonlyMap<string, string>;
  readonly folders: ReadonlySet<string>;
}

/** The same as `listTree` of what was written. */
export function listingOf({ lines, folders }: WrittenTree): string {
  if (lines.size + folders.size > ENTRIES_MAX) throw fault(`the tree holds more than ${ENTRIES_MAX} entries.`);
  return [...lines]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, line]) => line)
    .join("");
}

export async function treeHash(folder: string): Promise<Digest> {
  return sha256(await listTree(folder));
}

/** Takes the right to write from all of it; who wants to delete it gives it back first. */
export function sealTree(folder: string): void {
  setModes(folder, (mode) => mode & 0o555);
}

/** For a tree whose files have their mode already. */
export function sealFolders(folder: string, inner: Iterable<string>): void {
  for (const path of [...inner, "."]) chmodSync(join(folder, path), lstatSync(join(folder, path)).mode & 0o555);
}

export function unsealTree(folder: string): void {
  setModes(folder, (mode) => mode | 0o200);
}

function setModes(folder: string, change: (mode: number) => number): void {
  // The folder itself first, or its entries could not be reached once it is sealed; sealing keeps reading allowed.
  const set = (path: string): void => chmodSync(path, change(lstatSync(path).mode & 0o777));
  set(folder);
  for (const entry of walk(folder)) if (entry.kind !== "link") set(join(folder, entry.path));
}

/**
 * A remote server has no tree, so nothing differs. Throws Fault `supply.tree-missing`, or `supply.tree-differs`, which
 * names the first file that is not as locked.
 */
export async function verifyTree(options: {
  readonly name: string;
  readonly locked: LockedServer;
  readonly homePaths: SupplyHome;
}): Promise<void> {
  const { name, locked, homePaths: home } = options;
  if (locked.tree === null) return;
  const { hash } = locked.tree;
  const folder = treeFolder(home, hash);
  const next = `freehold install ${name} (puts back the locked files).`;
  if (!existsSync(folder)) {
    throw new Fault("supply.tree-missing", { message: `${name} is locked but not installed.`, at: folder, next });
  }
  const listing = await listTree(folder);
  if (sha256(listing) === hash) return;
  const known = existsSync(listingFile(home, hash)) ? readFileSync(listingFile(home, hash), "utf8") : "";
  const what =
    sha256(known) === hash ? firstDifference(known, listing) : "its list of files is lost, so no file can be named";
  throw new Fault("supply.tree-differs", {
    message: `${name} on disk is not what stack.lock says: ${what}.`,
    at: folder,
    next,
  });
}

/** Between two lists of files, in words. */
export function firstDifference(locked: string, found: string): string {
  const byPath = (listing: string): ReadonlyMap<string, string> =>
    new Map(
      listing
        .split("\n")
        .filter(Boolean)
        .map((line) => [line.slice(72), line.slice(0, 71)]),
    );
  const [before, after] = [byPath(locked), byPath(found)];
  for (const path of [...new Set([...before.keys(), ...after.keys()])].toSorted()) {
    if (before.get(path) === after.get(path)) continue;
    const state = !after.has(path) ? "is missing" : before.has(path) ? "was changed" : "was added";
    return `${oneLine(String(JSON.parse(path)), 300)} ${state}`;
  }
  return "the list is in another order";
}

function fault(message: string): Fault {
  return new Fault("supply.tree", { message, next: "remove it, or leave it out of the folder." });
}
