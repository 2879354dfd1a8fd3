// Open event streams towards clients: one beat for all, a slow reader is dropped before it costs memory.

import type { ServerResponse } from "node:http";
import { sseText } from "./sse.ts";

export interface EventStream {
  /** One JSON text as an event; `id` is what a client names to take the stream up again. */
  send(text: string, id?: string): void;
  /** An event of nothing but its id, and how long to wait before a reconnect (SEP-1699). */
  prime(id: string): void;
  end(): void;
}

export interface Streams {
  /** Null when too many are open. */
  open(response: ServerResponse, onClose: () => void): EventStream | null;
  close(): void;
}

const BEAT_MS = 25_000;
const RETRY_MS = 1000;
const UNREAD_BYTES_MAX = 1024 * 1024;
const HEAD = { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" };

export function createStreams(streamsMax: number): Streams {
  const open = new Set<ServerResponse>();
  const beat = setInterval(() => {
    for (const response of open) write(response, ": \n\n");
  }, BEAT_MS).unref();

  return {
    open(response, onClose) {
      if (open.size >= streamsMax) return null;
      open.add(response);
      response.once("close", () => {
        open.delete(response);
        onClose();
      });
      startEvents(response);
      return {
        send: (text, id) => write(response, `${id === undefined ? "" : `id: ${id}\n`}${sseText(text)}`),
        prime: (id) => write(response, `id: ${id}\nretry: ${RETRY_MS}\ndata: \n\n`),
        end: () => void response.end(),
      };
    },
    close() {
      clearInterval(beat);
      for (const response of open) response.end();
    },
  };
}

export function startEvents(response: ServerResponse): void {
  response.writeHead(200, HEAD);
  response.flushHeaders();
}

function write(response: ServerResponse, text: string): void {
  if (response.writableEnded || response.destroyed) return;
  if (response.writableLength > UNREAD_BYTES_MAX) response.destroy();
  else response.write(text);
}
