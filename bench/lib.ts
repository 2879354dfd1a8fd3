// What benches share: rounds in turn, medians, and what a tree of processes has used, read from /proc (Linux).

import { readdirSync, readFileSync } from "node:fs";

export interface BenchOptions {
  /** Fewer rounds: to see that the bench runs, not to publish. */
  readonly quick: boolean;
  /** Where CPU profiles of the daemon go; absent when none are wanted. */
  readonly profileDir?: string;
  /** Folders and files named on the command line: cases, cards, roster. */
  readonly paths: Readonly<Record<string, string>>;
  /** How many servers are declared in all, where a bench can vary it. */
  readonly servers: number;
  /** One line of progress on stderr. */
  readonly note: (text: string) => void;
}

/** The figures of one bench by their fixed names; units stand last in the name. */
export type Bench = (options: BenchOptions) => Promise<Readonly<Record<string, unknown>>>;

/** Ticks of /proc/PID/stat: Linux shows them to user space in hundredths of a second on every architecture. */
const TICKS_PER_SECOND = 100;
const PAGE_KB_FIELD = /^VmRSS:\s+(\d+) kB$/m;

/** The p-quantile by nearest rank (p from 0 to 1); NaN of no values. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle) - 1] ?? Number.NaN)) / 2;
}

/** At most `digits` decimals, as a number, for figures that people read. */
export function round(value: number, digits = 3): number {
  return Number(value.toFixed(digits));
}

export interface Interleaving {
  readonly rounds: number;
  /** One sample of each contender per round; a number is what it measured. */
  readonly contenders: Readonly<Record<string, () => Promise<number>>>;
}

/**
 * Samples of each contender, taken in turn so that a slow minute of the machine hits all alike. The order turns by one
 * each round, so that nobody always goes first.
 */
export async function interleave({
  rounds,
  contenders,
}: Interleaving): Promise<ReadonlyMap<string, readonly number[]>> {
  const names = Object.keys(contenders);
  const samples = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let turn = 0; turn < rounds; turn += 1) {
    for (let step = 0; step < names.length; step += 1) {
      const name = names[(turn + step) % names.length] ?? "";
      const sample = await contenders[name]?.();
      if (sample !== undefined) samples.get(name)?.push(sample);
    }
  }
  return samples;
}

interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
}

/** proc(5): the name in brackets may hold anything, so fields are counted from the last bracket. */
function factsOf(pid: number): ProcessFacts | null {
  const stat = readOrNull(`/proc/${pid}/stat`);
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Fields 14 to 17: own user and system time, and that of children who have ended and were waited for.
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { pid, parent: Number(fields[1]), ticks };
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null; // the process ended between two reads
  }
}

/** The process and all that descend from it, at this moment. */
export function processTree(root: number): readonly number[] {
  return treeFacts(root).map((facts) => facts.pid);
}

function treeFacts(root: number): readonly ProcessFacts[] {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => factsOf(Number(name)))
    .filter((facts) => facts !== null);
  const found: ProcessFacts[] = all.filter((facts) => facts.pid === root);
  for (let at = 0; at < found.length; at += 1) {
    const parent = found[at]?.pid;
    found.push(...all.filter((facts) => facts.parent === parent));
  }
  return found;
}

/**
 * CPU seconds used so far by the process and its descendants, those that ended and were waited for included; `alone`
 * leaves out the descendants that live.
 */
export function cpuSecondsOf(root: number, reach: "tree" | "alone" = "tree"): number {
  const counted = reach === "alone" ? [factsOf(root)] : treeFacts(root);
  return counted.reduce((sum, facts) => sum + (facts?.ticks ?? 0), 0) / TICKS_PER_SECOND;
}

/**
 * Resident memory of the process and its descendants now, in MB of 1,000,000 bytes; shared pages count in each. `alone`
 * leaves out the descendants.
 */
export function residentMbOf(root: number, reach: "tree" | "alone" = "tree"): number {
  const kb = (reach === "alone" ? [root] : processTree(root)).map((pid) =>
    Number(PAGE_KB_FIELD.exec(readOrNull(`/proc/${pid}/status`) ?? "")?.[1] ?? 0),
  );
  return (kb.reduce((sum, value) => sum + value, 0) * 1024) / 1_000_000;
}

/** CPU seconds of all children of this process that have ended and were waited for, with theirs (fields 16 and 17). */
export function endedChildrenCpuSeconds(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}
