// A new stack home: a git repository whose state and memory stay out of git.

import { chmodSync, existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { Fault } from "../kernel/index.ts";
import { ensureDir, writeAtomic, writeFault } from "./atomic.ts";
import { commitHome, initRepository, isRepository, type Identity } from "./git.ts";
import { homePaths, type HomePaths } from "./paths.ts";

const IGNORED = `# What must not leave this machine by a push: state, secrets, memory.
.state/
memory/
`;

export interface HomeModes {
  readonly folder: number;
  readonly file: number;
}

const PRIVATE: HomeModes = { folder: 0o700, file: 0o600 };
const SHARED: HomeModes = { folder: 0o770, file: 0o660 };

/** Modes of the policy's files; `.state` is always the daemon's alone. */
export function homeModes(isShared: boolean): HomeModes {
  return isShared ? SHARED : PRIVATE;
}

export interface InitOptions {
  /** Text by path relative to the home; a file that is there already is left as it is. */
  readonly files: Readonly<Record<string, string>>;
  readonly identity?: Identity;
  /** Under a daemon with a user of its own: the owner's group may edit the files, which are inert until applied. */
  readonly isShared?: boolean;
}

export interface InitDone {
  readonly paths: HomePaths;
  /** Relative paths that were written; empty for a home that was complete. */
  readonly written: readonly string[];
}

export function isHome(dir: string): boolean {
  return existsSync(join(dir, "stack.yaml")) && isRepository(dir);
}

/** Refuses a folder that holds something else; on a stack home it adds only what is missing. */
export function initHome(dir: string, options: InitOptions): InitDone {
  const paths = homePaths(dir);
  refuseForeign(dir);
  const modes = homeModes(options.isShared === true);
  ensureDir(dir, modes.folder);
  if (!isRepository(dir)) initRepository(dir);
  // Who writes a repository's settings chooses what its git runs.
  if (options.isShared === true) chmodSync(join(dir, ".git"), 0o700);
  ensureDir(paths.stateDir, 0o700);
  const written: string[] = [];
  // stack.yaml comes last: with it the folder counts as a stack home, so a start that was cut is taken up again.
  const files = Object.entries({ ".gitignore": IGNORED, ...options.files });
  for (const [path, text] of files.toSorted(([a], [b]) => Number(a === "stack.yaml") - Number(b === "stack.yaml"))) {
    const file = join(dir, path);
    if (existsSync(file)) continue;
    if (dirname(file) !== dir) ensureDir(dirname(file), modes.folder);
    writeAtomic(file, text, modes.file);
    written.push(path);
  }
  if (written.length > 0) {
    const identity = options.identity === undefined ? {} : { identity: options.identity };
    commitHome(dir, { message: "Begin a stack home", paths: written, ...identity });
  }
  return { paths, written };
}

/** Only what a cut start may have left counts as empty. */
const LEFT_BEHIND = new Set([".git", ".gitignore", ".state", "rules.yaml", "stack.schema.json", "cards"]);

function refuseForeign(dir: string): void {
  if (isHome(dir)) return;
  let names: readonly string[];
  try {
    if (!existsSync(dir)) return;
    names = readdirSync(dir);
  } catch (error) {
    throw writeFault(join(dir, "."), error);
  }
  const foreign = names.find((name) => !LEFT_BEHIND.has(name) && !/^\..*\.tmp$/.test(name));
  if (foreign === undefined) return;
  throw new Fault("home.not-empty", {
    at: dir,
    message: `the folder holds other things ('${foreign}') and is no stack home.`,
    next: "freehold init with the path of a new or empty folder",
  });
}
