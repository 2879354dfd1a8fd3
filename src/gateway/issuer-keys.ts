// The public keys of the one issuer that the owner declared: fetched when a token needs them, kept for an hour.
// Whoever sends made-up tokens causes no more than one fetch in five minutes.

import type { JsonObject } from "../kernel/index.ts";
import { issuerKeys, type FindKey, type FoundKey, type IssuerKey } from "./access-token.ts";

export interface IssuerKeysParts {
  readonly nowMs: () => number;
  /** The keys as published. Rejects when they cannot be had. */
  readonly fetch: (issuer: string) => Promise<readonly JsonObject[]>;
  readonly onFault: (error: unknown) => void;
}

interface Known {
  readonly issuer: string;
  keys: readonly IssuerKey[];
  /** Of the last fetch that was begun; null before the first. */
  askedAtMs: number | null;
  readAtMs: number | null;
  fetching: Promise<void> | null;
}

const LIFE_MS = 3_600_000;
const UNKNOWN_KEY_WAIT_MS = 300_000;
const FAILED_WAIT_MS = 15_000;

export function openIssuerKeys(parts: IssuerKeysParts): (issuer: string) => FindKey {
  let known: Known | null = null;

  function knownFor(issuer: string): Known {
    if (known?.issuer !== issuer) known = { issuer, keys: [], askedAtMs: null, readAtMs: null, fetching: null };
    return known;
  }

  async function read(one: Known): Promise<void> {
    one.askedAtMs = parts.nowMs();
    try {
      one.keys = issuerKeys(await parts.fetch(one.issuer));
      one.readAtMs = parts.nowMs();
    } catch (error) {
      parts.onFault(error);
    } finally {
      one.fetching = null;
    }
  }

  function isFresh({ readAtMs }: Known): boolean {
    return readAtMs !== null && parts.nowMs() - readAtMs < LIFE_MS;
  }

  async function fetchAfter(one: Known, waitMs: number): Promise<void> {
    const isDue = one.askedAtMs === null || parts.nowMs() - one.askedAtMs >= waitMs;
    if (one.fetching === null && isDue) one.fetching = read(one);
    await one.fetching;
  }

  return (issuer) => async (id, algorithm) => {
    const one = knownFor(issuer);
    if (!isFresh(one)) await fetchAfter(one, FAILED_WAIT_MS);
    if (!isFresh(one)) return "unavailable";
    const found = pick(one.keys, id, algorithm);
    if (found !== "unknown") return found;
    await fetchAfter(one, UNKNOWN_KEY_WAIT_MS);
    return pick(one.keys, id, algorithm);
  };
}

/** One that fits; where more than one does, the token should have said which. */
function pick(keys: readonly IssuerKey[], id: string | null, algorithm: string): FoundKey {
  const fitting = keys.filter((key) => key.algorithms.includes(algorithm) && (id === null || key.id === id));
  return fitting.length > 1 ? "unknown" : (fitting[0] ?? "unknown");
}
