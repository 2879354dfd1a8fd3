// Makes a fresh clone ready: the right Node, node_modules from the lockfile, dist/ from src/. What is there stays.
// No dependencies; any Node >= 18. Everything it says goes to stderr.

import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, install, isBuilt, isInstalled, readStamp, writeStamp } from "./build.mjs";
import { withLock } from "./lock.mjs";
import { step, Trouble } from "./process.mjs";
import { fetchNode, presentNode } from "./runtime.mjs";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Answers the full path of the Node to use. Started twice at once, the second waits and then finds nothing to do.
 * `wantsBuild: false` stops after node_modules, for work that reads src/ directly.
 */
export async function bootstrap({ root = ROOT, wantsBuild = true } = {}) {
  // Taken before anything is read: an edit made while we build is newer than the stamp.
  const at = new Date();
  try {
    mkdirSync(join(root, ".runtime"), { recursive: true });
    const node = await presentNode(root);
    if (node !== null && isReady(root, wantsBuild)) {
      return wantsBuild ? remember(root, node, at) : node;
    }
    const onWait = (pid) => process.stderr.write(`freehold: waiting for another start (process ${pid}) …\n`);
    return await withLock(join(root, ".runtime", "lock"), { onWait }, () => prepare(root, wantsBuild, at));
  } catch (error) {
    if (!["EACCES", "EROFS", "EPERM"].includes(error.code)) throw error;
    throw new Trouble(`${root} cannot be written (${error.message}). Run this once as the user who owns it.`);
  }
}

function isReady(root, wantsBuild) {
  return isInstalled(root) && (!wantsBuild || isBuilt(root));
}

async function prepare(root, wantsBuild, at) {
  const present = await presentNode(root);
  const node = present ?? (await step("fetching Node into .runtime/", () => fetchNode(root)));
  if (!isInstalled(root)) await step("installing packages from the lockfile", () => install(root));
  if (!wantsBuild) return node;
  if (!isBuilt(root)) await step("building dist/", () => build(root, node));
  return remember(root, node, at);
}

/** The launcher's short way: the Node to use, in a file as old as the sources it was checked against. */
function remember(root, node, at) {
  writeStamp(root, { name: "ready", text: `${node}\n`, at });
  return node;
}

/** The Node of the last complete bootstrap, or null; for stopping what runs without building first. */
export function lastNode(root = ROOT) {
  const node = readStamp(root, "ready")?.trim() ?? null;
  return node !== null && existsSync(node) && existsSync(join(root, "dist", "cli", "main.js")) ? node : null;
}
