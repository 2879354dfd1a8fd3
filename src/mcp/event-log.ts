// What a legacy session was told on its streams, kept for a while and within limits: a client whose connection broke
// takes a stream up again where it was (2025-11-25, transports, resumability).

import type { EventStream } from "./streams.ts";

export interface EventLog {
  /** Its events get ids, also while nobody listens. */
  open(sink: EventStream | null): LoggedStream;
  /** Plays what came after that event to the sink, which then gets what follows. False: that stream is forgotten. */
  resume(lastEventId: string, sink: EventStream): boolean;
}

export interface LoggedStream {
  send(text: string): void;
  /** From now on to this one, without what came before; null when it has gone. */
  attach(sink: EventStream | null): void;
  isOn(sink: EventStream): boolean;
  end(): void;
}

const EVENTS_MAX = 256;
/** A thousand sessions may keep as much. */
const CHARS_MAX = 256 * 1024;
const STREAMS_MAX = 128;
const EVENT_ID = /^(\d{1,9})-(\d{1,9})$/;

interface Kept {
  readonly stream: number;
  readonly turn: number;
  readonly text: string;
}

interface Stream {
  sink: EventStream | null;
  turn: number;
  hasEnded: boolean;
}

/** `primes` for clients that know events without content. */
export function createEventLog(primes: boolean): EventLog {
  const streams = new Map<number, Stream>();
  const kept = keptEvents();
  let lastStream = 0;

  function forgetEnded(): void {
    for (const [number, stream] of streams) {
      if (streams.size <= STREAMS_MAX) return;
      if (stream.hasEnded) streams.delete(number);
    }
  }

  return {
    open(sink) {
      lastStream += 1;
      const number = lastStream;
      const stream: Stream = { sink, turn: 0, hasEnded: false };
      streams.set(number, stream);
      forgetEnded();
      if (primes) sink?.prime(`${number}-0`);
      return {
        send(text) {
          stream.turn += 1;
          kept.add({ stream: number, turn: stream.turn, text });
          stream.sink?.send(text, `${number}-${stream.turn}`);
        },
        attach(to) {
          if (stream.sink !== to) stream.sink?.end();
          stream.sink = to;
          if (primes) to?.prime(`${number}-${stream.turn}`);
        },
        isOn: (given) => stream.sink === given,
        end() {
          stream.hasEnded = true;
          stream.sink?.end();
        },
      };
    },
    resume(lastEventId, sink) {
      const [, number, turn] = (EVENT_ID.exec(lastEventId) ?? []).map(Number);
      const stream = number === undefined ? undefined : streams.get(number);
      if (stream === undefined || turn === undefined) return false;
      if (stream.sink !== sink) stream.sink?.end();
      stream.sink = sink;
      for (const event of kept.all()) {
        if (event.stream === number && event.turn > turn) sink.send(event.text, `${number}-${event.turn}`);
      }
      if (stream.hasEnded) sink.end();
      return true;
    },
  };
}

/** The latest, within limits. */
function keptEvents(): { add(event: Kept): void; all(): readonly Kept[] } {
  let events: Kept[] = [];
  let chars = 0;
  return {
    all: () => events,
    add(event) {
      events.push(event);
      chars += event.text.length;
      let gone = 0;
      while (events.length - gone > EVENTS_MAX || chars > CHARS_MAX) {
        chars -= events[gone]?.text.length ?? 0;
        gone += 1;
      }
      if (gone > 0) events = events.slice(gone);
    },
  };
}
