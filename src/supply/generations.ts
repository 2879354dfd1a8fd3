// Generations: each is one complete installed state, kept as a small record; one pointer says which of them holds.
// The pointer is the truth and changes by one rename. What lags behind it is caught up at the next start.

import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { atomicWriter, ensureDir, syncDir, type HomePaths } from "../home/index.ts";
import { canonical, digestOf, Fault, isObject, parseStrict, type Digest, type JsonObject } from "../kernel/index.ts";

/** Freehold itself, as it ran when the generation was made. */
export interface Build {
  readonly version: string;
  /** SHA-256 over the list of the files of `dist`. */
  readonly code: Digest;
  /** Kept among the trees; null where it runs as it was installed, at `root`. */
  readonly tree: Digest | null;
  readonly root: string;
}

export type SwitchKind = "first" | "apply" | "rollback" | "update";

export interface Generation {
  readonly number: number;
  /** The one that held when this was made: where a rollback goes. */
  readonly parent: number | null;
  readonly madeAtMs: number;
  readonly why: string;
  /** Of stack.yaml, stack.lock, cards and rules; their texts stand in `.state/accepted`. */
  readonly policy: Digest;
  /** SHA-256 of each of these files, so that a changed byte has a name. */
  readonly files: Readonly<Record<string, Digest>>;
  /** By server. */
  readonly trees: Readonly<Record<string, Digest>>;
  readonly build: Build;
  /** Version of the state's tables. */
  readonly schema: number;
  /** The home's commit that holds the files. */
  readonly commit: string | null;
  /** Facts of the scanner that the owner confirmed. */
  readonly read: readonly string[];
}

/** `.state/generations/current`. */
export interface Pointer {
  readonly generation: number;
  /** The highest number that ever held; a record above it was never switched to. */
  readonly highest: number;
  readonly how: SwitchKind;
  /** A new build that has not been ready yet: where to go back to, and how often it was started. */
  readonly trial: { readonly back: number; readonly tries: number } | null;
  /** A build that was not ready at its first start and was left again. */
  readonly failed: { readonly generation: number; readonly reason: string } | null;
}

export type NewGeneration = Omit<Generation, "number">;

export interface Generations {
  /** Null before the first. Throws Fault `generation.damaged`. */
  pointer(): Pointer | null;
  /** Those that have held, by number. A damaged one is left out; `get` names it. */
  list(): readonly Generation[];
  /** One fault for each record that was changed. */
  broken(): readonly Fault[];
  /** Throws Fault `generation.unknown` or `generation.damaged`. */
  get(number: number): Generation;
  /** Writes the record. Nothing has switched. */
  add(made: NewGeneration): Generation;
  /** The switch: one rename. */
  point(to: number, how: SwitchKind, more?: Partial<Pick<Pointer, "trial" | "failed">>): void;
  remove(number: number): void;
  /** As `writeAtomic`, watched like the rest. */
  readonly write: (file: string, text: string) => void;
  readonly onStep: (step: string) => void;
}

export type GenerationHome = Pick<HomePaths, "generations">;

const FILE = "generation.json";
const NUMBER = /^[1-9]\d{0,8}$/;

/** `onStep` hears after every step on disk; tests kill the process there. */
export function openGenerations(home: GenerationHome, onStep: (step: string) => void = () => undefined): Generations {
  const writeFile = atomicWriter(onStep);
  const folder = (number: number): string => join(home.generations, String(number));
  const pointerFile = join(home.generations, "current");
  const write = (file: string, text: string): void => writeFile(file, text, 0o600);

  const pointer = (): Pointer | null => readPointer(pointerFile);
  const get = (number: number): Generation => readRecord(join(folder(number), FILE), number);

  function numbers(): readonly number[] {
    if (!existsSync(home.generations)) return [];
    const found = readdirSync(home.generations).filter((name) => NUMBER.test(name));
    return found.map(Number).toSorted((a, b) => a - b);
  }

  return {
    pointer,
    get,
    list() {
      const highest = pointer()?.highest ?? 0;
      return numbers().flatMap((number) => (number > highest ? [] : (soundOrNone(() => get(number)) ?? [])));
    },
    broken: () => numbers().flatMap((number) => faultOf(() => get(number)) ?? []),
    add(made) {
      const number = (pointer()?.highest ?? numbers().at(-1) ?? 0) + 1;
      const record: Generation = { ...made, number };
      ensureDir(home.generations, 0o700);
      ensureDir(folder(number), 0o700);
      onStep("made the generation's folder");
      const plain = JSON.parse(JSON.stringify(record)) as JsonObject;
      write(join(folder(number), FILE), `${canonical({ ...plain, digest: digestOf(plain) })}\n`);
      syncDir(home.generations);
      return record;
    },
    point(to, how, more = {}) {
      const highest = Math.max(to, soundOrNone(pointer)?.highest ?? numbers().at(-1) ?? 0);
      const next: Pointer = { generation: to, highest, how, trial: null, failed: null, ...more };
      write(pointerFile, `${JSON.stringify(next)}\n`);
    },
    remove(number) {
      // The record first: a folder without one is no generation.
      rmSync(join(folder(number), FILE), { force: true });
      onStep("removed a record");
      rmSync(folder(number), { recursive: true, force: true });
      onStep("removed a generation's folder");
    },
    write,
    onStep,
  };
}

function readPointer(file: string): Pointer | null {
  if (!existsSync(file)) return null;
  const parsed = parseStrict(readFileSync(file, "utf8"));
  const found = parsed.kind === "value" && isObject(parsed.value) ? pointerIn(parsed.value) : null;
  if (found !== null) return found;
  throw damaged(file, "the pointer to the present generation is no pointer: it was changed");
}

function readRecord(file: string, number: number): Generation {
  if (!existsSync(file)) {
    const message = `there is no generation ${number}.`;
    throw new Fault("generation.unknown", { at: file, message, next: "freehold generations" });
  }
  const parsed = parseStrict(readFileSync(file, "utf8"));
  const record = parsed.kind === "value" && isObject(parsed.value) ? generationIn(parsed.value) : null;
  if (record !== null && record.number === number) return record;
  throw damaged(file, `the record of generation ${number} was changed`);
}

function soundOrNone<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (error instanceof Fault && error.code === "generation.damaged") return null;
    throw error;
  }
}

function faultOf(look: () => unknown): Fault | null {
  try {
    look();
    return null;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

function damaged(at: string, what: string): Fault {
  const next = "freehold doctor, or restore .state/generations from a backup";
  return new Fault("generation.damaged", { at, message: `${what} behind Freehold's back, so nothing may run.`, next });
}

function pointerIn(value: JsonObject): Pointer | null {
  const { generation, highest, how, trial, failed } = value;
  if (typeof generation !== "number" || typeof highest !== "number" || !isKind(how)) return null;
  if (trial === undefined || failed === undefined) return null;
  return { generation, highest, how, trial: trialIn(trial), failed: failedIn(failed) };
}

function trialIn(value: unknown): Pointer["trial"] {
  if (!isObject(value) || typeof value["back"] !== "number" || typeof value["tries"] !== "number") return null;
  return { back: value["back"], tries: value["tries"] };
}

function failedIn(value: unknown): Pointer["failed"] {
  if (!isObject(value) || typeof value["generation"] !== "number" || typeof value["reason"] !== "string") return null;
  return { generation: value["generation"], reason: value["reason"] };
}

function isKind(value: unknown): value is SwitchKind {
  return value === "first" || value === "apply" || value === "rollback" || value === "update";
}

/** Null unless every byte is as it was written: the record carries its own digest. */
function generationIn(value: JsonObject): Generation | null {
  const { digest, ...plain } = value;
  // Only `add` writes records, and the digest covers all of it.
  return digest === digestOf(plain) ? (plain as unknown as Generation) : null;
}
