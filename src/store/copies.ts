// Whole copies of a state that is in use, and a state that a newer Freehold has left.

import { existsSync, linkSync, mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { guarded } from "./database.ts";
import { carryBack, type CarriedBack } from "./carry-back.ts";
import { changed, discard, putInPlace, schemaOf, stateOfSchema, vacuumInto } from "./migrate.ts";
import { SCHEMA_VERSION } from "./schema.ts";

/** For a trial start: everything is stopped in it, and it knows of no generation. Nothing of it comes back. */
export function copyForTrial(file: string, into: string): void {
  guarded(file, () => {
    discard(into);
    const live = new DatabaseSync(file, { readOnly: true });
    try {
      vacuumInto(live, into);
    } finally {
      live.close();
    }
    changed(into, {
      work: (copy) => {
        copy.exec("DELETE FROM settings WHERE key IN ('generation', 'generation.files')");
        copy.exec("INSERT OR REPLACE INTO settings VALUES ('door.stopped', 'a trial start')");
      },
    });
  });
}

export interface LeftState extends CarriedBack {
  /** The newer state, whole. */
  readonly keptAt: string;
}

/**
 * A state of a newer schema, where this Freehold was gone back to: brought to the older schema, the newer one kept
 * beside it. Null where there is nothing to do. Killed at any step, it is done again.
 */
export function goBackToOwnSchema(file: string, onStep: (step: string) => void = () => undefined): LeftState | null {
  const schema = schemaOf(file);
  if (schema <= SCHEMA_VERSION || !existsSync(stateOfSchema(file, SCHEMA_VERSION))) return null;
  return guarded(file, () => {
    const report = carryBack({ file, schema: SCHEMA_VERSION, into: `${file}.back` });
    onStep("filled the older state");
    const keptAt = keepNewer(file, schema);
    onStep("kept the newer state");
    putInPlace(`${file}.back`, file);
    onStep("put the older state in place");
    return { ...report, keptAt };
  });
}

function keepNewer(file: string, schema: number): string {
  const newer = new DatabaseSync(file);
  newer.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  newer.close();
  const folder = join(dirname(file), "left");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (let number = 1; ; number += 1) {
    const place = join(folder, `${basename(file)}.v${schema}.${number}`);
    if (existsSync(place)) continue;
    linkSync(file, place);
    return place;
  }
}

/** What a way back to that schema would lose, found by going it on a copy. */
export function previewCarryBack(file: string, schema: number): CarriedBack {
  const into = `${file}.preview`;
  try {
    return guarded(file, () => carryBack({ file, schema, into }));
  } finally {
    discard(into);
  }
}
