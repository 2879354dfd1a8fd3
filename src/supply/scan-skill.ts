// A skill is a folder: SKILL.md with front matter, and what lies beside it. All of its texts are read, nothing is run.

import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { basename, extname, join, relative } from "node:path";
import { parse } from "yaml";
import { Fault, isObject, oneLine, reasonOf } from "../kernel/index.ts";
import { saysOf } from "./scan-rules.ts";
import { scanText, TEXT_CHARS_MAX, type Finding, type ScannedText } from "./scan.ts";

const FILES_MAX = 2_000;
const BYTES_MAX = 64 * 1_048_576;
const DEPTH_MAX = 12;
const FRONT_BYTES_MAX = 65_536;
const FINDINGS_MAX = 1_000;
const NUL_LOOK = 8_192;
const PROSE = new Set([".md", ".mdx", ".txt", ".rst", ".html", ".htm", ".adoc", ""]);

export interface SkillScan {
  readonly name: string | null;
  readonly description: string | null;
  readonly findings: readonly Finding[];
  /** Read whole or up to the limit of a text. */
  readonly texts: readonly string[];
  /** Nobody can read these: programs, archives, pictures. */
  readonly binaries: readonly string[];
  /** Left out, with the reason: links, too many, too large. */
  readonly unread: readonly string[];
}

interface Found {
  readonly texts: ScannedText[];
  readonly binaries: string[];
  readonly unread: string[];
  files: number;
  bytes: number;
}

/** Of a folder or a single file. Throws Fault `scan.path` where there is nothing to read. */
export function scanSkill(path: string): SkillScan {
  const found: Found = { texts: [], binaries: [], unread: [], files: 0, bytes: 0 };
  try {
    if (lstatSync(path).isDirectory()) walk(found, { root: path, folder: path, depth: 0 });
    else readOne(found, path, basename(path));
  } catch (error) {
    throw new Fault("scan.path", {
      message: `${oneLine(path, 300)} cannot be read: ${reasonOf(error)}`,
      next: "name a file, or a folder with a SKILL.md.",
      cause: error,
    });
  }
  const main = found.texts.find(({ where }) => where.toLowerCase() === "skill.md") ?? null;
  const front = main === null ? null : frontMatter(main);
  return {
    name: front?.name ?? null,
    description: front?.description ?? null,
    findings: [...(front?.findings ?? []), ...found.texts.flatMap(scanText)].slice(0, FINDINGS_MAX),
    texts: found.texts.map(({ where }) => where),
    binaries: found.binaries,
    unread: found.unread,
  };
}

function walk(
  found: Found,
  { root, folder, depth }: { readonly root: string; readonly folder: string; readonly depth: number },
): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    const name = relative(root, path);
    if (entry.isSymbolicLink()) found.unread.push(`${name}: a link`);
    else if (entry.isDirectory()) {
      if (depth >= DEPTH_MAX || entry.name === ".git")
        found.unread.push(`${name}: ${depth >= DEPTH_MAX ? "too deep" : "git's own"}`);
      else walk(found, { root, folder: path, depth: depth + 1 });
    } else if (entry.isFile()) readOne(found, path, name);
    else found.unread.push(`${name}: no ordinary file`);
    if (found.files >= FILES_MAX || found.bytes >= BYTES_MAX) return;
  }
}

function readOne(found: Found, path: string, name: string): void {
  found.files += 1;
  const { size } = lstatSync(path);
  if (found.files >= FILES_MAX || found.bytes + size >= BYTES_MAX) {
    found.files = FILES_MAX;
    found.unread.push(`${name} and all after it: more than ${FILES_MAX} files or ${BYTES_MAX} bytes`);
    return;
  }
  found.bytes += size;
  const bytes = readFileSync(path);
  const text = textOf(bytes);
  if (text === null) {
    found.binaries.push(name);
    return;
  }
  if (text.length > TEXT_CHARS_MAX) found.unread.push(`${name}: after its first ${TEXT_CHARS_MAX} characters`);
  found.texts.push({ where: name, text, role: PROSE.has(extname(name).toLowerCase()) ? "skill" : "script" });
}

/** UTF-8, or UTF-16 with its mark; null for what is no text. */
function textOf(bytes: Buffer): string | null {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString("utf16le");
  if (bytes.subarray(0, NUL_LOOK).includes(0)) return null;
  const text = bytes.toString("utf8");
  const broken = text.slice(0, NUL_LOOK).split("\ufffd").length - 1;
  return broken > NUL_LOOK / 100 ? null : text;
}

interface Front {
  readonly name: string | null;
  readonly description: string | null;
  readonly findings: readonly Finding[];
}

/**
 * The block between two lines of three dashes, in YAML's core schema without aliases. A fence that names a language
 * ("---js") is a fact: some readers run it.
 */
function frontMatter({ where, text }: ScannedText): Front {
  const nothing: Front = { name: null, description: null, findings: [] };
  const [, language = "", rest = ""] = /^\ufeff?---([^\n]{0,40})\r?\n([\s\S]*)$/.exec(text) ?? [];
  if (/\w/.test(language) && language.trim().toLowerCase() !== "yaml") {
    const rule = "skill.engine";
    const quote = oneLine(`---${language.trim()}`, 60);
    return { ...nothing, findings: [{ kind: "fact", rule, where, line: 1, offset: 0, quote, says: saysOf(rule) }] };
  }
  const end = rest.search(/^---[ \t\r]*$/m);
  if (end === -1 || end > FRONT_BYTES_MAX) return nothing;
  try {
    const value: unknown = parse(rest.slice(0, end), { schema: "core", maxAliasCount: 0, prettyErrors: false });
    if (!isObject(value)) return nothing;
    const { name, description } = value;
    return {
      name: typeof name === "string" ? oneLine(name, 120) : null,
      description: typeof description === "string" ? oneLine(description, 2_000) : null,
      findings: [],
    };
  } catch {
    return nothing; // broken front matter names nothing; its text is read like the rest
  }
}
