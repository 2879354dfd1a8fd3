// The texts of every policy that was ever accepted and is still needed, by digest: `.state/accepted/<digest>.json`.

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Fault, isObject, parseStrict, sha256, type Digest } from "../kernel/index.ts";
import type { HomePaths } from "../home/index.ts";
import { policyDigest, type PolicyFiles } from "../manifest/index.ts";
import type { Generations } from "../supply/index.ts";

type AcceptedHome = Pick<HomePaths, "stateDir">;

function acceptedPath(home: AcceptedHome, digest: Digest): string {
  return join(home.stateDir, "accepted", `${digest}.json`);
}

export function keepAccepted(home: AcceptedHome, files: PolicyFiles, { write, onStep }: Generations): void {
  mkdirSync(join(home.stateDir, "accepted"), { recursive: true, mode: 0o700 });
  onStep("made the folder of accepted policies");
  write(acceptedPath(home, policyDigest(files)), JSON.stringify(files));
}

/** Faults: `policy.lost`; `policy.changed`, which names the file where `hashes` are known. */
export function acceptedFiles(
  home: AcceptedHome,
  digest: Digest,
  hashes: Readonly<Record<string, Digest>> = {},
): PolicyFiles {
  const file = acceptedPath(home, digest);
  const next = "restore .state/accepted from a backup";
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    const message = "the accepted policy cannot be read, so nothing may run.";
    throw new Fault("policy.lost", { at: file, message, cause, next });
  }
  const parsed = parseStrict(text);
  const files = parsed.kind === "value" && isObject(parsed.value) ? stringsOf(parsed.value) : {};
  if (policyDigest(files) === digest) return files;
  const changed = Object.keys(hashes).find((path) => sha256(files[path] ?? "") !== hashes[path]);
  const which = changed === undefined ? "" : ` (its ${changed})`;
  const message = `the accepted policy${which} was changed behind Freehold's back, so nothing may run.`;
  throw new Fault("policy.changed", { at: file, message, next });
}

function stringsOf(object: Readonly<Record<string, unknown>>): PolicyFiles {
  const files: Record<string, string> = {};
  for (const [name, text] of Object.entries(object)) if (typeof text === "string") files[name] = text;
  return files;
}
