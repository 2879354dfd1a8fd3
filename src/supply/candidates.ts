// Which versions a package has beside the one in use, which are old enough, and which one to rehearse.

import { isObject, oneLine, textAt, type JsonObject, type JsonValue } from "../kernel/index.ts";

export interface Candidate {
  readonly version: string;
  /** Since this home first saw it. */
  readonly ageMs: number;
  readonly isYoung: boolean;
  /** The registry's `latest`. */
  readonly isLatest: boolean;
}

export interface Candidates {
  /** Newer than the one in use, newest first; and `latest`, should it be another line. */
  readonly newer: readonly Candidate[];
  /** The one to rehearse; null when none is old enough. */
  readonly pick: string | null;
  readonly note: string | null;
}

export interface Listing {
  readonly versions: readonly string[];
  readonly latest: string | null;
  readonly times: Readonly<Record<string, number>>;
}

const VERSIONS_MAX = 10_000;

/** Of `npm view NAME --json`; a package with one version has no list of them. */
export function listingOf(view: JsonObject): Listing {
  const { versions, time } = view;
  const tags = isObject(view["dist-tags"]) ? view["dist-tags"] : {};
  const listed: readonly JsonValue[] = Array.isArray(versions) ? versions : [versions ?? null];
  const dates = Object.entries(isObject(time) ? time : {}).flatMap(([version, date]): [string, number][] => {
    const ms = typeof date === "string" ? Date.parse(date) : Number.NaN;
    return Number.isNaN(ms) ? [] : [[version, ms]];
  });
  return {
    versions: listed.filter((item) => typeof item === "string").slice(-VERSIONS_MAX),
    latest: textAt(tags, "latest"),
    times: Object.fromEntries(dates),
  };
}

export interface CandidateRequest {
  readonly current: string;
  readonly listing: Listing;
  readonly firstSeen: ReadonlyMap<string, number>;
  readonly cooldownMs: number;
  readonly nowMs: number;
}

export function candidatesOf({ current, listing, firstSeen, cooldownMs, nowMs }: CandidateRequest): Candidates {
  const { versions, latest } = listing;
  const newer = versions
    .filter((version) => version !== current && (isNewer(version, current) || version === latest))
    // A trial release is for who runs one already.
    .filter((version) => !version.includes("-") || current.includes("-"))
    .toSorted((a, b) => (isNewer(a, b) ? -1 : 1))
    .map((version): Candidate => {
      const ageMs = nowMs - (firstSeen.get(version) ?? nowMs);
      return { version, ageMs, isYoung: ageMs < cooldownMs, isLatest: version === latest };
    })
    .filter(({ version }) => isNewer(version, current));
  const ripe = newer.filter(({ isYoung }) => !isYoung);
  const pick = ripe.find(({ isLatest }) => isLatest) ?? ripe[0];
  return { newer, pick: pick?.version ?? null, note: otherLine(current, listing) };
}

/** Neither "the highest number" nor "latest" shows a line that was begun anew with lower numbers. */
function otherLine(current: string, { versions, times }: Listing): string | null {
  const since = times[current];
  if (since === undefined) return null;
  const later = versions.filter((version) => !isNewer(version, current) && (times[version] ?? 0) > since);
  const last = later.filter((version) => version !== current && !version.includes("-")).at(-1);
  return last === undefined ? null : `${oneLine(last, 60)} has a lower number and a later date: another line?`;
}

/** Semantic versioning 2.0, 11; what does not parse is the lowest. */
export function isNewer(a: string, b: string): boolean {
  const [one, other] = [partsOf(a), partsOf(b)];
  for (let at = 0; at < 3; at += 1) {
    const [x, y] = [one.numbers[at] ?? 0, other.numbers[at] ?? 0];
    if (x !== y) return x > y;
  }
  if (one.trial === other.trial) return false;
  if (one.trial === "" || other.trial === "") return one.trial === "";
  return one.trial.localeCompare(other.trial, "en", { numeric: true }) > 0;
}

function partsOf(version: string): { readonly numbers: readonly number[]; readonly trial: string } {
  const [, numbers = "", trial = ""] = /^(\d+\.\d+\.\d+)(?:-([0-9A-Za-z.-]+))?/.exec(version) ?? [];
  return { numbers: numbers.split(".").map(Number), trial };
}
