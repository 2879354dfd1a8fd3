// One bootstrap at a time: a folder that appears by rename with its owner's pid inside; a dead owner's is taken over.
// No dependencies; any Node >= 18.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Trouble } from "./process.mjs";

const POLL_MS = 100;
const WAIT_MS_MAX = 15 * 60 * 1000;
const TAKEOVER_STALE_MS = 10_000;

/** Runs `work` while holding `folder`. `onWait(pid)` is called once if somebody else holds it. */
export async function withLock(folder, { onWait }, work) {
  await take(folder, onWait);
  try {
    return await work();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function take(folder, onWait) {
  const mine = `${folder}.${process.pid}`;
  mkdirSync(mine, { recursive: true });
  writeFileSync(join(mine, "owner"), JSON.stringify({ pid: process.pid, started: startOf(process.pid) }));
  const deadline = Date.now() + WAIT_MS_MAX;
  let hasWaited = false;
  try {
    while (!isRenamed(mine, folder)) {
      const owner = ownerOf(folder);
      if (owner !== null && !isAlive(owner)) removeStale(folder);
      else {
        if (!hasWaited && owner !== null) onWait(owner.pid);
        hasWaited = hasWaited || owner !== null;
        if (Date.now() > deadline) throw new Trouble(`another start has held ${folder} for 15 minutes; end it first.`);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }
  } finally {
    rmSync(mine, { recursive: true, force: true });
  }
}

/** Renaming a folder onto one that is not empty fails: that is the lock. */
function isRenamed(from, to) {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST"].includes(error.code)) return false;
    throw error;
  }
}

/** Two waiters may both see a dead owner; the second folder lets only one of them clear it, after a second look. */
function removeStale(folder) {
  const guard = `${folder}.takeover`;
  try {
    mkdirSync(guard);
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    if (existsSync(guard) && Date.now() - statSync(guard).mtimeMs > TAKEOVER_STALE_MS)
      rmSync(guard, { recursive: true });
    return;
  }
  try {
    const owner = ownerOf(folder);
    if (owner !== null && !isAlive(owner)) rmSync(folder, { recursive: true, force: true });
  } finally {
    rmSync(guard, { recursive: true, force: true });
  }
}

function ownerOf(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, "owner"), "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return null; // released between our two looks
    throw error;
  }
}

/** A pid may be used again, after a restart of a container above all; the start time tells the two apart. */
export function isAlive(owner) {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (error.code === "ESRCH") return false;
    if (error.code !== "EPERM") throw error;
  }
  return owner.started === null || startOf(owner.pid) === owner.started;
}

/** Start time in clock ticks since boot (proc(5), field 22), or null where there is no /proc. */
export function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes(error.code)) return null;
    throw error;
  }
}
