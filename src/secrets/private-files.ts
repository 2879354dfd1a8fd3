// Files that only the user who runs Freehold may read.
// Invariants: such a file is never seen half-written; one that others can read is refused, not used.

import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { dirname } from "node:path";
import { Fault } from "../kernel/index.ts";

/** Null when there is no such file. Faults: `secrets.readable-by-others`. */
export function readPrivate(path: string): Buffer | null {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  if ((stat.mode & 0o077) === 0) return fs.readFileSync(path);
  const message = "other users of this machine can read it.";
  throw new Fault("secrets.readable-by-others", { at: path, message, next: `chmod 600 '${path}'` });
}

/** Replaces the file in one step, on disk before it returns. */
export function writePrivate(path: string, content: string | Uint8Array): void {
  const folder = dirname(path);
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  try {
    fs.writeFileSync(draft, content, { mode: 0o600, flag: "wx", flush: true });
    fs.renameSync(draft, path);
  } catch (error) {
    fs.rmSync(draft, { force: true });
    throw error;
  }
  const descriptor = fs.openSync(folder, "r");
  fs.fsyncSync(descriptor);
  fs.closeSync(descriptor);
}
