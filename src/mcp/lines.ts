// Lines out of a byte stream, with a limit that holds before a line is complete.

import type { Readable } from "node:stream";

const NEWLINE = 0x0a;

export interface LineEnds {
  onLine(line: string): void;
  /** A line grew past the limit. Reading has stopped; what came is thrown away. */
  onTooLong(): void;
  onEnd(reason: string): void;
}

/** Returns the way to stop reading; the stream is destroyed then, so the writer feels it. */
export function readLines(stream: Readable, bytesMax: number, ends: LineEnds): () => void {
  let parts: Buffer[] = [];
  let held = 0;
  let stopped = false;

  function stop(): void {
    if (stopped) return;
    stopped = true;
    parts = [];
    stream.off("data", take);
    stream.destroy();
  }

  function take(chunk: Buffer): void {
    let start = 0;
    while (!stopped) {
      const end = chunk.indexOf(NEWLINE, start);
      const length = (end === -1 ? chunk.length : end) - start;
      if (held + length > bytesMax) {
        stop();
        ends.onTooLong();
        return;
      }
      if (end === -1) {
        if (length > 0) parts.push(chunk.subarray(start));
        held += length;
        return;
      }
      const line = lineOf(chunk.subarray(start, end));
      start = end + 1;
      if (line !== "") ends.onLine(line);
    }
  }

  function lineOf(last: Buffer): string {
    const bytes = parts.length === 0 ? last : Buffer.concat([...parts, last]);
    parts = [];
    held = 0;
    return bytes.toString("utf8").trim();
  }

  stream.on("data", take);
  stream.on("error", (error: Error) => {
    if (!stopped) ends.onEnd(error.message);
  });
  stream.once("end", () => {
    if (!stopped) ends.onEnd("its output ended");
  });
  stream.once("close", () => {
    if (!stopped) ends.onEnd("its output was closed");
  });
  return stop;
}
