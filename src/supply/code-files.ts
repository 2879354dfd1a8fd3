// The files of a folder that somebody, or a model, wrote: what a person would have to read, and what nobody can.
// Installed packages and git's own files are left out. Nothing is run.

import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, extname, join, posix } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { Fault, oneLine, reasonOf } from "../kernel/index.ts";

const FILES_MAX = 5_000;
const DEPTH_MAX = 24;
const BYTES_MAX = 64 * 1_048_576;
const FILE_BYTES_MAX = 1_048_576;
const FILES_PER_TURN = 50;
const NUL_LOOK = 8_192;

const INSTALLED = new Set([".git", "node_modules", ".venv", "venv", "__pycache__"]);
const LOCKS = new Set(
  "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock uv.lock poetry.lock Pipfile.lock".split(" "),
);
const JAVASCRIPT = new Set([".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"]);
const SHELL = new Set([".sh", ".bash", ".zsh", ".command"]);
const PROSE = new Set([".md", ".mdx", ".txt", ".rst", ".adoc"]);

export type Language = "javascript" | "python" | "shell" | "prose" | "other" | "lock";

export interface CodeFile {
  /** Within the folder, with `/`. */
  readonly path: string;
  readonly language: Language;
  readonly text: string;
}

export interface CodeFiles {
  /** Sorted by path. */
  readonly files: readonly CodeFile[];
  /** Programs, archives, pictures. */
  readonly binaries: readonly string[];
  /** With the reason; what was not read is not judged. */
  readonly unread: readonly string[];
  /** Links that lead out of the folder. */
  readonly linksOut: readonly string[];
}

interface Found {
  readonly files: CodeFile[];
  readonly binaries: string[];
  readonly unread: string[];
  readonly linksOut: string[];
  count: number;
  bytes: number;
}

/** Of a folder or one file. Throws Fault `judge.path` where there is nothing to read. */
export async function readCodeFiles(path: string): Promise<CodeFiles> {
  const found: Found = { files: [], binaries: [], unread: [], linksOut: [], count: 0, bytes: 0 };
  try {
    const root = realpathSync(path);
    if (lstatSync(root).isDirectory()) await walk(found, { root, inner: "", depth: 0 });
    else readOne(found, root, basename(path));
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault("judge.path", {
      message: `${oneLine(path, 300)} cannot be read: ${reasonOf(cause)}.`,
      next: "name a file or a folder.",
      cause,
    });
  }
  return found;
}

interface Place {
  readonly root: string;
  readonly inner: string;
  readonly depth: number;
}

async function walk(found: Found, { root, inner, depth }: Place): Promise<void> {
  const entries = readdirSync(join(root, inner), { withFileTypes: true });
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = inner === "" ? entry.name : `${inner}/${entry.name}`;
    if (INSTALLED.has(entry.name)) continue;
    if (found.count >= FILES_MAX || found.bytes >= BYTES_MAX) {
      found.unread.push(`${path} and all after it: more than ${FILES_MAX} files or ${BYTES_MAX} bytes`);
      found.count = Infinity;
    }
    if (found.count === Infinity) return;
    if (entry.isSymbolicLink()) {
      const target = posix.normalize(posix.join(dirname(path), readlinkSync(join(root, path))));
      if (target.startsWith("..") || posix.isAbsolute(readlinkSync(join(root, path)))) found.linksOut.push(path);
    } else if (entry.isDirectory()) {
      if (depth < DEPTH_MAX) await walk(found, { root, inner: path, depth: depth + 1 });
      else found.unread.push(`${path}: too deep`);
    } else if (entry.isFile()) {
      readOne(found, join(root, path), path);
      if (found.count % FILES_PER_TURN === 0) await turn();
    } else found.unread.push(`${path}: no ordinary file`);
  }
}

function readOne(found: Found, full: string, path: string): void {
  found.count += 1;
  const { size } = lstatSync(full);
  const language = LOCKS.has(basename(path)) ? "lock" : null;
  if (size > FILE_BYTES_MAX * (language === null ? 1 : 16)) {
    found.unread.push(`${path}: larger than ${FILE_BYTES_MAX} bytes`);
    return;
  }
  found.bytes += size;
  const bytes = readFileSync(full);
  const text = bytes.subarray(0, NUL_LOOK).includes(0) ? null : bytes.toString("utf8");
  if (text === null || text.slice(0, NUL_LOOK).split("\ufffd").length > NUL_LOOK / 100) found.binaries.push(path);
  else found.files.push({ path, text, language: language ?? languageOf(path, text) });
}

function languageOf(path: string, text: string): Language {
  const extension = extname(path).toLowerCase();
  if (JAVASCRIPT.has(extension)) return "javascript";
  if (extension === ".py") return "python";
  if (SHELL.has(extension)) return "shell";
  if (PROSE.has(extension)) return "prose";
  const first = /^#![^\n]{0,120}/.exec(text)?.[0] ?? "";
  if (/\bnode\b/.test(first)) return "javascript";
  if (/\bpython/.test(first)) return "python";
  return /\b(?:ba|z|da)?sh\b/.test(first) ? "shell" : "other";
}
