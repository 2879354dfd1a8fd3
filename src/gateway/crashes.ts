// How often each server ended by itself, how long its next start waits, and when it is held back.

import type { Clock } from "../kernel/index.ts";

export interface Crashes {
  note(server: string): void;
  /** Why it is not started again, or null. */
  heldBack(server: string): string | null;
  /** How long a start waits yet. */
  pauseMs(server: string): number;
  forget(server: string): void;
}

const CRASHES_MAX = 5;
const WINDOW_MS = 10 * 60_000;
/** After that it gets one more try. */
const HELD_MS = 3_600_000;
const PAUSE_FIRST_MS = 250;

export function countCrashes({ nowMs }: Clock): Crashes {
  /** When; the latest last, at most CRASHES_MAX of them. */
  const seen = new Map<string, readonly number[]>();

  function recent(server: string): readonly number[] {
    const all = seen.get(server) ?? [];
    const [first = 0, last = 0] = [all[0], all.at(-1)];
    const isLoop = all.length >= CRASHES_MAX && last - first < WINDOW_MS;
    return all.filter((at) => nowMs() - at < (isLoop ? HELD_MS : WINDOW_MS));
  }

  return {
    note: (server) => void seen.set(server, [...recent(server), nowMs()].slice(-CRASHES_MAX)),
    heldBack(server) {
      if (recent(server).length < CRASHES_MAX) return null;
      return `it ended by itself ${CRASHES_MAX} times within ${WINDOW_MS / 60_000} minutes`;
    },
    pauseMs(server) {
      const times = recent(server);
      const last = times.at(-1);
      if (last === undefined || times.length === 1) return 0;
      return Math.max(0, last + PAUSE_FIRST_MS * 2 ** (times.length - 2) - nowMs());
    },
    forget: (server) => void seen.delete(server),
  };
}
