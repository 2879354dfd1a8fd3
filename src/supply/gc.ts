// What nobody can go back to any more: old generations, and the trees, packages and policies that only they named.

import { existsSync, lstatSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { HomePaths } from "../home/index.ts";
import { hexOf } from "./content.ts";
import type { Generation, Generations } from "./generations.ts";
import { modelFile, modelsFolder } from "./models.ts";
import { contentFolder, listingFile, treeFolder } from "./places.ts";
import { listingPlace } from "./skills.ts";
import { unsealTree, walk } from "./tree.ts";

export interface GcOptions {
  readonly home: HomePaths;
  readonly generations: Generations;
  /** How many of the newest stay; the present one and the way back from it stay anyway. */
  readonly keep: number;
  readonly nowMs: number;
  /** Trees that something else names: a proposal that is not applied yet, Freehold's own running copy. */
  readonly alsoTrees: readonly string[];
  /** SHA-512 of the packages of a generation, as its lock names them. Throws when that cannot be known. */
  readonly packagesOf: (generation: Generation) => readonly string[];
  /** Hashes of the skills' trees and of the model files of a generation. Throws as well. */
  readonly materialsOf: (generation: Generation) => Materials;
  /** Model files that a proposal names. */
  readonly alsoModels: readonly string[];
}

export interface Materials {
  readonly skills: readonly string[];
  readonly models: readonly string[];
}

export interface GcPlan {
  readonly generations: readonly number[];
  readonly trees: readonly string[];
  readonly policies: readonly string[];
  readonly packages: readonly string[];
  readonly models: readonly string[];
  /** Copies of the state of a schema that no kept generation has. */
  readonly states: readonly string[];
  readonly bytes: number;
}

/** What was brought a moment ago may be named by what is being written right now. */
const YOUNG_MS = 3_600_000;
const TREE = /^[0-9a-f]{64}$/;
const CONTENT = /^[0-9a-f]{128}$/;
const POLICY = /^([0-9a-f]{64})\.json$/;
const STATE = /^freehold\.db\.v(\d{1,6})$/;

/** Faults: `generation.damaged`: while a record cannot be read, nobody knows what it names. */
export function planGc(options: GcOptions): GcPlan {
  const { home, generations, keep, nowMs } = options;
  const [broken] = generations.broken();
  if (broken !== undefined) throw broken;
  const all = generations.list();
  const kept = keptOf(all, generations, keep);
  const gone = all.filter((generation) => !kept.includes(generation)).map(({ number }) => number);
  const isOld = (path: string): boolean => nowMs - lstatSync(path).mtimeMs > YOUNG_MS;
  const unnamed = (folder: string, pattern: RegExp, named: ReadonlySet<string>): readonly string[] =>
    namesIn(folder).filter((name) => {
      const key = pattern.exec(name);
      return key !== null && !named.has(key[1] ?? name) && isOld(join(folder, name));
    });
  const materials = kept.map(options.materialsOf);
  const skills = materials.flatMap((each) => each.skills);
  const trees = unnamed(home.trees, TREE, new Set([...kept.flatMap(treesOf), ...skills, ...options.alsoTrees]));
  const named = new Set([...materials.flatMap((each) => each.models), ...options.alsoModels]);
  const models = unnamed(modelsFolder(home), TREE, named);
  const content = contentFolder(home);
  const packages = unnamed(content, CONTENT, new Set(kept.flatMap(options.packagesOf).map(hexOf)));
  const policies = unnamed(home.accepted, POLICY, new Set(kept.map(({ policy }) => policy)));
  const schemas = new Set(kept.map(({ schema }) => String(schema)));
  const states = namesIn(home.stateDir).filter((name) => {
    const schema = STATE.exec(name)?.[1];
    return schema !== undefined && !schemas.has(schema);
  });
  const files = [
    ...packages.map((name) => join(content, name)),
    ...models.map((name) => modelFile(home, name)),
    ...policies.map((name) => join(home.accepted, name)),
    ...states.map((name) => join(home.stateDir, name)),
  ];
  const sizes = [...files.map(sizeOf), ...trees.map((hash) => folderSize(treeFolder(home, hash)))];
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return { generations: gone, trees, policies, packages, models, states, bytes };
}

function treesOf({ trees, build }: Generation): readonly string[] {
  return [...Object.values(trees), ...(build.tree === null ? [] : [build.tree])];
}

function keptOf(all: readonly Generation[], generations: Generations, keep: number): readonly Generation[] {
  const pointer = generations.pointer();
  const roots = new Set([pointer?.generation, pointer?.trial?.back, pointer?.failed?.generation]);
  roots.add(all.find(({ number }) => number === pointer?.generation)?.parent ?? undefined);
  const newest = all.slice(Math.max(0, all.length - keep));
  return all.filter((generation) => newest.includes(generation) || roots.has(generation.number));
}

/** Records first: a tree without a record is garbage, a record without its tree could not be gone back to. */
export function collect({ home, generations }: Pick<GcOptions, "home" | "generations">, plan: GcPlan): void {
  for (const number of plan.generations) generations.remove(number);
  for (const name of plan.policies) rmSync(join(home.accepted, name), { force: true });
  for (const hash of plan.trees) removeTree(home, hash);
  for (const name of plan.packages) rmSync(join(contentFolder(home), name), { force: true });
  for (const name of plan.models) rmSync(modelFile(home, name), { force: true });
  for (const name of plan.states) rmSync(join(home.stateDir, name), { force: true });
}

/** By a rename first: never is there half a tree under a whole one's name. */
function removeTree(home: HomePaths, hash: string): void {
  const place = treeFolder(home, hash);
  const aside = join(home.trees, `.new-gone-${hash.slice(0, 16)}`);
  unsealTree(place);
  renameSync(place, aside);
  rmSync(aside, { recursive: true, force: true });
  rmSync(listingFile(home, hash), { force: true });
  rmSync(listingPlace(home, hash), { force: true });
}

function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function sizeOf(file: string): number {
  return lstatSync(file).size;
}

function folderSize(folder: string): number {
  return walk(folder).reduce((sum, { path, kind }) => (kind === "file" ? sum + sizeOf(join(folder, path)) : sum), 0);
}
