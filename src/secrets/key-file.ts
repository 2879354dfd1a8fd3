// The key that opens the secrets, in its 0600 file: as it is, or under a passphrase.
// Invariant: under a passphrase the key is in memory alone, and only between unlock() and lock().

import { Fault } from "../kernel/index.ts";
import { isSealedKey, openKey, sealKey } from "./passphrase.ts";
import { readPrivate, writePrivate } from "./private-files.ts";

export interface KeyFile {
  readonly path: string;
  /** Where there is none yet. */
  create(make: () => Promise<string>): Promise<void>;
  /** Empty when the file holds none. Faults: `secrets.locked`. */
  readonly identity: () => string;
  readonly isLocked: () => boolean;
  /** Puts the key under a passphrase, or takes that away with null; leaves it unlocked. Faults: `secrets.locked`. */
  protect(passphrase: string | null): Promise<void>;
  /** False when it is not the passphrase. */
  unlock(passphrase: string): Promise<boolean>;
  /** False when there is no passphrase to ask for again. */
  readonly lock: () => boolean;
}

export function openKeyFile(path: string): KeyFile {
  let unlocked: string | null = null;
  const isLocked = (): boolean => unlocked === null && isSealedKey(readPrivate(path));

  function identity(): string {
    if (unlocked !== null) return unlocked;
    if (!isLocked()) return keyIn(readPrivate(path)?.toString() ?? "");
    throw new Fault("secrets.locked", { message: "the secrets are locked.", next: "freehold secret unlock" });
  }

  return {
    path,
    identity,
    isLocked,
    async create(make) {
      if (readPrivate(path) === null) writePrivate(path, `${await make()}\n`);
    },
    async protect(passphrase) {
      const key = identity();
      writePrivate(path, passphrase === null ? `${key}\n` : await sealKey(key, passphrase));
      unlocked = passphrase === null ? null : key;
    },
    async unlock(passphrase) {
      const text = await openKey(readPrivate(path), passphrase);
      if (text !== null) unlocked = keyIn(text);
      return text !== null;
    },
    lock() {
      unlocked = null;
      return isLocked();
    },
  };
}

function keyIn(text: string): string {
  return /^AGE-SECRET-KEY-\S+$/m.exec(text)?.[0] ?? "";
}
