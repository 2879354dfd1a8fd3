// Every kept byte against the hash it is kept under: records, accepted policy, trees, packages, models. What differs
// is named; nothing is changed by looking.

import { createHash } from "node:crypto";
import { createReadStream, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { HomePaths } from "../home/index.ts";
import { Fault, isObject, oneLine, parseStrict, sha256, textAt } from "../kernel/index.ts";
import { LOCK_FILE, parseLock, type LockedSkill } from "../manifest/index.ts";
import { openGenerations, type Generation } from "./generations.ts";
import { contentFolder, listingFile, treeFolder } from "./places.ts";
import { skillDrift } from "./skills.ts";
import { firstDifference, listTree } from "./tree.ts";

export type Kept = "generations" | "trees" | "packages" | "skills" | "models";
export const KEPT: readonly Kept[] = ["generations", "trees", "packages", "skills", "models"];

export interface Looked {
  readonly count: number;
  /** One sentence each, with the file's name. */
  readonly damaged: readonly string[];
}

/** Throws what the disk throws, such as a lack of rights. */
export function lookAtKept(kept: Kept, home: HomePaths): Promise<Looked> {
  switch (kept) {
    case "generations":
      return Promise.resolve(lookAtGenerations(home));
    case "trees":
      return lookAtTrees(home);
    case "packages":
      return lookAtNamed(contentFolder(home), /^[0-9a-f]{128}$/, "sha512");
    case "skills":
      return Promise.resolve(lookAtSkills(home));
    case "models":
      return lookAtNamed(join(home.stateDir, "models"), /^([0-9a-f]{64})(?:\.[a-z0-9]+)?$/, "sha256");
  }
}

function lookAtGenerations(home: HomePaths): Looked {
  const generations = openGenerations(home);
  const damaged = generations.broken().map((fault) => fault.message);
  const held = heldBy(home);
  if (held instanceof Fault) return { count: generations.list().length, damaged: [...damaged, held.message] };
  if (held !== null) damaged.push(...policyDamage(home, held));
  return { count: generations.list().length, damaged };
}

/** Null before the first; a fault where the pointer or its record was changed. */
function heldBy(home: HomePaths): Generation | Fault | null {
  const generations = openGenerations(home);
  try {
    const pointer = generations.pointer();
    return pointer === null ? null : generations.get(pointer.generation);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

function policyDamage(home: HomePaths, { policy, files }: Generation): readonly string[] {
  const file = join(home.accepted, `${policy}.json`);
  if (!existsSync(file)) return [`the accepted policy ${file} is gone`];
  const parsed = parseStrict(readFileSync(file, "utf8"));
  const texts = parsed.kind === "value" && isObject(parsed.value) ? parsed.value : {};
  const changed = Object.keys(files).filter((path) => !isText(texts[path], files[path]));
  if (changed.length === 0 && Object.keys(texts).length === Object.keys(files).length) return [];
  return [`${changed.join(", ") || "the list of files"} of the accepted policy was changed in ${file}`];
}

function isText(text: unknown, hash: string | undefined): boolean {
  return typeof text === "string" && sha256(text) === hash;
}

/** Those that the generation in force needs: its servers, and Freehold where a kept build runs. */
async function lookAtTrees(home: HomePaths): Promise<Looked> {
  const held = heldBy(home);
  if (held === null || held instanceof Fault) return { count: 0, damaged: [] };
  const { trees, build } = held;
  const named = new Map(Object.entries(trees).map(([name, hash]) => [hash, name]));
  if (build.tree !== null) named.set(build.tree, "Freehold itself");
  const damaged: string[] = [];
  for (const [hash, name] of named) {
    const what = await treeDamage(home, hash);
    if (what !== null) damaged.push(`${name}: ${what}, in ${treeFolder(home, hash)}`);
  }
  return { count: named.size, damaged };
}

/** Those of the policy in force, where a model is given them. */
function lookAtSkills(home: HomePaths): Looked {
  const held = heldBy(home);
  if (held === null || held instanceof Fault) return { count: 0, damaged: [] };
  const file = join(home.accepted, `${held.policy}.json`);
  const parsed = parseStrict(existsSync(file) ? readFileSync(file, "utf8") : "{}");
  const lock = parsed.kind === "value" && isObject(parsed.value) ? textAt(parsed.value, LOCK_FILE) : null;
  // A lock that was changed is told of with the generations.
  if (lock === null || sha256(lock) !== held.files[LOCK_FILE]) return { count: 0, damaged: [] };
  const skills = skillsIn(lock);
  const damaged = Object.entries(skills).flatMap(([name, locked]) => skillDrift({ name, locked, home }) ?? []);
  return { count: Object.keys(skills).length, damaged };
}

function skillsIn(lock: string): Readonly<Record<string, LockedSkill>> {
  try {
    return parseLock(lock, LOCK_FILE).skills ?? {};
  } catch (error) {
    // Another Freehold's lock: nothing of it runs here.
    if (error instanceof Fault) return {};
    throw error;
  }
}

async function treeDamage(home: HomePaths, hash: string): Promise<string | null> {
  if (!existsSync(treeFolder(home, hash))) return "it is not installed; it is fetched again when it is needed";
  const listing = await listTree(treeFolder(home, hash));
  if (sha256(listing) === hash) return null;
  const kept = listingFile(home, hash);
  const known = existsSync(kept) ? readFileSync(kept, "utf8") : "";
  return sha256(known) === hash ? firstDifference(known, listing) : "a file in it was changed, and its list is lost";
}

async function lookAtNamed(folder: string, pattern: RegExp, algorithm: "sha256" | "sha512"): Promise<Looked> {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => pattern.test(name)) : [];
  const damaged: string[] = [];
  for (const name of names) {
    const hash = createHash(algorithm);
    await pipeline(createReadStream(join(folder, name)), hash);
    const wanted = pattern.exec(name)?.[1] ?? name;
    // Ended by the pipeline, a hash is read like any stream.
    const found: unknown = hash.read();
    if (!(found instanceof Buffer) || found.toString("hex") !== wanted)
      damaged.push(`${oneLine(join(folder, name), 300)} was changed`);
  }
  return { count: names.length, damaged };
}
