// Tells open pages that something happened. An event carries no content: the page fetches itself again, as its owner.

import type { OwnerPresence } from "../kernel/index.ts";

export const STREAMS_MAX = 16;
const PULSE_MS = 20_000;

/** Writes one server-sent event; settles when it left, so that a slow reader never gathers a queue. */
export type WriteEvent = (event: string) => Promise<void>;

export interface Stream {
  readonly write: WriteEvent;
  readonly owner: OwnerPresence;
  readonly end: () => void;
}

export interface Live {
  /** False when there are too many. */
  open(stream: Stream): boolean;
  drop(stream: Stream): void;
  close(): void;
}

export interface LiveParts {
  readonly onLedger: (listener: () => void) => () => void;
  readonly nowMs: () => number;
}

/** Listens to the ledger, and ticks, only while somebody looks. */
export function openLive(parts: LiveParts): Live {
  const streams = new Map<Stream, { isWriting: boolean; isStale: boolean }>();
  let quit: (() => void) | null = null;

  function send(stream: Stream, event: string): void {
    const state = streams.get(stream);
    if (state === undefined) return;
    if (!stream.owner.isLive(parts.nowMs())) return finish(stream);
    if (state.isWriting) {
      state.isStale ||= event === "change";
      return;
    }
    state.isWriting = true;
    stream.write(event).then(
      () => {
        state.isWriting = false;
        if (!state.isStale) return;
        state.isStale = false;
        send(stream, "change");
      },
      // The browser went away.
      () => finish(stream),
    );
  }

  function sendAll(event: string): void {
    for (const stream of [...streams.keys()]) send(stream, event);
  }

  function finish(stream: Stream): void {
    drop(stream);
    stream.end();
  }

  function drop(stream: Stream): void {
    streams.delete(stream);
    if (streams.size > 0 || quit === null) return;
    quit();
    quit = null;
  }

  function listen(): () => void {
    const leave = parts.onLedger(() => sendAll("change"));
    const pulse = setInterval(() => sendAll("pulse"), PULSE_MS);
    pulse.unref();
    return () => {
      clearInterval(pulse);
      leave();
    };
  }

  return {
    open(stream) {
      if (streams.size >= STREAMS_MAX) return false;
      streams.set(stream, { isWriting: false, isStale: false });
      quit ??= listen();
      send(stream, "hello");
      return true;
    },
    drop,
    close() {
      for (const stream of [...streams.keys()]) finish(stream);
    },
  };
}
