// The content store: packed packages under the SHA-512 that the lock names them by. Nothing is handed out unchecked.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../kernel/index.ts";
import { contentFolder, npmCacheFolder, type SupplyHome } from "./places.ts";

export function hexOf(integrity: string): string {
  return Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex");
}

export function isStored(home: SupplyHome, integrity: string): boolean {
  return existsSync(join(contentFolder(home), hexOf(integrity)));
}

/** Moves what npm has fetched from its cache into the store; false when npm has not got it. */
export function adoptFromNpm(home: SupplyHome, integrity: string): boolean {
  const hex = hexOf(integrity);
  // The layout of cacache, npm's content-addressed cache, version 2.
  const parts = ["_cacache", "content-v2", "sha512", hex.slice(0, 2), hex.slice(2, 4), hex.slice(4)];
  const cached = join(npmCacheFolder(home), ...parts);
  if (!existsSync(cached)) return false;
  const bytes = readFileSync(cached);
  if (sha512Hex(bytes) !== hex) return false;
  putContent(home, bytes);
  rmSync(cached);
  return true;
}

export function putContent(home: SupplyHome, bytes: Buffer): void {
  const folder = contentFolder(home);
  const file = join(folder, sha512Hex(bytes));
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${file}.new`, bytes, { flush: true });
  renameSync(`${file}.new`, file);
}

/** Throws Fault `supply.content` when the bytes are absent or not those of the integrity. */
export function readContent(home: SupplyHome, { name, integrity }: { name: string; integrity: string }): Buffer {
  const at = join(contentFolder(home), hexOf(integrity));
  const bytes = existsSync(at) ? readFileSync(at) : null;
  if (bytes !== null && sha512Hex(bytes) === hexOf(integrity)) return bytes;
  const state = bytes === null ? "is not in the store" : "was changed in the store";
  throw new Fault("supply.content", {
    at,
    message: `the package ${name} ${state}.`,
    next: "remove the file and install again.",
  });
}

function sha512Hex(bytes: Buffer): string {
  return createHash("sha512").update(bytes).digest("hex");
}
