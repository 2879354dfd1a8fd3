// Reads npm's tarballs: plain files only. Whatever else an archive can hold is refused, never repaired.
// ustar with pax (path, size) and GNU long names; the first path component is dropped as npm does.

import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { Fault, oneLine } from "../kernel/index.ts";

export interface TarFile {
  /** Without the first component; no `..`, no empty part. */
  readonly path: string;
  /** As written in the archive. */
  readonly mode: number;
  readonly content: Buffer;
}

const BLOCK = 512;
const UNPACKED_BYTES_MAX = 536_870_912;
const FILES_MAX = 50_000;
const PATH_LENGTH_MAX = 1_024;
const NAMES: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "2": "a symbolic link",
  "3": "a device",
  "4": "a device",
  "6": "a pipe",
};

/** Throws Fault `supply.archive` with the reason; `name` is the package for the message. */
export async function readPackage(name: string, packed: Buffer): Promise<readonly TarFile[]> {
  let unpacked: Buffer;
  try {
    unpacked = await promisify(gunzip)(packed, { maxOutputLength: UNPACKED_BYTES_MAX });
  } catch (cause) {
    throw refused(name, "it is not gzip or unpacks to more than 512 MB", cause);
  }
  return readTar(name, unpacked);
}

export function readTar(name: string, bytes: Buffer): readonly TarFile[] {
  const files: TarFile[] = [];
  const seen = new Set<string>();
  let longName: string | null = null;
  let pax: ReadonlyMap<string, string> = new Map();
  for (let at = 0; at + BLOCK <= bytes.length;) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return files;
    checkSum(name, header);
    const type = String.fromCharCode(header[156] ?? 0);
    const size = type === "x" || type === "g" ? numberAt(name, header, 124) : sizeOf(name, header, pax);
    const start = at + BLOCK;
    at = start + Math.ceil(size / BLOCK) * BLOCK;
    if (start + size > bytes.length) throw refused(name, "it is cut short");
    const content = bytes.subarray(start, start + size);
    if (type === "g") continue;
    if (type === "x") {
      pax = paxRecords(name, content);
      continue;
    }
    if (type === "L") {
      longName = textAt(content, 0, size);
      continue;
    }
    const written = pax.get("path") ?? longName ?? headerPath(header);
    longName = null;
    pax = new Map();
    // Folders are made as files need them.
    if (type === "5") continue;
    if (type !== "0" && type !== "\0" && type !== "7") {
      throw refused(name, `${oneLine(written, 120)} is ${NAMES[type] ?? "of an unknown kind"}`);
    }
    const path = innerPath(name, written);
    if (path === null) continue;
    // Two names that one file system tells apart and another does not would make two different trees.
    const folded = path.normalize("NFC").toLowerCase();
    if (seen.has(folded)) throw refused(name, `${oneLine(path, 120)} stands in it twice`);
    seen.add(folded);
    if (files.length >= FILES_MAX) throw refused(name, `it holds more than ${FILES_MAX} files`);
    files.push({ path, mode: numberAt(name, header, 100), content });
  }
  throw refused(name, "it has no end");
}

/** Null for a file beside the first folder, which npm leaves out too. */
function innerPath(name: string, written: string): string | null {
  const parts = written.split("/");
  const isSound = parts.every((part) => part !== "" && part !== "." && part !== "..");
  // oxlint-disable-next-line no-control-regex -- these are what is refused
  const isPlain = !/[\0-\u001f\u007f\\]/.test(written) && !/^[A-Za-z]:/.test(written) && written.isWellFormed();
  if (!isSound || !isPlain || written.length > PATH_LENGTH_MAX) {
    throw refused(name, `the path ${oneLine(written, 120)} leads out of the package or is no plain path`);
  }
  return parts.length === 1 ? null : parts.slice(1).join("/");
}

function headerPath(header: Buffer): string {
  const prefix = textAt(header, 257, 5) === "ustar" ? textAt(header, 345, 155) : "";
  const path = textAt(header, 0, 100);
  return prefix === "" ? path : `${prefix}/${path}`;
}

function sizeOf(name: string, header: Buffer, pax: ReadonlyMap<string, string>): number {
  const written = pax.get("size");
  if (written === undefined) return numberAt(name, header, 124);
  if (!/^\d{1,12}$/.test(written)) throw refused(name, "a size is no number");
  return Number(written);
}

function checkSum(name: string, header: Buffer): void {
  // The checksum's own eight bytes count as blanks.
  let sum = 8 * 32;
  for (let at = 0; at < BLOCK; at += 1) if (at < 148 || at >= 156) sum += header[at] ?? 0;
  if (numberAt(name, header, 148) !== sum) throw refused(name, "a checksum in it is wrong");
}

/** Octal text; the binary form is for sizes that no package here may have. */
function numberAt(name: string, header: Buffer, start: number): number {
  const text = textAt(header, start, start === 124 ? 12 : 8).trim();
  if (!/^[0-7]{0,12}$/.test(text)) throw refused(name, "a number in it is not octal");
  return text === "" ? 0 : Number.parseInt(text, 8);
}

function textAt(bytes: Buffer, start: number, length: number): string {
  const part = bytes.subarray(start, start + length);
  const end = part.indexOf(0);
  return part.toString("utf8", 0, end === -1 ? part.length : end);
}

/** `LENGTH KEY=VALUE\n`, the length counting itself, in bytes. */
function paxRecords(name: string, content: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(32, at);
    const length = Number(content.toString("latin1", at, space));
    if (space === -1 || !Number.isInteger(length) || length < space - at + 3 || at + length > content.length) {
      throw refused(name, "an extended header in it is malformed");
    }
    const record = content.toString("utf8", space + 1, at + length - 1);
    const equals = record.indexOf("=");
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  if (records.has("path") && records.get("path")?.includes("\0")) throw refused(name, "a path in it holds a NUL");
  return records;
}

function refused(name: string, reason: string, cause?: unknown): Fault {
  return new Fault("supply.archive", {
    message: `the archive of ${name} is refused: ${reason}.`,
    next: "report it to the package's authors, or choose another release.",
    cause,
  });
}
