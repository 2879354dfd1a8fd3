// Group commit: a promise that resolves when everything committed so far is on disk, without blocking the event loop.

import { closeSync, fdatasync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { Fault } from "../kernel/index.ts";

export interface Durability {
  readonly durable: () => Promise<void>;
  close(): void;
}

/**
 * Why syncing the write-ahead log alone is enough: a committed transaction is either in the log, or a checkpoint moved
 * it. With synchronous=NORMAL a checkpoint syncs the log before it copies pages, and syncs the main file before the log
 * may be reset or truncated (sqlite.org/wal.html, walCheckpoint in wal.c). So at any moment between the commit and the
 * end of our sync, what the log no longer holds has been synced elsewhere. The log is one inode for as long as we keep
 * a connection (only the last connection to close removes it), so one descriptor serves; SQLite takes its locks on the
 * main and the -shm file, so closing ours drops none. The folder is synced once, after the log was made.
 * fdatasync also writes the length; it leaves out only times, and on macOS it is F_FULLFSYNC.
 */
export function durabilityOf(options: { readonly file: string; readonly commits: () => number }): Durability {
  const { file, commits } = options;
  const log = openSync(`${file}-wal`, "r");
  syncFolder(dirname(file));
  let synced = -1;
  let running: Promise<void> | null = null;
  let queued: Promise<void> | null = null;
  let broken: Fault | null = null;
  let isClosed = false;

  function start(): Promise<void> {
    const upTo = commits();
    const run = new Promise<void>((resolve, reject) => {
      fdatasync(log, (error) => {
        running = null;
        if (isClosed) closeSync(log);
        if (error === null) {
          synced = upTo;
          resolve();
          return;
        }
        // After a failed sync the system may drop the pages and report success next time: never trust it again.
        broken = new Fault("store.not-durable", {
          at: file,
          message: "the disk did not confirm a write; nothing that must be on disk is started any more.",
          next: "check the disk, then restart Freehold",
          cause: error,
        });
        reject(broken);
      });
    });
    running = run;
    return run;
  }

  async function afterRunning(first: Promise<void>): Promise<void> {
    // A failure of the first is recorded in `broken` and answered below.
    await first.catch(() => undefined);
    queued = null;
    if (broken !== null) throw broken;
    return running ?? start();
  }

  return {
    durable() {
      if (broken !== null) return Promise.reject(broken);
      if (synced === commits()) return Promise.resolve();
      if (running === null) return start();
      queued ??= afterRunning(running);
      return queued;
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      broken ??= new Fault("store.closed", { at: file, message: "the state was closed before the disk confirmed." });
      if (running === null) closeSync(log);
    },
  };
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
