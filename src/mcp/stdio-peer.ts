// An upstream server behind a pair of pipes: one JSON-RPC message a line. Starting and killing it is the caller's.

import type { Readable, Writable } from "node:stream";
import { oneLine } from "../kernel/index.ts";
import { readLines } from "./lines.ts";
import { parseIncoming } from "./messages.ts";
import { PeerCore, type Peer } from "./peer.ts";

export interface StdioPeerOptions {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Largest message either way. A longer line breaks the peer before it is read whole. */
  readonly messageBytesMax: number;
  /** Each line on stdout that is no message of the protocol, one line, cut. */
  readonly onNoise: (line: string) => void;
}

/** In a row. Servers that print a banner or a log line are common; one that only prints is broken. */
export const NOISE_LINES_MAX = 100;
const NOISE_SHOWN_MAX = 300;

export function openStdioPeer(options: StdioPeerOptions): Peer {
  const { stdin, stdout, messageBytesMax, onNoise } = options;
  let noiseLines = 0;
  let pending = "";

  function write(text: string): void {
    if (text.length > messageBytesMax) return core.end(`a message of ${text.length} characters is over the limit`);
    if (stdin.writableLength > messageBytesMax) return core.end("the server does not read its input");
    if (pending.length > messageBytesMax) flush();
    // What is sent in one turn of the event loop goes out in one write: a pipe costs by the write.
    if (pending === "") process.nextTick(flush);
    pending += `${text}\n`;
  }

  function flush(): void {
    const text = pending;
    pending = "";
    if (text !== "" && stdin.writable) stdin.write(text);
  }

  const core: PeerCore = new PeerCore({
    transport: "stdio",
    sendRequest: (request) => write(request.text),
    sendOther: (text) => write(text),
    drop: () => undefined,
    speak: () => undefined,
    mirror: () => undefined,
    openStream: () => undefined,
    shut() {
      stopReading();
      flush();
      // End of input is how a stdio server is told to go (2025-11-25, lifecycle).
      stdin.end();
    },
  });

  function onLine(line: string): void {
    const incoming = parseIncoming(line);
    if (incoming.kind === "noise") return heardNoise(line);
    for (const message of incoming.messages) {
      if (core.accept(message) === "unknown") heardNoise(line);
      else noiseLines = 0;
    }
  }

  function heardNoise(line: string): void {
    noiseLines += 1;
    onNoise(oneLine(line, NOISE_SHOWN_MAX));
    if (noiseLines >= NOISE_LINES_MAX) core.end(`${NOISE_LINES_MAX} lines on stdout were no messages of the protocol`);
  }

  stdin.on("error", (error) => core.end(`the server's input broke: ${error.message}`));
  const stopReading = readLines(stdout, messageBytesMax, {
    onLine,
    onTooLong: () => core.end(`the server sent a message over ${messageBytesMax} bytes`),
    onEnd: (reason) => core.end(`the server went away: ${reason}`),
  });
  if (stdout.destroyed || stdout.readableEnded) core.end("the server went away: its output was closed");
  return core;
}
