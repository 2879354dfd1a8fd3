// Model files of the lock, each run by a child of its own while somebody asks it.

import { join } from "node:path";
import { Fault, reasonOf } from "../kernel/index.ts";
import type { LockedModel } from "../manifest/index.ts";
import {
  currentModel,
  openEngineModel,
  type EngineModel,
  type LocalModel,
  type ModelDeclaration,
} from "../models/index.ts";
import type { SandboxProbe } from "../sandbox/index.ts";
import { llamaFolder, modelFile, modelsFolder, openModelChecks } from "../supply/index.ts";
import type { DaemonState } from "./state.ts";

/** Where the owner wrote none: what a small machine has memory for. */
const CONTEXT_TOKENS = 8_192;

export interface LocalModels {
  open(name: string, declared: ModelDeclaration): LocalModel;
  close(): Promise<void>;
}

interface Opened {
  /** What it was opened for. */
  readonly written: string;
  readonly model: EngineModel;
}

export function openLocalModels(state: DaemonState, probe: () => Promise<SandboxProbe>): LocalModels {
  const { home, active, clock } = state;
  const opened = new Map<string, Opened>();
  const check = openModelChecks(home);

  /** Another file in the lock is another model; the child of the one before ends. */
  function current(name: string, declared: ModelDeclaration): EngineModel {
    const { models = {} } = active().lock;
    const locked = Object.hasOwn(models, declared.model) ? models[declared.model] : undefined;
    if (locked === undefined)
      throw new Fault("model.unknown", { message: `there is no model file ${declared.model}.` });
    const written = JSON.stringify([declared, locked.sha256]);
    const known = opened.get(name);
    if (known?.written === written) return known.model;
    known?.model.close().catch((error: unknown) => process.stderr.write(`${name}: ${reasonOf(error)}\n`));
    const model = openFile(name, declared, locked);
    opened.set(name, { written, model });
    return model;
  }

  function openFile(name: string, declared: ModelDeclaration, locked: LockedModel): EngineModel {
    return openEngineModel({
      name,
      file: modelFile(home, locked.sha256),
      bytes: locked.bytes,
      sha256: locked.sha256,
      contextTokens: declared.context ?? CONTEXT_TOKENS,
      outputTokensMax: declared.maxOutput,
      verify: () => check({ name: declared.model, locked }),
      library: () => llamaFolder(home),
      probe,
      protect: [home.stateDir, join(home.dir, ".git")],
      installed: [home.trees, modelsFolder(home)],
      nowMs: clock.nowMs,
    });
  }

  return {
    open: (name, declared) => currentModel(() => current(name, declared)),
    async close() {
      await Promise.all([...opened.values()].map(({ model }) => model.close()));
    },
  };
}
