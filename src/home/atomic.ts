// Whole files or none: a reader sees the old bytes or the new ones, also after a power cut or on a full disk.

import { randomBytes } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { Fault, reasonOf } from "../kernel/index.ts";

type WriteAtomic = (file: string, bytes: string | Uint8Array, mode: number) => void;

/** Replaces what `file` names, a symbolic link included (its target stays). With a Fault, nothing has changed. */
export const writeAtomic: WriteAtomic = atomicWriter(() => undefined);

/** `onStep` hears after each step what was done: tests kill the process at each. */
export function atomicWriter(onStep: (step: string) => void): WriteAtomic {
  return (file, bytes, mode) => {
    const dir = dirname(file);
    const name = basename(file);
    const temporary = join(dir, `.${name.slice(0, 100)}.${randomBytes(6).toString("hex")}.tmp`);
    let made = false;
    try {
      const handle = openSync(temporary, "wx", 0o600);
      made = true;
      onStep(`made the copy of ${name}`);
      try {
        writeAll(handle, typeof bytes === "string" ? Buffer.from(bytes, "utf8") : bytes);
        onStep(`wrote the copy of ${name}`);
        fchmodSync(handle, mode);
        fsyncSync(handle);
        onStep(`synced the copy of ${name}`);
      } finally {
        closeSync(handle);
      }
      renameSync(temporary, file);
      made = false;
      onStep(`renamed ${name}`);
      syncDir(dir);
      onStep(`synced the folder of ${name}`);
    } catch (error) {
      if (made) rmSync(temporary, { force: true });
      throw writeFault(file, error);
    }
  };
}

function writeAll(handle: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(handle, bytes, at, bytes.length - at);
}

export function syncDir(dir: string): void {
  const handle = openSync(dir, "r");
  try {
    fsyncSync(handle);
  } catch (error) {
    // Some network file systems cannot sync a directory; the rename itself is done.
    if (codeOf(error) !== "EINVAL" && codeOf(error) !== "ENOTSUP") throw error;
  } finally {
    closeSync(handle);
  }
}

/** What the system said, as something the owner can act on. */
export function writeFault(file: string, error: unknown): Fault {
  if (error instanceof Fault) return error;
  const code = codeOf(error);
  const fault = (name: string, message: string, next: string): Fault =>
    new Fault(name, { at: file, message, next, cause: error });
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return fault("home.disk-full", "the disk is full, so nothing was written.", "Free some space and try again.");
    case "EROFS":
      return fault("home.read-only", "the disk is mounted read-only, so nothing was written.", "Mount it writable.");
    case "EACCES":
    case "EPERM":
      return fault("home.not-writable", "this may not be written by the present user.", `ls -ld ${dirname(file)}`);
    case "ENOENT":
    case "ENOTDIR":
      return fault("home.no-folder", "the folder for this file is not there.", "freehold init");
    default:
      return new Fault("home.write-failed", {
        at: file,
        message: `it could not be written: ${reasonOf(error)}.`,
        cause: error,
      });
  }
}

export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** A folder of ours with exactly `mode`. A link or another's folder in its place is refused. */
export function ensureDir(dir: string, mode: number): void {
  try {
    mkdirSync(dir, { recursive: true, mode });
    const info = lstatSync(dir);
    const uid = process.getuid?.() ?? info.uid;
    if (!info.isDirectory() || info.isSymbolicLink()) {
      throw new Fault("home.not-a-folder", {
        at: dir,
        message: "a folder is needed here, and this is something else.",
      });
    }
    if (info.uid !== uid) {
      throw new Fault("home.foreign", { at: dir, message: `it belongs to another user (uid ${info.uid}).` });
    }
    if ((info.mode & 0o777) === mode) return;
    const handle = openSync(dir, "r");
    try {
      fchmodSync(handle, mode);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw writeFault(dir, error);
  }
}
