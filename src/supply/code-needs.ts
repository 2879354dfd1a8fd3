// What code needs from elsewhere: declared, locked, floating, and imported without anybody having declared it, as
// happens when a model makes up a package's name.

import { builtinModules } from "node:module";
import { isObject, type JsonValue } from "../kernel/index.ts";
import type { CodeFile } from "./code-files.ts";
import { readCode } from "./code-words.ts";
import { readManifest } from "./install.ts";
import { isLookalike } from "./scan-packages.ts";

const FIELDS = ["dependencies", "optionalDependencies", "peerDependencies", "devDependencies"];
const NEEDED = FIELDS.slice(0, 2);
const IMPORTING = /(?:\bfrom|\bimport|\b(?:require|import)\s*\()\s*["'`]$/;
const LOOK_BACK = 40;
const BARE = /^(?:@[a-z0-9~][\w.~-]*\/)?[a-z0-9~_][\w.~-]*/;
const ELSEWHERE = /^(?:git|http|file|link|github:|[\w-]+\/[\w.-]+(?:#|$))/;
const EXACT = /^=?v?\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/;
const REQUIREMENT = /^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?[ \t]*([^#\n;]*)/;
const PYTHON_LOCKS = /(?:^|\/)(?:uv\.lock|poetry\.lock|Pipfile\.lock)$/;

export interface CodeNeeds {
  readonly declared: readonly string[];
  /** Packages in lock files, those that packages need counted in. */
  readonly locked: number;
  /** Declared without an exact version, and no lock holds them. */
  readonly floating: readonly string[];
  /** From git, an address or a folder. */
  readonly elsewhere: readonly string[];
  /** Imported, and declared nowhere: `name (file)`. */
  readonly undeclared: readonly string[];
  readonly lookalikes: readonly string[];
  /** Scripts that npm would run at install: `package.json: postinstall`. */
  readonly scripts: readonly string[];
}

interface Declared {
  readonly name: string;
  readonly range: string;
  readonly isNpm: boolean;
  readonly isNeeded: boolean;
}

export function needsOf(files: readonly CodeFile[]): CodeNeeds {
  const manifests = files.filter(({ path }) => /(?:^|\/)package\.json$/.test(path));
  const declared = [
    ...manifests.flatMap(({ text }) => npmDeclared(text)),
    ...files
      .filter(({ path }) => /(?:^|\/)requirements[\w.-]*\.txt$/.test(path))
      .flatMap(({ text }) => pyDeclared(text)),
  ];
  const needed = declared.filter(({ isNeeded }) => isNeeded);
  const hasLock = (isNpm: boolean): boolean =>
    files.some(({ path, language }) => language === "lock" && PYTHON_LOCKS.test(path) !== isNpm);
  const floats = ({ range, isNpm }: Declared): boolean =>
    !hasLock(isNpm) && !ELSEWHERE.test(range) && !(isNpm ? EXACT.test(range) : range.startsWith("=="));
  return {
    declared: namesOf(needed),
    locked: files.reduce((sum, file) => sum + (file.language === "lock" ? lockedIn(file) : 0), 0),
    floating: namesOf(needed.filter(floats)),
    elsewhere: namesOf(declared.filter(({ range }) => ELSEWHERE.test(range))),
    undeclared: undeclaredIn(files, manifests, new Set(declared.map(({ name }) => name))),
    lookalikes: namesOf(declared.filter(({ name, isNpm }) => isLookalike(name, isNpm))),
    scripts: manifests.flatMap(({ path, text }) => scriptsIn(path, text)),
  };
}

function namesOf(declared: readonly Declared[]): readonly string[] {
  return [...new Set(declared.map(({ name, range }) => (range === "" ? name : `${name} ${range}`)))].toSorted();
}

function npmDeclared(text: string): readonly Declared[] {
  const manifest = readManifest(text);
  return FIELDS.flatMap((field) => {
    const listed = manifest[field];
    if (!isObject(listed)) return [];
    const isNeeded = NEEDED.includes(field);
    return Object.entries(listed).map(([name, range]) => ({ name, range: rangeOf(range), isNpm: true, isNeeded }));
  });
}

function rangeOf(range: JsonValue | undefined): string {
  return typeof range === "string" ? range : "";
}

function pyDeclared(text: string): readonly Declared[] {
  return text.split("\n").flatMap((line): readonly Declared[] => {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) return [];
    const [, name = "", range = ""] = REQUIREMENT.exec(trimmed) ?? [];
    const isPlain = name !== "" && !/^(?:git\+|https?:|file:)/.test(trimmed);
    if (isPlain) return [{ name, range: range.trim(), isNpm: false, isNeeded: true }];
    return trimmed.startsWith("-") ? [] : [{ name: trimmed.slice(0, 120), range: "git", isNpm: false, isNeeded: true }];
  });
}

function lockedIn({ path, text }: CodeFile): number {
  if (!path.endsWith(".json")) return text.match(/^\[\[package\]\]/gm)?.length ?? 0;
  const { packages } = readManifest(text);
  return isObject(packages) ? Object.keys(packages).filter((name) => name !== "").length : 0;
}

function scriptsIn(path: string, text: string): readonly string[] {
  const { scripts } = readManifest(text);
  if (!isObject(scripts)) return [];
  const run = ["preinstall", "install", "postinstall", "prepare"];
  return run.filter((name) => typeof scripts[name] === "string").map((name) => `${path}: ${name}`);
}

/** Only of JavaScript: Python's packages are imported under other names than they are installed. */
function undeclaredIn(
  files: readonly CodeFile[],
  manifests: readonly CodeFile[],
  declared: ReadonlySet<string>,
): readonly string[] {
  const own = manifests.flatMap(({ text }) => {
    const { name } = readManifest(text);
    return typeof name === "string" ? [name] : [];
  });
  const known = new Set([...declared, ...own, ...builtinModules]);
  const found = new Map<string, string>();
  for (const { path, text } of files.filter(({ language }) => language === "javascript")) {
    for (const name of importedBy(text)) if (!known.has(name) && !found.has(name)) found.set(name, path);
  }
  return [...found].map(([name, path]) => `${name} (${path})`).toSorted();
}

function importedBy(text: string): readonly string[] {
  const { code, strings } = readCode(text);
  return strings.flatMap(({ start, text: written }) => {
    if (!IMPORTING.test(code.slice(Math.max(0, start - LOOK_BACK), start))) return [];
    if (/^(?:node|data|https?|file|bun|deno|jsr|npm):/.test(written)) return [];
    const name = BARE.exec(written)?.[0];
    return name === undefined || written.startsWith("#") ? [] : [name];
  });
}
