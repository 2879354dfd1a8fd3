// When this home first saw each version of a package: a registry's dates can be wrong, missing or moved.
// At the first look at a package its own dates are all there is; from then on only what was seen here counts.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeAtomic } from "../home/index.ts";
import { isObject, parseStrict, type JsonObject } from "../kernel/index.ts";
import type { SupplyHome } from "./places.ts";

export interface SeenVersions {
  readonly name: string;
  readonly versions: readonly string[];
  /** The registry's own dates, by version. */
  readonly times: Readonly<Record<string, number>>;
}

const PACKAGES_MAX = 5_000;

function file(home: SupplyHome): string {
  return join(home.stateDir, "first-seen.json");
}

/** By version, in milliseconds; what is new today is written down. */
export function noteSeen(home: SupplyHome, seen: SeenVersions, nowMs: number): ReadonlyMap<string, number> {
  const all = readSeen(home);
  const known = isObject(all[seen.name]) ? all[seen.name] : undefined;
  const before = isObject(known) ? known : null;
  const dates: Record<string, number> = {};
  for (const version of seen.versions) {
    const date = before?.[version];
    const told = before === null ? seen.times[version] : undefined;
    dates[version] = typeof date === "number" ? date : Math.min(nowMs, told ?? nowMs);
  }
  const isNew = before === null || seen.versions.some((version) => before[version] === undefined);
  if (isNew) {
    // Versions that were withdrawn and come back are not new.
    const entries = Object.entries({ ...all, [seen.name]: { ...before, ...dates } }).slice(-PACKAGES_MAX);
    writeAtomic(file(home), JSON.stringify(Object.fromEntries(entries)), 0o600);
  }
  return new Map(Object.entries(dates));
}

/** A file that cannot be read counts as none: everything is young then, which only delays. */
function readSeen(home: SupplyHome): JsonObject {
  if (!existsSync(file(home))) return {};
  const parsed = parseStrict(readFileSync(file(home), "utf8"));
  return parsed.kind === "value" && isObject(parsed.value) ? parsed.value : {};
}
