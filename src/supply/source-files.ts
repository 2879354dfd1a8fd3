// Files from an archive or a repository, written into an empty folder: plain paths and links that stay inside, only.

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { Fault, oneLine } from "../kernel/index.ts";

export interface SourceFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly kind: "file" | "executable" | "link";
  /** Of a link: what it leads to. */
  readonly content: Buffer;
}

const PATH_LENGTH_MAX = 1_024;

/** What is wrong with it, to follow its name; null for a path that stays inside on every file system. */
export function plainPath(path: string): string | null {
  const parts = path.split("/");
  if (path.length > PATH_LENGTH_MAX) return "is too long";
  if (parts.some((part) => part === "" || part === "." || part === "..")) return "leads out of the folder";
  // oxlint-disable-next-line no-control-regex -- these are what is refused
  if (/[\0-\u001f\u007f\\]/.test(path) || /^[A-Za-z]:/.test(path) || !path.isWellFormed() || path.includes("\ufffd")) {
    return "is no plain path";
  }
  return parts.some((part) => /^\.git$/i.test(part)) ? "is git's own" : null;
}

/** Two names that one file system tells apart and another does not would make two different trees. */
export function refuseTwins(files: readonly { readonly path: string }[], refused: (reason: string) => Fault): void {
  const seen = new Set<string>();
  for (const { path } of files) {
    const folded = path.normalize("NFC").toLowerCase();
    if (seen.has(folded)) throw refused(`${oneLine(path, 120)} stands in it twice`);
    seen.add(folded);
  }
}

/** Those below `folder`, named from there; all where it is null. */
export function filesBelow(files: readonly SourceFile[], folder: string | null): readonly SourceFile[] {
  if (folder === null) return files;
  const start = `${folder.replace(/\/+$/, "")}/`;
  return files.flatMap((file) =>
    file.path.startsWith(start) ? [{ ...file, path: file.path.slice(start.length) }] : [],
  );
}

/** Throws Fault `supply.archive` for a link that leads out. */
export function writeFiles(folder: string, files: readonly SourceFile[]): void {
  for (const { path, kind, content } of files) {
    const full = join(folder, path);
    mkdirSync(dirname(full), { recursive: true });
    if (kind !== "link") {
      writeFileSync(full, content, { flag: "wx", mode: kind === "executable" ? 0o755 : 0o644 });
      continue;
    }
    const target = content.toString("utf8");
    const reached = posix.normalize(posix.join(dirname(path), target));
    if (posix.isAbsolute(target) || reached === ".." || reached.startsWith("../") || /[\0\\]/.test(target)) {
      throw new Fault("supply.archive", {
        message: `the link ${oneLine(path, 120)} leads out of the folder.`,
        next: "it is the authors' to replace it by what it points to.",
      });
    }
    symlinkSync(target, full);
  }
}
