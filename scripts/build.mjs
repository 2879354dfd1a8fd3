// Installs node_modules from the lockfile and builds dist/, each only when its inputs changed.
// No dependencies; any Node >= 18.

import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { capture, npmCommand, tail, Trouble } from "./process.mjs";

const BUILD_INPUTS = ["package-lock.json", "tsconfig.json", "tsconfig.build.json"];

/** Every file below `folder`, as sorted paths relative to it. */
export function filesBelow(folder) {
  const found = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...filesBelow(path).map((name) => join(entry.name, name)));
    else if (entry.isFile()) found.push(entry.name);
  }
  return found.sort();
}

export function hashFile(path) {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** One hash over everything the build reads. Tests are not part of it. */
export function buildHash(root) {
  const hash = createHash("sha256");
  const sources = filesBelow(join(root, "src")).filter((name) => !name.endsWith(".test.ts"));
  for (const name of [...BUILD_INPUTS, ...sources.map((source) => join("src", source))]) {
    hash.update(`${name}\0${hashFile(join(root, name))}\n`);
  }
  return hash.digest("hex");
}

export function readStamp(root, name) {
  const path = join(root, ".runtime", name);
  return existsSync(path) ? readFileSync(path, "utf8") : null;
}

/** A stamp appears whole or not at all; `at` makes it as old as the look it speaks of, so later edits are newer. */
export function writeStamp(root, { name, text, at = new Date() }) {
  const path = join(root, ".runtime", name);
  const scratch = `${path}.${process.pid}`;
  writeFileSync(scratch, text);
  utimesSync(scratch, at, at);
  renameSync(scratch, path);
}

export function isInstalled(root) {
  const installed = existsSync(join(root, "node_modules", ".package-lock.json"));
  return installed && readStamp(root, "installed") === hashFile(join(root, "package-lock.json"));
}

/** Somebody ran `npm ci` by hand: the same tree needs no second installation. */
export function isSameTree(root) {
  const hidden = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(hidden)) return false;
  const present = JSON.parse(readFileSync(hidden, "utf8")).packages ?? {};
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const isSame = (name) => wanted[name]?.integrity === present[name]?.integrity;
  return (
    Object.keys(present).every(isSame) &&
    Object.keys(wanted).every((name) => name === "" || wanted[name].optional === true || isSame(name))
  );
}

export async function install(root) {
  if (!isSameTree(root)) {
    const npm = npmCommand();
    const args = [...npm.args, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    const { code, stdout, stderr } = await capture(npm.command, args, { cwd: root });
    if (code !== 0) {
      throw new Trouble(`npm ci failed; check the network and run this again.\n${tail(stderr || stdout)}`);
    }
  }
  writeStamp(root, { name: "installed", text: hashFile(join(root, "package-lock.json")) });
}

export function isBuilt(root) {
  return existsSync(join(root, "dist")) && readStamp(root, "built") === buildHash(root);
}

/** Builds beside and swaps by rename: a build that fails leaves the old dist/ as it was. */
export async function build(root, node) {
  const hash = buildHash(root);
  const next = join(root, ".runtime", "dist-next");
  const old = join(root, ".runtime", "dist-old");
  for (const folder of [next, old]) rmSync(folder, { recursive: true, force: true });
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [compiler, "-p", join(root, "tsconfig.build.json"), "--outDir", next];
  const { code, stdout, stderr } = await capture(node, args, { cwd: root });
  if (code !== 0) throw new Trouble(`the build failed; dist/ is as it was.\n${tail(stdout + stderr)}`);
  copyAssets(join(root, "src"), next);
  if (existsSync(join(root, "dist"))) renameSync(join(root, "dist"), old);
  renameSync(next, join(root, "dist"));
  rmSync(old, { recursive: true, force: true });
  writeStamp(root, { name: "built", text: hash });
}

/** Everything in src/ that is not TypeScript goes along as it is: styles, schemas, cards, pictures. */
function copyAssets(source, target) {
  for (const name of filesBelow(source)) {
    if (name.endsWith(".ts")) continue;
    const to = join(target, relative(".", name));
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(join(source, name), to);
  }
}
