// Skills and models in `lock --check`: the files in the home, what lies on disk, and what their sources hold today.

import { existsSync, lstatSync } from "node:fs";
import { Fault } from "../kernel/index.ts";
import { readPolicyFiles, type HomePaths } from "../home/index.ts";
import { EMPTY_LOCK, LOCK_FILE, parseLock, parseStack, STACK_FILE, type StackLock } from "../manifest/index.ts";
import { folderDrift, modelFile, skillDrift, type Drift } from "../supply/index.ts";
import type { PolicyState } from "./policy-state.ts";

export interface LockRow {
  readonly direction: "repo" | "running" | "upstream";
  /** A server's name, or `skill NAME`, `model NAME`. */
  readonly server: string;
  readonly drift: Drift;
}

export interface MaterialParts {
  readonly home: HomePaths;
  readonly policy: PolicyState;
}

type Materials = Pick<StackLock, "skills" | "models">;

export function materialRows(parts: MaterialParts): readonly LockRow[] {
  return [...repoRows(parts), ...diskRows(parts), ...upstreamRows(parts)];
}

function row(direction: LockRow["direction"], server: string, drift: Drift): LockRow {
  return { direction, server, drift };
}

/** A lock or stack that cannot be read is told of with the servers. */
function repoRows({ home, policy }: MaterialParts): readonly LockRow[] {
  let written: Materials;
  let declared: readonly string[];
  try {
    const files = readPolicyFiles(home.dir);
    written = files[LOCK_FILE] === undefined ? EMPTY_LOCK : parseLock(files[LOCK_FILE], LOCK_FILE);
    declared = Object.keys(parseStack(files[STACK_FILE] ?? "", STACK_FILE).skills ?? {});
  } catch (error) {
    if (error instanceof Fault) return [];
    throw error;
  }
  const held: Materials = policy.current().lock;
  const names = (kind: keyof Materials, more: readonly string[] = []): readonly string[] =>
    [...new Set([...Object.keys(written[kind] ?? {}), ...Object.keys(held[kind] ?? {}), ...more])].toSorted((a, b) =>
      a < b ? -1 : 1,
    );
  const drift = (kind: keyof Materials, name: string): Drift => {
    const [is, was] = [written[kind]?.[name], held[kind]?.[name]];
    if (is === undefined) return { kind: "drift", what: "it is in no stack.lock" };
    if (kind === "skills" && !declared.includes(name)) {
      return { kind: "drift", what: "it is locked, and stack.yaml does not declare it" };
    }
    const isHeld = JSON.stringify(is) === JSON.stringify(was);
    return isHeld
      ? { kind: "same", what: "as applied" }
      : { kind: "drift", what: "stack.lock differs from what was applied: freehold plan" };
  };
  return [
    ...names("skills", declared).map((name) => row("repo", `skill ${name}`, drift("skills", name))),
    ...names("models").map((name) => row("repo", `model ${name}`, drift("models", name))),
  ];
}

function diskRows({ home, policy }: MaterialParts): readonly LockRow[] {
  const { skills = {}, models = {} } = policy.current().lock;
  return [
    ...Object.entries(skills).map(([name, locked]) => {
      const what = skillDrift({ name, locked, home });
      const drift: Drift = what === null ? { kind: "same", what: "every file is as locked" } : { kind: "drift", what };
      return row("running", `skill ${name}`, drift);
    }),
    ...Object.entries(models).map(([name, { sha256, bytes }]) => {
      const size = lstatSync(modelFile(home, sha256), { throwIfNoEntry: false })?.size;
      const what = size === undefined ? "it is not here" : size === bytes ? null : "its size is another";
      const same = "its size is as locked; every byte: freehold model list --check";
      return row("running", `model ${name}`, what === null ? { kind: "same", what: same } : { kind: "drift", what });
    }),
  ];
}

/** Nothing is asked of the network: what is addressed by its bytes cannot change under its name. */
function upstreamRows({ home, policy }: MaterialParts): readonly LockRow[] {
  const { stack, lock } = policy.current();
  const skills = Object.entries(lock.skills ?? {}).map(([name, locked]) => {
    const folder = stack.skills?.[name]?.folder ?? null;
    const newer = "locked by its bytes; whether its source went on is not asked";
    const asked = (): Drift =>
      locked.kind === "path" ? folderDrift(locked, folder, home) : { kind: "unknown", what: newer };
    return row("upstream", `skill ${name}`, orUnknown(asked));
  });
  const models = Object.entries(lock.models ?? {}).map(([name, { source }]) => {
    const isGone = source.startsWith("/") && !existsSync(source);
    const what = isGone
      ? "its source is gone; the bytes are kept here"
      : "locked by its bytes; its source is not asked";
    return row("upstream", `model ${name}`, { kind: "unknown", what });
  });
  return [...skills, ...models];
}

function orUnknown(ask: () => Drift): Drift {
  try {
    return ask();
  } catch (error) {
    if (error instanceof Fault) return { kind: "unknown", what: error.message };
    throw error;
  }
}
