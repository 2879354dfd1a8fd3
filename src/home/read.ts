// The policy's files as texts: plain files inside the home only, in bounds, in valid UTF-8.

import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Fault, reasonOf } from "../kernel/index.ts";
import { codeOf } from "./atomic.ts";

const FILE_BYTES_MAX: Readonly<Record<string, number>> = { "stack.lock": 32 * 1024 * 1024 };
const OTHER_BYTES_MAX = 1024 * 1024;
const CARDS_MAX = 500;
const NAMES = ["stack.yaml", "stack.lock", "rules.yaml"];

/** Text by relative path; files that are not there are left out. Follows no symbolic link. */
export function readPolicyFiles(dir: string): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  const paths = [...NAMES, ...cardFiles(dir)];
  for (const path of paths) {
    const text = readPlain(dir, path);
    if (text !== null) files[path] = text;
  }
  return files;
}

function cardFiles(dir: string): readonly string[] {
  const info = lstatSync(join(dir, "cards"), { throwIfNoEntry: false });
  if (info === undefined) return [];
  if (!info.isDirectory())
    throw new Fault("home.not-a-folder", { at: "cards", message: "cards must be a plain folder." });
  const names = readdirSync(join(dir, "cards")).filter((name) => name.endsWith(".yaml") && !name.startsWith("."));
  if (names.length > CARDS_MAX) {
    throw new Fault("home.too-large", { at: "cards", message: `more than ${CARDS_MAX} card files.` });
  }
  return names.toSorted().map((name) => `cards/${name}`);
}

function readPlain(dir: string, path: string): string | null {
  const limit = FILE_BYTES_MAX[path] ?? OTHER_BYTES_MAX;
  let handle: number;
  try {
    handle = openSync(join(dir, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    const message = codeOf(error) === "ELOOP" ? "this is a symbolic link." : `it cannot be read: ${reasonOf(error)}.`;
    throw new Fault("home.not-a-file", { at: path, message, next: "Put a plain file in its place.", cause: error });
  }
  try {
    const info = fstatSync(handle);
    if (!info.isFile()) throw new Fault("home.not-a-file", { at: path, message: "this is no plain file." });
    if (info.size > limit) {
      throw new Fault("home.too-large", { at: path, message: `it is larger than ${limit / 1024 / 1024} MB.` });
    }
    return decode(path, readFileSync(handle));
  } finally {
    closeSync(handle);
  }
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    const line = 1 + validLines(bytes);
    throw new Fault("home.not-utf8", { at: `${path}:${line}`, message: "the file is not valid UTF-8.", cause: error });
  }
}

function validLines(bytes: Uint8Array): number {
  const text = new TextDecoder("utf-8").decode(bytes);
  const bad = text.indexOf("\ufffd");
  return text.slice(0, bad === -1 ? 0 : bad).split("\n").length - 1;
}
