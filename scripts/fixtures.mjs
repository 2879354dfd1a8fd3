// Real packages that tests run: fetched once by npm, kept only if their bytes have the pinned sha512.
// They lie in .cache/npm/<sha512 in hex>.tgz. No dependencies; any Node >= 18.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { capture, npmCommand, tail } from "./process.mjs";

const PACKAGES_PER_CALL = 20;

export function cachePath(root, integrity) {
  const hex = Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex");
  return join(root, ".cache", "npm", `${hex}.tgz`);
}

/** Fetches what the list names and the cache lacks; answers one line per package that could not be had. */
export async function fetchFixtures(root) {
  const list = JSON.parse(readFileSync(join(root, "tests", "fixtures", "npm-packages.json"), "utf8"));
  const wanted = list.filter((entry) => !existsSync(cachePath(root, entry.integrity)));
  if (wanted.length === 0) return [];
  mkdirSync(join(root, ".cache", "npm"), { recursive: true });
  const scratch = mkdtempSync(join(root, ".cache", "fetch-"));
  try {
    const troubles = [];
    for (let at = 0; at < wanted.length; at += PACKAGES_PER_CALL) {
      troubles.push(...(await fetchSome(root, wanted.slice(at, at + PACKAGES_PER_CALL), scratch)));
    }
    return troubles;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function fetchSome(root, wanted, scratch) {
  const npm = npmCommand();
  const specs = wanted.map((entry) => `${entry.name}@${entry.version}`);
  const args = ["pack", ...specs, "--json", "--ignore-scripts", "--loglevel=error", "--pack-destination", scratch];
  const { code, stdout, stderr } = await capture(npm.command, [...npm.args, ...args], { cwd: root });
  if (code !== 0) return [`npm could not fetch ${specs.join(", ")}: ${tail(stderr)}`];
  const packed = new Map(JSON.parse(stdout).map((entry) => [`${entry.name}@${entry.version}`, entry.filename]));
  const troubles = [];
  for (const entry of wanted) {
    const spec = `${entry.name}@${entry.version}`;
    const filename = packed.get(spec);
    const path = filename === undefined ? null : join(scratch, filename);
    const found =
      path === null ? "nothing" : `sha512-${createHash("sha512").update(readFileSync(path)).digest("base64")}`;
    if (path !== null && found === entry.integrity) renameSync(path, cachePath(root, entry.integrity));
    else troubles.push(`${spec} was fetched as ${found}, and the pinned one is ${entry.integrity}`);
  }
  return troubles;
}
