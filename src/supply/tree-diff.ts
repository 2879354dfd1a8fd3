// Two installed trees of one server: packages, lines of code, install scripts, and what the code can newly reach.

import { join } from "node:path";
import { oneLine } from "../kernel/index.ts";
import { splitNpm, unified, type LockedPackage, type LockedServer } from "../manifest/index.ts";
import type { Capability } from "./capabilities.ts";
import { countLines, readPackageFiles, type LineCount, type PackageFiles } from "./package-files.ts";
import { treeFolder, type SupplyHome } from "./places.ts";

export interface PackageMove {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

export interface TreeDiff {
  readonly packages: {
    readonly total: number;
    /** `name version` */
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly PackageMove[];
    /** One version, two contents: `name version`. No honest registry does that. */
    readonly rewritten: readonly string[];
  };
  readonly own: LineCount;
  readonly dependencies: LineCount;
  /** New install scripts, which Freehold never runs: `name: postinstall`. */
  readonly scripts: readonly string[];
  readonly capabilities: readonly Reach[];
  /** Named in the code of the server itself, newly. */
  readonly hosts: readonly string[];
  /** Minutes to read what changed in the server's own code, at 400 lines an hour. */
  readonly readingMinutes: number;
  readonly dependencyMinutes: number;
  /** The server's own code as a unified diff, cut at a limit. */
  readonly hunks: string;
}

export interface Reach {
  readonly package: string;
  readonly names: readonly Capability[];
}

/** A rule of thumb for careful reading; the owner's own rate may be another. */
const LINES_PER_HOUR = 400;
const HUNKS_CHARS_MAX = 40_000;
const NONE: LineCount = { files: 0, added: 0, removed: 0 };

interface Sides {
  readonly home: SupplyHome;
  readonly before: LockedServer;
  readonly after: LockedServer;
}

export async function diffTrees(sides: Sides): Promise<TreeDiff> {
  const own = await diffPackage(sides, ownPath(sides.before), ownPath(sides.after));
  const top = ownName(sides.after);
  const moves = pairPackages(packagesOf(sides.before), packagesOf(sides.after));
  const hosts = [...own.after.hosts].filter((host) => !own.before.hosts.has(host));
  const capabilities = reachOf(top, own);
  const scripts = scriptsOf(top, own);
  let lines = NONE;
  for (const { was, is } of moves.filter((move) => move.is !== null && !isOwn(sides, move))) {
    const pair = await diffPackage(sides, was?.path ?? null, is?.path ?? null);
    const name = is?.name ?? "";
    capabilities.push(...reachOf(name, pair));
    scripts.push(...scriptsOf(name, pair));
    const counted = countLines(pair.before, pair.after);
    lines = {
      files: lines.files + counted.files,
      added: lines.added + counted.added,
      removed: lines.removed + counted.removed,
    };
  }
  const counted = countLines(own.before, own.after);
  return {
    packages: packageMoves(moves, packagesOf(sides.after).length),
    own: counted,
    dependencies: lines,
    scripts,
    capabilities,
    hosts: hosts.toSorted(),
    readingMinutes: minutesFor(counted),
    dependencyMinutes: minutesFor(lines),
    hunks: hunksOf(own.before, own.after),
  };
}

function minutesFor({ added, removed }: LineCount): number {
  return Math.ceil(((added + removed) * 60) / LINES_PER_HOUR);
}

function packagesOf(locked: LockedServer): readonly LockedPackage[] {
  return locked.tree?.packages ?? [];
}

function ownName(locked: LockedServer): string {
  return locked.kind === "npm" ? splitNpm(locked.source).name : "the server";
}

function ownPath(locked: LockedServer): string {
  return locked.kind === "npm" ? `node_modules/${ownName(locked)}` : "";
}

interface Move {
  readonly was: LockedPackage | null;
  readonly is: LockedPackage | null;
}

function isOwn({ before, after }: Sides, { was, is }: Move): boolean {
  return was?.path === ownPath(before) && is?.path === ownPath(after);
}

interface Pair {
  readonly before: PackageFiles;
  readonly after: PackageFiles;
}

async function diffPackage(sides: Sides, was: string | null, is: string | null): Promise<Pair> {
  const folderOf = (locked: LockedServer, path: string | null): string =>
    path === null || locked.tree === null ? "" : join(treeFolder(sides.home, locked.tree.hash), path);
  return {
    before: await readPackageFiles(folderOf(sides.before, was)),
    after: await readPackageFiles(folderOf(sides.after, is)),
  };
}

function reachOf(name: string, { before, after }: Pair): Reach[] {
  const names = [...after.capabilities].filter((capability) => !before.capabilities.has(capability));
  return names.length === 0 ? [] : [{ package: name, names: names.toSorted() }];
}

function scriptsOf(name: string, { before, after }: Pair): string[] {
  return after.scripts.filter((script) => !before.scripts.includes(script)).map((script) => `${name}: ${script}`);
}

/** What differs, by name: where a package stands in the tree is npm's business. */
function pairPackages(before: readonly LockedPackage[], after: readonly LockedPackage[]): readonly Move[] {
  const key = ({ name, version, integrity }: LockedPackage): string => `${name}@${version} ${integrity}`;
  const [known, present] = [new Set(before.map(key)), new Set(after.map(key))];
  const gone = new Map<string, LockedPackage[]>();
  for (const was of before.filter((one) => !present.has(key(one)))) {
    gone.set(was.name, [...(gone.get(was.name) ?? []), was]);
  }
  const moves: Move[] = after
    .filter((one) => !known.has(key(one)))
    .map((is) => ({ was: gone.get(is.name)?.shift() ?? null, is }));
  return [...moves, ...[...gone.values()].flat().map((was) => ({ was, is: null }))];
}

function packageMoves(moves: readonly Move[], total: number): TreeDiff["packages"] {
  const text = ({ name, version }: LockedPackage): string => `${oneLine(name, 120)} ${oneLine(version, 60)}`;
  const changed = moves.flatMap(({ was, is }): PackageMove[] =>
    was === null || is === null || was.version === is.version
      ? []
      : [{ name: is.name, from: was.version, to: is.version }],
  );
  return {
    total,
    added: [...new Set(moves.flatMap(({ was, is }) => (was === null && is !== null ? [text(is)] : [])))],
    removed: [...new Set(moves.flatMap(({ was, is }) => (is === null && was !== null ? [text(was)] : [])))],
    changed,
    rewritten: moves.flatMap(({ was, is }) => (was !== null && was.version === is?.version ? [text(was)] : [])),
  };
}

function hunksOf(before: PackageFiles, after: PackageFiles): string {
  let text = "";
  for (const path of [...new Set([...before.texts.keys(), ...after.texts.keys()])].toSorted()) {
    text += unified({ path, before: before.texts.get(path) ?? null, after: after.texts.get(path) ?? null });
    if (text.length > HUNKS_CHARS_MAX) return `${text.slice(0, HUNKS_CHARS_MAX)}\n… cut here\n`;
  }
  return text;
}
