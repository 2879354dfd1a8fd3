// The repository's files as data for the rules, and the figures that the scoreboard prints.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { codeLines, importsOf } from "./source.ts";
import { TRUSTED } from "./table.ts";

export type Tree = ReadonlyMap<string, string>;

export const ROOT = normalize(join(import.meta.dirname, "..", ".."));

const SKIPPED = new Set(["node_modules", "dist", ".git", ".runtime", ".cache", "coverage"]);
const TEXT = /(?:\.(?:ts|mts|js|mjs|json|jsonc|md|yaml|yml|css|svg|sh|html|txt)|\/run|\/freehold|rc)$/;

/** Every text file below root, by path with slashes; what git ignores by name is left out. */
export function readTree(root: string = ROOT): Tree {
  const files = new Map<string, string>();
  const visit = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (SKIPPED.has(entry.name)) continue;
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile() && TEXT.test(`/${path}`)) files.set(path, readFileSync(join(root, path), "utf8"));
    }
  };
  visit("");
  return files;
}

export function isTest(path: string): boolean {
  return path.endsWith(".test.ts");
}

export function isTrusted(path: string): boolean {
  if (!path.endsWith(".ts") || isTest(path)) return false;
  return TRUSTED.some((entry) => (entry.endsWith("/") ? path.startsWith(entry) : path === entry));
}

export function sourcesOf(tree: Tree): readonly string[] {
  return [...tree.keys()].filter((path) => path.startsWith("src/") && path.endsWith(".ts") && !isTest(path)).sort();
}

/** Where a relative specifier leads, or null for a package or a built-in. */
export function resolveImport(from: string, specifier: string): string | null {
  return specifier.startsWith(".") ? normalize(join(dirname(from), specifier)) : null;
}

/** Cycles between files of src/, each as its way round; type imports count, for a reader follows them too. */
export function cyclesOf(tree: Tree): readonly string[][] {
  const edges = new Map<string, readonly string[]>();
  for (const path of sourcesOf(tree)) {
    const targets = importsOf(tree.get(path) ?? "").map((found) => resolveImport(path, found.specifier));
    edges.set(
      path,
      targets.filter((target): target is string => target !== null && tree.has(target)),
    );
  }
  const cycles: string[][] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (path: string) => {
    const seenAt = way.indexOf(path);
    if (seenAt !== -1) {
      cycles.push([...way.slice(seenAt), path]);
      return;
    }
    if (done.has(path)) return;
    way.push(path);
    for (const target of edges.get(path) ?? []) visit(target);
    way.pop();
    done.add(path);
  };
  for (const path of edges.keys()) visit(path);
  return cycles;
}

export interface Figures {
  readonly trustedCodeLines: number;
  readonly totalLines: number;
  readonly largestFile: string;
  readonly largestLines: number;
  readonly medianLines: number;
  readonly cycles: number;
  readonly directDependencies: number;
}

/** Lines are all lines of src/ without tests; only the trusted set counts code lines. */
export function figuresOf(tree: Tree): Figures {
  const sources = sourcesOf(tree);
  const sizes = sources
    .map((path) => ({ path, lines: linesOf(tree.get(path) ?? "") }))
    .sort((one, other) => one.lines - other.lines);
  const largest = sizes.at(-1) ?? { path: "none", lines: 0 };
  const manifest: unknown = JSON.parse(tree.get("package.json") ?? "{}");
  const dependencies =
    typeof manifest === "object" && manifest !== null && "dependencies" in manifest ? manifest.dependencies : {};
  return {
    trustedCodeLines: trustedSizes(tree).reduce((sum, file) => sum + file.lines, 0),
    totalLines: sizes.reduce((sum, file) => sum + file.lines, 0),
    largestFile: largest.path,
    largestLines: largest.lines,
    medianLines: sizes[Math.floor(sizes.length / 2)]?.lines ?? 0,
    cycles: cyclesOf(tree).length,
    directDependencies: Object.keys(dependencies ?? {}).length,
  };
}

export function trustedSizes(tree: Tree): readonly { readonly path: string; readonly lines: number }[] {
  return [...tree.keys()].filter(isTrusted).map((path) => ({ path, lines: codeLines(tree.get(path) ?? "") }));
}

export function linesOf(text: string): number {
  return text === "" ? 0 : text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

interface LockEntry {
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

/** Locked packages without a hash that could be installed by a user, or by a developer on Linux with glibc. */
export function unhashedPackages(lockfile: string): readonly string[] {
  // npm's own format, and a wrong shape fails the test that asks.
  const { packages } = JSON.parse(lockfile) as { readonly packages: Readonly<Record<string, LockEntry>> };
  return Object.entries(packages)
    .filter(([name, entry]) => name !== "" && entry.integrity === undefined)
    .filter(([, { dev, optional, os, cpu, libc }]) => {
      const isForeign = os?.includes("linux") === false || libc?.includes("musl") === true || !isBuiltOn(cpu);
      return !(dev === true && optional === true && isForeign);
    })
    .map(([name]) => name);
}

function isBuiltOn(cpu: readonly string[] | undefined): boolean {
  return cpu === undefined || cpu.includes("x64") || cpu.includes("arm64");
}
