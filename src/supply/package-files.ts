// The files of one package in an installed tree, as far as a person would have to read them.

import { createHash } from "node:crypto";
import { existsSync, lstatSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { isObject } from "../kernel/index.ts";
import { reachOf, type Capability } from "./capabilities.ts";
import { readManifest } from "./install.ts";
import { walk } from "./tree.ts";

const CODE = new Set([".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"]);
const TEXTS = new Set([".json", ".sh", ".py", ".yaml", ".yml", ".html", ".css", ".sql", ".gyp", ""]);
const UNREAD = /\.d\.[mc]?ts$|\.map$|(?:^|\/)(?:LICEN[CS]E|README|CHANGELOG|AUTHORS|NOTICE|SECURITY)[^/]*$/i;
const SCRIPTS = ["preinstall", "install", "postinstall"];
const FILE_BYTES_MAX = 4_194_304;
const FILES_PER_TURN = 50;

export interface PackageFiles {
  /** By path within the package: what would be read, as text. */
  readonly texts: ReadonlyMap<string, string>;
  /** By path: the hash of what is no text or too large to be read. */
  readonly others: ReadonlyMap<string, string>;
  readonly capabilities: ReadonlySet<Capability>;
  readonly hosts: ReadonlySet<string>;
  /** Scripts that npm would run at install; Freehold runs none. */
  readonly scripts: readonly string[];
}

export async function readPackageFiles(folder: string): Promise<PackageFiles> {
  const texts = new Map<string, string>();
  const others = new Map<string, string>();
  const capabilities = new Set<Capability>();
  const hosts = new Set<string>();
  if (!existsSync(folder)) return { texts, others, capabilities, hosts, scripts: [] };
  const isInner = (path: string): boolean => /(?:^|\/)(?:node_modules|\.git)$/.test(path);
  let read = 0;
  for (const { path, kind } of walk(folder, isInner)) {
    if (kind !== "file" || UNREAD.test(path)) continue;
    read += 1;
    if (read % FILES_PER_TURN === 0) await turn();
    const extension = extname(path).toLowerCase();
    const isText = CODE.has(extension) || TEXTS.has(extension);
    const isLarge = lstatSync(join(folder, path)).size > FILE_BYTES_MAX;
    const bytes = readFileSync(join(folder, path));
    if (extension === ".node") capabilities.add("native code");
    if (!isText || isLarge || bytes.includes(0)) {
      others.set(path, createHash("sha256").update(bytes).digest("hex"));
      continue;
    }
    const text = bytes.toString("utf8");
    texts.set(path, text);
    if (!CODE.has(extension)) continue;
    const reach = reachOf(text);
    for (const capability of reach.capabilities) capabilities.add(capability);
    for (const host of reach.hosts) hosts.add(host);
  }
  return { texts, others, capabilities, hosts, scripts: scriptsOf(texts) };
}

function scriptsOf(texts: ReadonlyMap<string, string>): readonly string[] {
  const { scripts } = readManifest(texts.get("package.json") ?? "{}");
  const named = isObject(scripts) ? SCRIPTS.filter((name) => typeof scripts[name] === "string") : [];
  // Without a script of its own npm builds what has this file.
  return named.length === 0 && texts.has("binding.gyp") ? ["install"] : named;
}

export interface LineCount {
  readonly files: number;
  readonly added: number;
  readonly removed: number;
}

const LINE_CHARS = 120;

/** Lines that the other has not, wherever they stand: what was only moved is no change. Long lines count as several. */
export function countLines(before: PackageFiles, after: PackageFiles): LineCount {
  let [files, added, removed] = [0, 0, 0];
  for (const path of new Set([...before.texts.keys(), ...after.texts.keys()])) {
    const [was, is] = [before.texts.get(path) ?? "", after.texts.get(path) ?? ""];
    if (was === is) continue;
    files += 1;
    const counts = new Map<string, number>();
    for (const line of linesOf(was)) counts.set(line, (counts.get(line) ?? 0) + 1);
    for (const line of linesOf(is)) counts.set(line, (counts.get(line) ?? 0) - 1);
    for (const [line, count] of counts) {
      const weight = Math.max(1, Math.ceil(line.length / LINE_CHARS));
      if (count > 0) removed += count * weight;
      else added -= count * weight;
    }
  }
  for (const path of new Set([...before.others.keys(), ...after.others.keys()])) {
    if (before.others.get(path) !== after.others.get(path)) files += 1;
  }
  return { files, added, removed };
}

function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}
