// Which Node runs Freehold: FREEHOLD_NODE, else the machine's own if new enough, else the pinned one in .runtime/.
// No dependencies; any Node >= 18.

import { createHash } from "node:crypto";
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync } from "node:fs";
import { renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { capture, npmCommand, onPath, tail, Trouble } from "./process.mjs";
import { readTarball } from "./tar.mjs";

const PINS = JSON.parse(readFileSync(new URL("./node-pins.json", import.meta.url), "utf8"));
const OWN_NODE = `set FREEHOLD_NODE to the full path of a Node >= ${PINS.minimum}`;

export function isNewEnough(version, minimum = PINS.minimum) {
  const have = version.replace(/^v/, "").split(".").map(Number);
  for (const [index, want] of minimum.split(".").map(Number).entries()) {
    const part = have[index] ?? 0;
    if (part !== want) return part > want;
  }
  return true;
}

/** The full path of the right Node if it is here already, else null. Throws where FREEHOLD_NODE is no good. */
export async function presentNode(root, { env = process.env, version = process.version, own = process.execPath } = {}) {
  const wanted = env.FREEHOLD_NODE;
  if (wanted !== undefined && wanted !== "") {
    const { code, stdout, stderr } = await capture(wanted, ["--version"]);
    if (code !== 0) throw new Trouble(`FREEHOLD_NODE=${wanted} does not run (${tail(stderr)}); ${OWN_NODE}.`);
    const found = stdout.trim();
    if (!isNewEnough(found)) throw new Trouble(`FREEHOLD_NODE=${wanted} is Node ${found}; ${OWN_NODE}.`);
    return wanted;
  }
  if (isNewEnough(version)) return own;
  const pinned = pinnedPath(root);
  return existsSync(pinned) ? pinned : null;
}

export function pinnedPath(root) {
  return join(root, ".runtime", `node-${PINS.version}`, "bin", "node");
}

/** Brings the pinned Node into .runtime/ by one rename; call it under the lock. Answers its path. */
export async function fetchNode(root) {
  const pin = pinFor(platformOf());
  const scratch = mkdtempSync(join(root, ".runtime", "fetch-"));
  try {
    const tarball = pin.archive === undefined ? await packed(root, pin, scratch) : await downloaded(pin, scratch);
    check(tarball, pin);
    const tree = join(scratch, "tree");
    await unpackNode(tarball, tree);
    const { code, stdout, stderr } = await capture(join(tree, "bin", "node"), ["--version"]);
    if (code !== 0 || stdout.trim() !== `v${PINS.version}`) {
      throw new Trouble(`the fetched Node ${PINS.version} does not run here (${tail(stderr)}); ${OWN_NODE}.`);
    }
    const home = join(root, ".runtime", `node-${PINS.version}`);
    rmSync(home, { recursive: true, force: true });
    renameSync(tree, home);
    return pinnedPath(root);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** What decides whether the pinned Node can run here. `glibc` is null where the C library is another one. */
export function platformOf() {
  const report = process.platform === "linux" ? process.report?.getReport() : undefined;
  return { platform: process.platform, arch: process.arch, glibc: report?.header.glibcVersionRuntime ?? null };
}

/** The pin for a platform, or one clear line. */
export function pinFor({ platform, arch, glibc }) {
  const pin = PINS[`${platform}-${arch}`];
  if (pin === undefined) throw new Trouble(`there is no pinned Node for ${platform} on ${arch}; ${OWN_NODE}.`);
  if (platform === "linux" && glibc === null) {
    throw new Trouble(`this Linux has no glibc (musl, as on Alpine) and the pinned Node needs it; ${OWN_NODE}.`);
  }
  if (platform === "linux" && !isNewEnough(glibc, "2.28")) {
    throw new Trouble(`this machine's glibc is ${glibc} and Node ${PINS.version} needs 2.28 or newer; ${OWN_NODE}.`);
  }
  return pin;
}

async function packed(root, pin, scratch) {
  const npm = npmCommand();
  const spec = `${pin.package}@${PINS.version}`;
  const args = [
    ...npm.args,
    "pack",
    spec,
    "--json",
    "--ignore-scripts",
    "--loglevel=error",
    "--pack-destination",
    scratch,
  ];
  const { code, stdout, stderr } = await capture(npm.command, args, { cwd: root });
  if (code !== 0)
    throw new Trouble(`npm could not fetch ${spec}; check the network and run this again.\n${tail(stderr)}`);
  return join(scratch, JSON.parse(stdout)[0].filename);
}

async function downloaded(pin, scratch) {
  const curl = onPath("curl");
  if (curl === null) throw new Trouble(`curl is not on PATH; ${OWN_NODE}.`);
  const path = join(scratch, "node.tar.gz");
  const { code, stderr } = await capture(curl, ["-fsSL", "--proto", "=https", "-o", path, pin.archive]);
  if (code !== 0) throw new Trouble(`${pin.archive} could not be fetched; try again, or ${OWN_NODE}.\n${tail(stderr)}`);
  return path;
}

/** Compares the archive's own bytes with the pin; nobody's word is taken for it. */
export function check(path, pin) {
  const bytes = readFileSync(path);
  const isSame =
    pin.integrity === undefined
      ? createHash("sha256").update(bytes).digest("hex") === pin.sha256
      : `sha512-${createHash("sha512").update(bytes).digest("base64")}` === pin.integrity;
  if (!isSame)
    throw new Trouble(`the fetched Node is not the pinned one (its hash differs). Nothing was kept; ${OWN_NODE}.`);
}

async function unpackNode(tarball, tree) {
  const open = new Map();
  mkdirSync(join(tree, "bin"), { recursive: true });
  await readTarball(tarball, (name) => {
    const inside = name.slice(name.indexOf("/") + 1);
    if (inside !== "bin/node" && inside !== "LICENSE") return null;
    const file = openSync(join(tree, inside), "wx");
    open.set(inside, file);
    return (part) => {
      for (let at = 0; at < part.length;) at += writeSync(file, part, at);
    };
  });
  for (const file of open.values()) closeSync(file);
  if (!open.has("bin/node")) throw new Trouble(`the fetched archive holds no bin/node; ${OWN_NODE}.`);
  chmodSync(join(tree, "bin", "node"), 0o755);
}
