// Writing into other programs' files: a backup, a note in the journal, then the file as a whole; and all of it back.

import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { Fault, isObject, parseStrict, reasonOf, sha256, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { diffOf, disconnectClient, ENTRY_NAME, type ConfigEdit, type Step } from "./connect.ts";
import { readText, targetOf, type ClientConfig } from "./find.ts";
import { CLIENT_IDS, formatOf, type ClientId } from "./formats.ts";
import { changedJson } from "./json.ts";
import { serversIn } from "./servers.ts";
import { changedConfig, readConfig, valueAt, type ConfigText } from "./syntax.ts";

export const SEALED_BACKUP = ".age";

export interface JournalEntry {
  readonly id: string;
  readonly client: ClientId;
  readonly file: string;
  /** Null when there was no file before. */
  readonly backup: string | null;
  readonly atMs: number;
  /** SHA-256 of what was written. */
  readonly after: string;
  readonly steps: readonly Step[];
}

export interface Undone {
  readonly entry: JournalEntry;
  /**
   * `restored`: byte for byte; `merged`: the program had changed its file since, so only our change was taken back;
   * `partly`: the same, but without the backup, so what our change had replaced did not come back.
   */
  readonly how: "restored" | "merged" | "partly" | "gone";
}

/** Throws `clients.changed` when the file is no longer what the diff was made from. */
export function applyEdit(
  edit: ConfigEdit,
  options: { readonly journal: string; readonly nowMs: number },
): JournalEntry {
  if (readText(edit.file) !== edit.before) {
    throw new Fault("clients.changed", {
      at: edit.file,
      message: "the file was changed after its diff was shown, so nothing was written.",
      next: "Close the program and try again.",
    });
  }
  const id = `${options.nowMs}-${randomBytes(3).toString("hex")}`;
  const target = targetOf(edit.file);
  const time = new Date(options.nowMs).toISOString().replaceAll(/[:.]/g, "-");
  let backup: string | null = null;
  if (edit.before !== null) {
    backup = `${target}.freehold-backup-${time}`;
    for (let number = 2; existsSync(backup); number += 1) backup = `${target}.freehold-backup-${time}-${number}`;
    writeWhole(backup, readFileSync(target), target);
  }
  const { client, file, steps } = edit;
  const entry = { id, client, file, backup, atMs: options.nowMs, after: sha256(edit.after), steps };
  writeJournal(options.journal, [...readJournal(options.journal), entry]);
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  writeWhole(target, edit.after, target);
  return entry;
}

/** Takes back what the journal holds, newest first; `wanted` picks. An entry leaves the journal when it is undone. */
export function undoEdits(journal: string, wanted: (entry: JournalEntry) => boolean = () => true): readonly Undone[] {
  const undone: Undone[] = [];
  for (const entry of readJournal(journal).toReversed().filter(wanted)) {
    undone.push({ entry, how: undo(entry) });
    writeJournal(
      journal,
      readJournal(journal).filter((other) => other.id !== entry.id),
    );
    if (entry.backup !== null) rmSync(entry.backup, { force: true });
  }
  return undone;
}

function undo(entry: JournalEntry): Undone["how"] {
  const target = targetOf(entry.file);
  const now = readText(entry.file);
  const before = entry.backup === null || isSealedBackup(entry) ? null : readText(entry.backup);
  if (now === null) {
    if (before === null) return "gone";
    writeWhole(target, before, entry.backup ?? target);
    return "restored";
  }
  if (sha256(now) === entry.after) {
    if (entry.backup === null) rmSync(target);
    else if (before !== null) writeWhole(target, before, target);
    else return merge(entry, { now, before, target });
    return "restored";
  }
  return merge(entry, { now, before, target });
}

interface Merge {
  readonly now: string;
  /** Null when there was no file, or its backup is gone. */
  readonly before: string | null;
  readonly target: string;
}

function merge(entry: JournalEntry, { now, before, target }: Merge): Undone["how"] {
  const { syntax } = formatOf(entry.client);
  const { file } = entry;
  const old = before === null ? {} : readConfig({ file, syntax, text: before });
  let text = now;
  for (const step of entry.steps.toReversed()) text = stepBack({ file, syntax, text }, step, old);
  if (text !== now) writeWhole(target, text, target);
  const isLost = before === null && entry.steps.some((step) => step.kind === "set" && step.existed);
  return isLost ? "partly" : "merged";
}

function stepBack(config: ConfigText, step: Step, old: JsonObject): string {
  const { text } = config;
  const { path } = step;
  const present = valueAt(readConfig(config), path);
  if (step.kind === "set") {
    const value = valueAt(old, path);
    return present === undefined && value === undefined ? text : changedConfig(config, { path, value });
  }
  const index = Array.isArray(present) ? present.findIndex((item: JsonValue) => item === step.value) : -1;
  return index === -1 ? text : changedJson(text, [...path, index], undefined);
}

/** Taking Freehold's entry out of a file, by the whole file where nobody else has changed it since. */
export type Disconnect =
  | { readonly kind: "edit"; readonly edit: ConfigEdit }
  | { readonly kind: "restore"; readonly ids: readonly string[]; readonly diff: string };

/** Null when the file holds no entry of Freehold's. */
export function planDisconnect(config: ClientConfig, journal: string): Disconnect | null {
  const edit = disconnectClient(config);
  if (edit === null) return null;
  const chain = connectsOf(config.file, edit.before, readJournal(journal));
  const first = chain.at(-1);
  const before = first === undefined || first.backup === null ? null : readText(first.backup);
  const isClean = before === null || !serversIn(config, before).some((server) => server.isFreehold);
  if (first === undefined || !isClean || (first.backup !== null && before === null)) return { kind: "edit", edit };
  const values = serversIn(config, edit.before ?? "").flatMap((server) => [
    ...Object.values(server.isFreehold ? server.env : {}),
    ...server.plainSecrets.map((secret) => secret.value),
  ]);
  const diff = diffOf({ file: config.file, before: edit.before, after: before, values });
  return { kind: "restore", ids: chain.map(({ id }) => id), diff };
}

/** The newest changes of a file that did nothing but connect it, each on top of the other. */
function connectsOf(file: string, now: string | null, journal: readonly JournalEntry[]): readonly JournalEntry[] {
  const chain: JournalEntry[] = [];
  let text = now;
  for (const entry of journal.filter((each) => each.file === file).toReversed()) {
    const isConnect = entry.steps.every((step) => step.kind === "set" && step.path.at(-1) === ENTRY_NAME);
    if (text === null || !isConnect || sha256(text) !== entry.after || isSealedBackup(entry)) break;
    chain.push(entry);
    text = entry.backup === null ? null : readText(entry.backup);
  }
  return chain;
}

export function isSealedBackup({ backup }: JournalEntry): boolean {
  return backup !== null && backup.endsWith(SEALED_BACKUP);
}

export function replaceEntry(journal: string, changed: JournalEntry): void {
  const entries = readJournal(journal).map((entry) => (entry.id === changed.id ? changed : entry));
  writeJournal(journal, entries);
}

/** Beside the target, then renamed over it, with the mode and owner of `like`; private where there is no such file. */
export function writeWhole(target: string, bytes: string | Uint8Array, like: string): void {
  const temporary = `${target}.${randomBytes(4).toString("hex")}.tmp`;
  const info = lstatSync(like, { throwIfNoEntry: false });
  try {
    const handle = openSync(temporary, "wx", 0o600);
    try {
      writeFileSync(handle, bytes);
      fchmodSync(handle, info === undefined ? 0o600 : info.mode & 0o7777);
      if (info !== undefined && process.getuid?.() === 0) fchownSync(handle, info.uid, info.gid);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new Fault("clients.write-failed", {
      at: target,
      message: `it could not be written: ${reasonOf(error)}. It is as it was.`,
      next: "Look at the folder's owner and the free space.",
      cause: error,
    });
  }
}

export function readJournal(journal: string): readonly JournalEntry[] {
  const text = readText(journal);
  if (text === null) return [];
  const parsed = parseStrict(text);
  const entries = parsed.kind === "value" && isObject(parsed.value) ? parsed.value["entries"] : undefined;
  if (!Array.isArray(entries)) {
    throw new Fault("clients.journal", {
      at: journal,
      message: "the journal of changes to other programs cannot be read.",
      next: "The backups lie beside the files they are of, named *.freehold-backup-*.",
    });
  }
  return entries.flatMap((entry: JsonValue) => entryOf(entry) ?? []);
}

function writeJournal(journal: string, entries: readonly JournalEntry[]): void {
  mkdirSync(dirname(journal), { recursive: true, mode: 0o700 });
  writeWhole(journal, `${JSON.stringify({ version: 1, entries }, null, 2)}\n`, journal);
}

function entryOf(value: JsonValue): JournalEntry | null {
  if (!isObject(value)) return null;
  const client = CLIENT_IDS.find((id) => id === value["client"]);
  const { id, file, backup, atMs, after, steps } = value;
  if (client === undefined || typeof id !== "string" || typeof file !== "string" || typeof after !== "string")
    return null;
  if (typeof atMs !== "number" || !Array.isArray(steps) || (backup !== null && typeof backup !== "string")) return null;
  return { id, client, file, backup, atMs, after, steps: steps.flatMap((step: JsonValue) => stepOf(step) ?? []) };
}

function stepOf(step: JsonValue): Step | null {
  if (!isObject(step) || !Array.isArray(step["path"])) return null;
  const path = step["path"].filter((key: JsonValue) => typeof key === "string");
  if (step["kind"] === "item" && typeof step["value"] === "string") return { kind: "item", path, value: step["value"] };
  if (step["kind"] !== "set") return null;
  return { kind: "set", path, existed: step["existed"] === true };
}
