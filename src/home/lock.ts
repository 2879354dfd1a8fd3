// One daemon for one stack home. The lock names its holder and ends with it, however the holder ended.
// Each holder links a file with the next higher number, which only one can; the highest number is never removed.

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault, isObject, parseStrict } from "../kernel/index.ts";
import { codeOf, writeAtomic, writeFault } from "./atomic.ts";

const NAME = /^daemon\.lock\.(\d{1,12})$/;
const ATTEMPTS_MAX = 20;

export interface HomeLock {
  release(): void;
}

interface Holder {
  readonly pid: number;
  /** Tells this process from a later one with the same pid. */
  readonly started: string;
}

/** Throws `home.locked` with the other's pid. */
export function lockHome(dir: string): HomeLock {
  const state = join(dir, ".state");
  const me: Holder = { pid: process.pid, started: startOf(process.pid) };
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const last = numbersIn(state).at(-1) ?? 0;
    refuseIfHeld(dir, holderOf(state, last));
    const mine = last + 1;
    if (!claim(state, mine, me)) continue;
    // Whoever read an older list may have taken a number that was already gone; the highest one holds.
    const others = numbersIn(state).filter((number) => number !== mine);
    if (others.some((number) => number > mine)) {
      rmSync(fileOf(state, mine), { force: true });
      continue;
    }
    for (const number of others) rmSync(fileOf(state, number), { force: true });
    return { release: () => writeAtomic(fileOf(state, mine), "{}", 0o600) };
  }
  throw new Fault("home.locked", { at: dir, message: "other daemons keep starting on this stack home." });
}

function claim(state: string, number: number, me: Holder): boolean {
  const temporary = join(state, `.daemon.lock.${randomBytes(6).toString("hex")}.tmp`);
  try {
    writeFileSync(temporary, JSON.stringify(me), { flag: "wx", mode: 0o600 });
    linkSync(temporary, fileOf(state, number));
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw writeFault(fileOf(state, number), error);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function refuseIfHeld(dir: string, holder: Holder | null): void {
  if (holder === null || startOf(holder.pid) !== holder.started) return;
  throw new Fault("home.locked", {
    at: dir,
    message: `a daemon is already running on this stack home (process ${holder.pid}).`,
    next: "freehold status, or npm stop",
  });
}

/** The running holder's pid, or null. */
export function lockHolder(dir: string): number | null {
  const state = join(dir, ".state");
  const holder = holderOf(state, numbersIn(state).at(-1) ?? 0);
  return holder !== null && startOf(holder.pid) === holder.started ? holder.pid : null;
}

function fileOf(state: string, number: number): string {
  return join(state, `daemon.lock.${number}`);
}

function numbersIn(state: string): readonly number[] {
  try {
    return readdirSync(state)
      .flatMap((name) => NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((a, b) => a - b);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw writeFault(join(state, "."), error);
  }
}

function holderOf(state: string, number: number): Holder | null {
  let text: string;
  try {
    text = readFileSync(fileOf(state, number), "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw writeFault(fileOf(state, number), error);
  }
  const parsed = parseStrict(text);
  const value = parsed.kind === "value" ? parsed.value : null;
  if (!isObject(value) || typeof value["pid"] !== "number" || typeof value["started"] !== "string") return null;
  return { pid: value["pid"], started: value["started"] };
}

/** Empty when there is no such process. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name, in brackets, may hold spaces and brackets itself; the start is field 22.
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}:${ticks}`;
  } catch (error) {
    if (process.platform === "linux" && codeOf(error) === "ENOENT") return "";
  }
  const done = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", env: { LC_ALL: "C" } });
  return done.status === 0 ? done.stdout.trim() : "";
}
