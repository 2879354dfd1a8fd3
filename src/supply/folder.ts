// A server in a folder of the owner's: copied as it is, so that later edits are an update and not a surprise.

import {
  copyFileSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join, posix, resolve, sep } from "node:path";
import { Fault, oneLine } from "../kernel/index.ts";
import type { SupplyHome } from "./places.ts";
import { walk } from "./tree.ts";

const BYTES_MAX = 1_073_741_824;

/** `path:./folder` is relative to the stack home. Throws Fault `supply.folder`. */
export function sourceFolder(source: string, home: SupplyHome): string {
  const written = resolve(home.dir, source.replace(/^path:/, ""));
  if (!existsSync(written) || !lstatSync(realpathSync(written)).isDirectory()) {
    throw fault(`${oneLine(written, 300)} is no folder.`, "correct the source in stack.yaml.");
  }
  const folder = realpathSync(written);
  const state = realpathSync(home.stateDir);
  const holds = (outer: string, inner: string): boolean => `${inner}${sep}`.startsWith(`${outer}${sep}`);
  if (holds(folder, state) || holds(state, folder)) {
    throw fault(`${oneLine(folder, 300)} holds Freehold's own state.`, "move the server to a folder of its own.");
  }
  return folder;
}

/** Everything but `.git`. Links stay links if they stay inside; everything else is refused with its name. */
export async function fillFromFolder(target: string, source: string): Promise<null> {
  let bytes = 0;
  for (const entry of walk(source, (path) => basename(path) === ".git")) {
    const [from, to] = [join(source, entry.path), join(target, entry.path)];
    switch (entry.kind) {
      case "folder":
        mkdirSync(to, { recursive: true });
        break;
      case "file":
        bytes += lstatSync(from).size;
        if (bytes > BYTES_MAX) throw fault(`${source} is larger than 1 GB.`, "leave data out of the server's folder.");
        copyFileSync(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
        break;
      case "link":
        symlinkSync(innerLink(entry.path, readlinkSync(from)), to);
        break;
    }
  }
  return null;
}

function innerLink(path: string, target: string): string {
  const reached = posix.normalize(posix.join(dirname(path), target));
  if (!posix.isAbsolute(target) && reached !== ".." && !reached.startsWith("../")) return target;
  throw fault(`the link ${oneLine(path, 200)} leads out of the folder.`, "replace it by what it points to.");
}

function fault(message: string, next: string): Fault {
  return new Fault("supply.folder", { message, next });
}
