// A flood of denied calls does not fill the disk: what is over a generous measure is counted, and one entry a minute.

import type { Clock } from "../kernel/index.ts";
import type { NewEntry } from "../store/index.ts";

export interface Denials {
  /** What the ledger keeps when this one was denied: mostly itself. */
  kept(denied: NewEntry): readonly NewEntry[];
}

/** Far above what an honest program is denied. */
const BURST = 300;
const DENIED_CHARS_MAX = 8_192;
const PER_MINUTE = 60;
const MINUTE_MS = 60_000;
/** Principals are few: clients by name. The oldest is forgotten first. */
const PRINCIPALS_MAX = 1_000;

interface Bucket {
  tokens: number;
  filledAtMs: number;
  count: number;
  /** When the next sum is due. */
  sumAtMs: number;
}

export function countDenials({ nowMs }: Clock): Denials {
  const buckets = new Map<string, Bucket>();
  const over = new Set<string>();

  function bucketOf(principal: string): Bucket {
    const now = nowMs();
    const known = buckets.get(principal) ?? { tokens: BURST, filledAtMs: now, count: 0, sumAtMs: now };
    const gained = (Math.max(0, now - known.filledAtMs) / MINUTE_MS) * PER_MINUTE;
    known.tokens = Math.min(BURST, known.tokens + gained);
    known.filledAtMs = now;
    const [oldest] = buckets.keys();
    if (!buckets.has(principal) && buckets.size >= PRINCIPALS_MAX && oldest !== undefined) buckets.delete(oldest);
    buckets.set(principal, known);
    return known;
  }

  /** Of the denials that were only counted; each is summed up once. */
  function sums(): readonly NewEntry[] {
    const found: NewEntry[] = [];
    for (const principal of over) {
      const bucket = buckets.get(principal);
      if (bucket !== undefined && nowMs() < bucket.sumAtMs) continue;
      over.delete(principal);
      if (bucket === undefined) continue;
      const body = { kind: "denied", session: null, principal, subject: "many calls" } as const;
      found.push({ ...body, request: null, facts: { count: bucket.count } });
      bucket.count = 0;
      bucket.sumAtMs = nowMs() + MINUTE_MS;
    }
    return found;
  }

  return {
    kept(denied) {
      const principal = denied.principal ?? "";
      const bucket = bucketOf(principal);
      const isKept = bucket.tokens >= 1;
      if (isKept) bucket.tokens -= 1;
      else {
        bucket.count += 1;
        over.add(principal);
      }
      return isKept ? [denied, ...sums()] : sums();
    },
  };
}

/** What was denied costs a client nothing, so little of it is kept. */
export function deniedText(args: string): string {
  if (args.length <= DENIED_CHARS_MAX) return args;
  return `${args.slice(0, DENIED_CHARS_MAX).toWellFormed()}… (${args.length} characters)`;
}
