// Backups of other programs' files, sealed for who wants a way back but no tokens in plain text beside the file.

import { existsSync, rmSync } from "node:fs";
import { Fault } from "../kernel/index.ts";
import { readBytes, readText } from "./find.ts";
import { formatOf } from "./formats.ts";
import { isSealedBackup, readJournal, replaceEntry, SEALED_BACKUP, writeWhole, type JournalEntry } from "./journal.ts";
import { serversIn } from "./servers.ts";

/** How many tokens the backup of this change holds in plain text. */
export function plainTokens({ client, file, backup }: JournalEntry): number {
  const text = backup === null || backup.endsWith(SEALED_BACKUP) ? null : readText(backup);
  if (text === null) return 0;
  const config = { client, file, scope: "user", syntax: formatOf(client).syntax } as const;
  return serversIn(config, text).reduce((sum, server) => sum + server.plainSecrets.length, 0);
}

export interface Sealing {
  readonly journal: string;
  readonly id: string;
  readonly passphrase: string;
  /** scrypt's cost as a power of two; left out, age's own. */
  readonly workFactor?: number;
}

/** `age -d FILE` opens it with the passphrase. Answers where it is. */
export async function sealBackup({ journal, id, passphrase, workFactor }: Sealing): Promise<string | null> {
  const entry = entryOf(journal, id);
  if (entry.backup === null || isSealedBackup(entry)) return entry.backup;
  const plain = readBytes(entry.backup);
  if (plain === null) return null;
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  if (workFactor !== undefined) encrypter.setScryptWorkFactor(workFactor);
  const sealed = `${entry.backup}${SEALED_BACKUP}`;
  writeWhole(sealed, await encrypter.encrypt(plain), entry.backup);
  replaceEntry(journal, { ...entry, backup: sealed });
  rmSync(entry.backup);
  return sealed;
}

/** Back to a plain file, for undoing. Throws `clients.passphrase` when it does not open. */
export async function unsealBackup({ journal, id, passphrase }: Sealing): Promise<void> {
  const entry = entryOf(journal, id);
  const bytes = entry.backup === null || !isSealedBackup(entry) ? null : readBytes(entry.backup);
  if (entry.backup === null || bytes === null) return;
  const { Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase);
  let plain: Uint8Array;
  try {
    plain = await decrypter.decrypt(bytes);
  } catch (error) {
    const message = "this passphrase does not open the backup. Nothing was changed.";
    throw new Fault("clients.passphrase", { at: entry.backup, message, next: "Try again.", cause: error });
  }
  const open = entry.backup.slice(0, -SEALED_BACKUP.length);
  writeWhole(open, plain, entry.backup);
  replaceEntry(journal, { ...entry, backup: open });
  rmSync(entry.backup);
}

/** Without it undoing can only take Freehold's own entry out. */
export function deleteBackup(journal: string, id: string): void {
  const { backup } = entryOf(journal, id);
  if (backup !== null && existsSync(backup)) rmSync(backup);
}

function entryOf(journal: string, id: string): JournalEntry {
  const found = readJournal(journal).find((entry) => entry.id === id);
  if (found === undefined)
    throw new Fault("clients.journal", { at: journal, message: "it no longer holds this change." });
  return found;
}
