// Tells that the policy's files may have changed. It never says what; whoever listens reads them again.

import { watch, type FSWatcher } from "node:fs";
import { join } from "node:path";
import { codeOf } from "./atomic.ts";

export interface Watch {
  close(): void;
}

export interface WatchOptions {
  /** Changes that come closer together are told once. */
  readonly quietMs?: number;
}

const QUIET_MS = 150;
const WATCHED = /^(?:stack\.yaml|stack\.lock|rules\.yaml|cards)$|\.yaml$/;

export function watchHome(dir: string, onChange: () => void, { quietMs = QUIET_MS }: WatchOptions = {}): Watch {
  let timer: NodeJS.Timeout | undefined;
  let cards: FSWatcher | null = null;
  let isClosed = false;
  const heard = (name: string | null): void => {
    if (isClosed || (name !== null && !WATCHED.test(name))) return;
    cards ??= open(join(dir, "cards"), heard);
    clearTimeout(timer);
    timer = setTimeout(onChange, quietMs);
    timer.unref();
  };
  const home = open(dir, heard);
  cards = open(join(dir, "cards"), heard);
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
      home?.close();
      cards?.close();
    },
  };
}

function open(dir: string, heard: (name: string | null) => void): FSWatcher | null {
  try {
    const watcher = watch(dir, { persistent: false }, (_, name) => heard(name));
    // A folder that goes away ends its watch; the next change of the home opens it again.
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ENOSPC", "EMFILE"].includes(codeOf(error))) return null;
    throw error;
  }
}
