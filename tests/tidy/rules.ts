// The rules that one file can break, each a function over (path, text). Any, non-null assertions, floating promises and
// function lengths are the linter's, which reads types; lint.test.ts proves that it does.

import { importsOf, lineAt, mask } from "./source.ts";
import { AUTHORITIES, COMMAND_FILES, EMPTY_NAMES, FOREIGN_WORDS } from "./table.ts";
import { LIGHT_DOORS, LIMITS, LOADED_PER_COMMAND, MAY_IMPORT } from "./table.ts";
import { isTest, linesOf, resolveImport } from "./tree.ts";

export interface Offence {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

export type Rule = (path: string, text: string) => readonly Offence[];

export const RULES: Readonly<Record<string, Rule>> = {
  rooms,
  roomBorders,
  connectorSiblings,
  loadedPerCommand,
  sideEffects,
  defaultExports,
  suppressions,
  emptyCatches,
  enums,
  names,
  fileNames,
  lengths,
  kernelImports,
  sqlRoom,
  authorities,
  foreignWords,
  opening,
};

export function offencesIn(path: string, text: string): readonly Offence[] {
  return Object.values(RULES).flatMap((rule) => rule(path, text));
}

export function offenceText(offence: Offence): string {
  return `${offence.path}:${offence.line} ${offence.rule}: ${offence.message}`;
}

function roomOf(path: string): string | null {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? null;
}

function isCode(path: string): boolean {
  return /^(?:src|tests|bench|examples)\/.*\.ts$/.test(path);
}

function isProduct(path: string): boolean {
  return path.startsWith("src/") && isCode(path) && !isTest(path);
}

/** Every match in the code as an offence. */
function matches(options: {
  readonly path: string;
  readonly text: string;
  readonly pattern: RegExp;
  readonly rule: string;
  readonly message: string;
}): readonly Offence[] {
  const { path, text, pattern, rule, message } = options;
  return [...mask(text).code.matchAll(pattern)].map((match) => {
    const start = match.index + (match[0].length - match[0].trimStart().length);
    return { path, line: lineAt(text, start), rule, message };
  });
}

/** The mayImport table. A test may look into any room by its index. */
function rooms(path: string, text: string): readonly Offence[] {
  if (!path.startsWith("src/") || !isCode(path)) return [];
  const room = roomOf(path);
  const may = room === null ? undefined : MAY_IMPORT[room];
  if (room === null || may === undefined) {
    return [{ path, line: 1, rule: "rooms", message: "this file is in no room of the table" }];
  }
  if (isTest(path)) return [];
  return importsOf(text).flatMap((found) => {
    const target = resolveImport(path, found.specifier);
    if (target === null) return [];
    const other = roomOf(target);
    if (other === room || (other !== null && may.includes(other))) return [];
    const message = `${room} may not import ${other ?? target}`;
    return [{ path, line: found.line, rule: "rooms", message }];
  });
}

function roomBorders(path: string, text: string): readonly Offence[] {
  if (!isCode(path)) return [];
  const room = roomOf(path);
  return importsOf(text).flatMap((found) => {
    const target = resolveImport(path, found.specifier);
    const other = target === null ? null : roomOf(target);
    // Tests outside src/ and benches may reach into a room; another room may not.
    if (room === null || other === null || other === room || target === `src/${other}/index.ts`) return [];
    if (target !== null && LIGHT_DOORS.includes(target)) return [];
    return [{ path, line: found.line, rule: "roomBorders", message: `import ${other} through its index.ts` }];
  });
}

function connectorSiblings(path: string, text: string): readonly Offence[] {
  const own = /^src\/connectors\/([^/]+)\//.exec(path)?.[1];
  if (own === undefined) return [];
  return importsOf(text).flatMap((found) => {
    const target = resolveImport(path, found.specifier);
    const other = target === null ? undefined : /^src\/connectors\/([^/]+)\//.exec(target)?.[1];
    if (other === undefined || other === own) return [];
    return [
      { path, line: found.line, rule: "connectorSiblings", message: `${own} may not import its sibling ${other}` },
    ];
  });
}

function loadedPerCommand(path: string, text: string): readonly Offence[] {
  if (path !== "src/cli/main.ts") return [];
  return importsOf(text).flatMap((found) => {
    const target = resolveImport(path, found.specifier);
    const room = target === null ? null : roomOf(target);
    if (found.kind !== "static" || room === null || !LOADED_PER_COMMAND.includes(room)) return [];
    return [
      { path, line: found.line, rule: "loadedPerCommand", message: `import ${room} in the command that needs it` },
    ];
  });
}

function sideEffects(path: string, text: string): readonly Offence[] {
  if (!isCode(path)) return [];
  return importsOf(text)
    .filter((found) => found.kind === "side-effect")
    .map(({ line, specifier }) => ({
      path,
      line,
      rule: "sideEffects",
      message: `'${specifier}' is imported for effect`,
    }));
}

function defaultExports(path: string, text: string): readonly Offence[] {
  if (!isCode(path)) return [];
  const pattern = /\bexport\s+default\b|\bas\s+default\b/g;
  return matches({ path, text, pattern, rule: "defaultExports", message: "exports have names" });
}

/** Comments that switch a check off. The linter's may stay where they say why after a dash. */
function suppressions(path: string, text: string): readonly Offence[] {
  if (!isCode(path) || path.startsWith("tests/tidy/")) return [];
  return text.split("\n").flatMap((line, index) => {
    const found = /\/[/*].*?(@ts-(?:ignore|nocheck|expect-error)|(?:ox|es)lint-disable(?:-next-line|-line)?\s)/.exec(
      line,
    );
    if (found === null || / -- \S/.test(line)) return [];
    const message = "a switched-off check says why: … -- reason";
    return [{ path, line: index + 1, rule: "suppressions", message }];
  });
}

/** A catch names its reason or rethrows; one without any statement and any comment has neither. */
function emptyCatches(path: string, text: string): readonly Offence[] {
  if (!isCode(path)) return [];
  const { code } = mask(text);
  const blocks = [...code.matchAll(/\bcatch\s*(?:\([^)]*\))?\s*\{(\s*)\}/g)];
  const dropped = [...code.matchAll(/\.catch\s*\(\s*(?:\([^)]*\)|\w+)\s*=>\s*\{(\s*)\}/g)];
  return [...blocks, ...dropped]
    .filter((match) => !/\/[/*]/.test(text.slice(match.index, match.index + match[0].length)))
    .map((match) => {
      const line = lineAt(text, match.index);
      return { path, line, rule: "emptyCatches", message: "a catch names its reason or rethrows" };
    });
}

function enums(path: string, text: string): readonly Offence[] {
  if (!isCode(path)) return [];
  const pattern = /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+\w+|^\s*(?:export\s+)?namespace\s+\w+/gm;
  return matches({ path, text, pattern, rule: "enums", message: "a union with `kind`, not an enum or namespace" });
}

function names(path: string, text: string): readonly Offence[] {
  if (!isCode(path)) return [];
  const { code } = mask(text);
  const declared =
    /\b(?:(?:const|let|function\*?|class|interface)\s+([A-Za-z_$][\w$]*)|type\s+([A-Za-z_$][\w$]*)\s*[=<])/g;
  return [...code.matchAll(declared)].flatMap((match) => {
    const name = match[1] ?? match[2] ?? "";
    if (!isEmptyName(name)) return [];
    const message = `'${name}' says nothing; name what it does`;
    return [{ path, line: lineAt(text, match.index), rule: "names", message }];
  });
}

function isEmptyName(name: string): boolean {
  const last = /([A-Za-z][a-z]*)\d*$/.exec(name)?.[1]?.toLowerCase() ?? "";
  return EMPTY_NAMES.some((word) => last === word || last === `${word}s`);
}

function fileNames(path: string): readonly Offence[] {
  if (!isCode(path) || COMMAND_FILES.includes(path)) return [];
  const file = path.split("/").at(-1) ?? "";
  const stem = file.replace(/(?:(?:\.real)?\.test)?\.ts$/, "");
  const isKebab = /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(stem);
  if (isKebab && !isEmptyName(stem.replaceAll("-", "_"))) return [];
  return [{ path, line: 1, rule: "fileNames", message: `'${file}' is not a kebab-case name that says what it holds` }];
}

function lengths(path: string, text: string): readonly Offence[] {
  const offences: Offence[] = [];
  const note = (line: number, message: string) => offences.push({ path, line, rule: "lengths", message });
  const lines = linesOf(text);
  if (path === "ARCHITECTURE.md" && lines > LIMITS.architectureLines)
    note(lines, `over ${LIMITS.architectureLines} lines`);
  if (path === "AGENTS.md" && lines > LIMITS.agentsLines) note(lines, `over ${LIMITS.agentsLines} lines`);
  if (!isCode(path) && !/^scripts\/.*\.mjs$/.test(path)) return offences;
  if (lines > LIMITS.fileLines) note(lines, `${lines} lines, over ${LIMITS.fileLines}`);
  for (const [index, line] of text.split("\n").entries()) {
    if (line.length > LIMITS.lineChars) note(index + 1, `over ${LIMITS.lineChars} characters`);
  }
  return offences;
}

function kernelImports(path: string, text: string): readonly Offence[] {
  if (!path.startsWith("src/kernel/") || !isProduct(path)) return [];
  return importsOf(text)
    .filter((found) => !found.specifier.startsWith("./") && found.specifier !== "node:crypto")
    .map(({ line, specifier }) => ({
      path,
      line,
      rule: "kernelImports",
      message: `the kernel imports '${specifier}'`,
    }));
}

function sqlRoom(path: string, text: string): readonly Offence[] {
  if (!isProduct(path) || path.startsWith("src/store/")) return [];
  return importsOf(text)
    .filter((found) => found.specifier === "node:sqlite")
    .map(({ line }) => ({ path, line, rule: "sqlRoom", message: "only store/ has SQL" }));
}

function authorities(path: string, text: string): readonly Offence[] {
  if (!isProduct(path)) return [];
  return AUTHORITIES.flatMap(({ rule, pattern, allowed, message }) => {
    const isAllowed = allowed.some((entry) => (entry.endsWith("/") ? path.startsWith(entry) : path === entry));
    return isAllowed ? [] : matches({ path, text, pattern, rule, message });
  });
}

function foreignWords(path: string, text: string): readonly Offence[] {
  if (path.startsWith("tests/tidy/")) return [];
  const offences = FOREIGN_WORDS.flatMap(({ rule, pattern, message }) =>
    [...text.matchAll(pattern)].map((match) => ({ path, line: lineAt(text, match.index), rule, message })),
  );
  const resolved = path === "package-lock.json" ? text.indexOf('"resolved"') : -1;
  if (resolved === -1) return offences;
  const message = "the lockfile names no place of download: set omit-lockfile-registry-resolved";
  return [...offences, { path, line: lineAt(text, resolved), rule: "registry-host", message }];
}

/** A file opens with its job; a test's job is its name. */
function opening(path: string, text: string): readonly Offence[] {
  if (!isCode(path) || isTest(path) || text.startsWith("//") || text.startsWith("#!")) return [];
  return [{ path, line: 1, rule: "opening", message: "opens with a comment of at most three lines on its job" }];
}
