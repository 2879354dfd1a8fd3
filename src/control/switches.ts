// What follows a switch of generation: the ledger's entry, the policy that is accepted, the files in the home.
// All of it can be done again: a start after a crash catches up with the pointer.

import { lstatSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { commitHome, ensureDir, readPolicyFiles, writeAtomic, type HomePaths } from "../home/index.ts";
import { diffPolicy, policyDigest, textDiff, type PolicyFiles } from "../manifest/index.ts";
import type { LeftState, Store } from "../store/index.ts";
import type { Build, Generation, Generations, Pointer } from "../supply/index.ts";
import { admit, bar, FREEHOLD, rejected, type Barred } from "./barred.ts";

/** Digest of the policy in force. */
export const ACCEPTED = "policy.accepted";
/** Number of the generation that the state knows of. */
export const GENERATION = "generation";
/** The generation whose files are still to be written into the home. */
const FILES_OF = "generation.files";
const TEXT_LENGTH_MAX = 100_000;

export interface Side {
  readonly generation: Generation;
  readonly files: PolicyFiles;
}

export interface SwitchDone {
  readonly from: Side | null;
  readonly to: Side;
  readonly how: Pointer["how"];
  readonly reason: string;
  /** Who switched; the owner where it is left out. */
  readonly by?: "freehold";
  readonly atMs: number;
  /** What of a newer state was left behind. */
  readonly left?: LeftState | null;
}

/**
 * Works out what there is to record, and answers how to record it: one transaction, from which on the state is of the
 * new generation. Nothing slow stands between the switch and its record.
 */
export function switchRecord(store: Store, done: SwitchDone): () => void {
  const { from, to, how, atMs } = done;
  const isBack = how === "rollback";
  const barred = isBack && from !== null ? rejectedBy(from, to, { reason: done.reason, atMs }) : [];
  const entry = {
    kind: "change",
    session: null,
    principal: done.by ?? "owner",
    subject: isBack ? "rollback" : how === "update" ? "freehold" : "policy",
    request: null,
    facts: factsOf(done, barred),
    text: textDiff(from?.files ?? {}, to.files).slice(0, TEXT_LENGTH_MAX),
  } as const;
  return () => {
    store.transaction(() => {
      store.settings.set(ACCEPTED, to.generation.policy);
      store.settings.set(GENERATION, String(to.generation.number));
      if (isBack) store.settings.set(FILES_OF, String(to.generation.number));
      if (isBack) admit(store.settings, Object.values(to.generation.trees));
      bar(store.settings, barred);
      store.ledger.append(entry);
    });
  };
}

function factsOf({ from, to, how, reason, left = null }: SwitchDone, barred: readonly Barred[]): JsonObject {
  const { read, build, number } = to.generation;
  return {
    from: from?.generation.policy ?? null,
    to: to.generation.policy,
    files: diffPolicy(from?.files ?? {}, to.files).map((change) => change.file),
    generation: number,
    left: from?.generation.number ?? null,
    ...(how === "apply" && read.length > 0 ? { read } : {}),
    ...(how === "rollback" ? { reason, barred: barred.map((item) => item.source) } : {}),
    ...(left === null ? {} : { lost: left.lost.map((one) => ({ ...one })), stale: left.stale, keptAt: left.keptAt }),
    ...(from !== null && from.generation.build.code !== build.code ? { freehold: build.version } : {}),
  };
}

const FAILED = "generation.failed";

interface FailedBuild {
  readonly build: Build;
  readonly generation: number;
  readonly reason: string;
  readonly atMs: number;
}

/** Once, also when the start that tells it is cut. */
export function recordFailed(store: Store, { build, generation, reason, atMs }: FailedBuild): void {
  if (store.settings.get(FAILED) === String(generation)) return;
  const source = `${FREEHOLD}@${build.version}`;
  store.transaction(() => {
    store.settings.set(FAILED, String(generation));
    bar(store.settings, [{ name: FREEHOLD, source, tree: build.tree, reason, atMs }]);
    const facts = { failed: generation, freehold: build.version, reason };
    store.ledger.append({
      kind: "change",
      session: null,
      principal: "freehold",
      subject: "freehold",
      request: null,
      facts,
    });
  });
}

function rejectedBy(from: Side, to: Side, why: { readonly reason: string; readonly atMs: number }): readonly Barred[] {
  return rejected(from.generation, to.generation, {
    ...why,
    sourceOf: (server) => sourceIn(from.files, server) ?? server,
  });
}

/** `"source":"npm:…"` of a server in the lock's text; the lock was parsed when it was accepted. */
function sourceIn(files: PolicyFiles, server: string): string | null {
  const lock: unknown = JSON.parse(files["stack.lock"] ?? "{}");
  const servers = isRecord(lock) && isRecord(lock["servers"]) ? lock["servers"] : {};
  const entry = Object.hasOwn(servers, server) ? servers[server] : null;
  return isRecord(entry) && typeof entry["source"] === "string" ? entry["source"] : null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export interface FilesBack {
  readonly home: HomePaths;
  readonly store: Store;
  readonly generations: Generations;
  /** What stands in the home where the owner edited nothing. */
  readonly known: PolicyFiles;
  readonly target: Side;
}

/**
 * Puts the target's files into the home, if that is still to be done. Edits that were never applied are committed
 * first: they leave the folder, not the history.
 */
export function putFilesBack({ home, store, generations, known, target }: FilesBack): void {
  const { number } = target.generation;
  if (store.settings.get(FILES_OF) !== String(number)) return;
  const present = readPolicyFiles(home.dir);
  const wanted = target.files;
  const paths = [...new Set([...Object.keys(known), ...Object.keys(present), ...Object.keys(wanted)])];
  if (policyDigest(present) !== policyDigest(wanted)) {
    commitHome(home.dir, { message: "Keep edits that were not applied", paths: Object.keys(present) });
    generations.onStep("committed the edits");
    writeFiles({ home, generations, present, wanted });
  }
  commitHome(home.dir, { message: `Roll back to generation ${number}`, paths });
  generations.onStep("committed the rollback");
  store.settings.set(FILES_OF, "");
}

interface Writing extends Pick<FilesBack, "home" | "generations"> {
  readonly present: PolicyFiles;
  readonly wanted: PolicyFiles;
}

function writeFiles({ home, generations, present, wanted }: Writing): void {
  const mode = (lstatSync(home.stack, { throwIfNoEntry: false })?.mode ?? 0o600) & 0o777;
  const folderMode = lstatSync(home.dir).mode & 0o777;
  for (const [path, text] of Object.entries(wanted)) {
    if (present[path] === text) continue;
    const file = join(home.dir, path);
    if (dirname(file) !== home.dir) ensureDir(dirname(file), folderMode);
    writeAtomic(file, text, mode);
    generations.onStep(`put back ${path}`);
  }
  for (const path of Object.keys(present)) {
    if (Object.hasOwn(wanted, path)) continue;
    rmSync(join(home.dir, path), { force: true });
    generations.onStep(`took away ${path}`);
  }
}

/** At a start: the owner's files may be in no state to be read. They are put back at the next. */
export function putFilesBackIfReadable(parts: FilesBack): void {
  try {
    putFilesBack(parts);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    // The policy in force does not hang on it, and `plan` shows what differs.
  }
}
