// Model files: brought here by their hash, listed, taken out of the lock.

import { lstatSync } from "node:fs";
import { Fault, oneLine, type JsonObject } from "../kernel/index.ts";
import { readPolicyFiles, type HomePaths } from "../home/index.ts";
import { EMPTY_LOCK, formatLock, LOCK_FILE, parseLock, type LockedModel, type StackLock } from "../manifest/index.ts";
import { modelFile, verifyModel, type PullRequest } from "../supply/index.ts";
import { maybeText, text } from "./input.ts";
import type { Operation } from "./operation.ts";
import { modelLibraryOperation, type ModelLibraryParts } from "./ops-model-library.ts";
import { declaredRows, type ModelUseParts } from "./ops-model-use.ts";
import { planned, writeHomeFile } from "./ops-stack.ts";
import type { PolicyState } from "./policy-state.ts";

export type ModelOrder = Pick<PullRequest, "source" | "sha256" | "progress">;

export interface ModelParts extends Pick<ModelUseParts, "modelState">, ModelLibraryParts {
  readonly home: HomePaths;
  readonly policy: PolicyState;
  readonly isOwnUser: boolean;
  pullModel(order: ModelOrder): Promise<LockedModel>;
}

const NAME = /^[a-z0-9][a-z0-9-]{0,30}$/;

export function modelOperations(parts: ModelParts): readonly Operation[] {
  return [
    { name: "model.list", needsOwner: false, run: async (input) => list(parts, input["check"] === true) },
    { name: "model.pull", needsOwner: true, run: (input, { emit }) => pull(parts, input, emit) },
    modelLibraryOperation(parts),
    { name: "model.remove", needsOwner: true, run: async (input) => remove(parts, text(input, "name")) },
  ];
}

function lockOf({ home }: ModelParts): StackLock {
  const written = readPolicyFiles(home.dir)[LOCK_FILE];
  return written === undefined ? EMPTY_LOCK : parseLock(written, LOCK_FILE);
}

/** Sizes are looked at each time; hashing gigabytes is asked for. */
async function list(parts: ModelParts, isChecked: boolean): Promise<JsonObject> {
  const rows: JsonObject[] = [];
  for (const [name, locked] of Object.entries(parts.policy.current().lock.models ?? {})) {
    const { home } = parts;
    const size = lstatSync(modelFile(home, locked.sha256), { throwIfNoEntry: false })?.size ?? null;
    const quick = size === null ? "it is not here" : size === locked.bytes ? null : "its size is another";
    const drift = isChecked ? await driftOf({ name, locked, home }) : quick;
    rows.push({ name, ...locked, drift, isChecked });
  }
  return { models: rows, hasEngine: parts.hasLlama(), declared: await declaredRows(parts) };
}

async function driftOf(options: Parameters<typeof verifyModel>[0]): Promise<string | null> {
  try {
    await verifyModel(options);
    return null;
  } catch (error) {
    // What differs is the answer here; anything else is not expected.
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

async function pull(parts: ModelParts, input: JsonObject, emit: (event: JsonObject) => void): Promise<JsonObject> {
  const [name, source, sha256] = [text(input, "name"), text(input, "source"), maybeText(input, "sha256")];
  if (!NAME.test(name)) {
    const message = `'${oneLine(name, 60)}' cannot name a model.`;
    throw new Fault("model.name", { message, next: "add --as with lower-case letters, digits and '-'." });
  }
  const progress = (step: string): void => emit({ progress: step });
  const locked = await parts.pullModel({ source, sha256, progress });
  // Read after the download, which may have taken hours.
  const lock = lockOf(parts);
  writeHomeFile(parts, LOCK_FILE, formatLock({ ...lock, models: { ...lock.models, [name]: locked } }));
  const file = modelFile(parts.home, locked.sha256);
  return { name, ...locked, file, hasEngine: parts.hasLlama(), ...planned(parts.policy.proposal()) };
}

/** The bytes stay: an earlier generation may name them. */
function remove(parts: ModelParts, name: string): JsonObject {
  const { models = {}, ...rest } = lockOf(parts);
  if (!Object.hasOwn(models, name)) {
    throw new Fault("model.unknown", {
      message: `there is no model '${oneLine(name, 60)}'.`,
      next: "freehold model list",
    });
  }
  const left = Object.fromEntries(Object.entries(models).filter(([one]) => one !== name));
  writeHomeFile(parts, LOCK_FILE, formatLock(Object.keys(left).length > 0 ? { ...rest, models: left } : rest));
  return planned(parts.policy.proposal());
}
