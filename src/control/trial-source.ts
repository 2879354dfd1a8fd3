// An npm source that names no exact version yet, as people and configurations write it: it is resolved before it is
// declared, so stack.yaml itself still refuses it.

import { splitNpm } from "../manifest/index.ts";

/** A tag or a simple range; never an address, a folder or an alias, which npm would take in the same place. */
const LOOSE = /^[~^]?[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/;
const EXACT = /^\d+\.\d+\.\d+/;

/** The source with which the draft is checked; another version stands in where none is exact, and is never used. */
export function trialSource(source: string): string {
  if (!source.startsWith("npm:")) return source;
  const { name, version } = splitNpm(source);
  if (version !== null && (EXACT.test(version) || !LOOSE.test(version))) return source;
  return `npm:${name}@0.0.0`;
}
