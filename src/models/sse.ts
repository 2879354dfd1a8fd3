// Server-sent events of models, read with a limit on each message (WHATWG HTML, 9.2.6), and written.

import { StringDecoder } from "node:string_decoder";

export interface SseMessage {
  /** Null where none was named. */
  readonly event: string | null;
  readonly data: string;
}

export interface SseReader {
  /** False once a message is over the limit: what follows is not read. Bytes that are no UTF-8 become U+FFFD. */
  feed(chunk: Buffer): boolean;
}

const NAME_CHARS_MAX = 256;
const BOM = "\uFEFF";

export function createSseReader(messageCharsMax: number, onMessage: (message: SseMessage) => void): SseReader {
  const decoder = new StringDecoder("utf8");
  /** Of a line that has not ended; looked at once, so that a long one costs its length and no more. */
  let pieces: string[] = [];
  let heldChars = 0;
  let data: string[] = [];
  let event: string | null = null;
  let isFirst = true;
  let isOver = false;
  /** The line feed of a pair may come with the next chunk. */
  let wasReturn = false;

  function take(line: string): void {
    if (line === "") {
      if (data.length > 0) onMessage({ event, data: data.join("\n") });
      data = [];
      event = null;
      heldChars = 0;
      return;
    }
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") data.push(value);
    else if (name === "event") event = value === "" ? null : value.slice(0, NAME_CHARS_MAX);
  }

  return {
    feed(chunk) {
      if (isOver) return false;
      let text = decoder.write(chunk);
      if (text === "") return true;
      if (isFirst && text.startsWith(BOM)) text = text.slice(1);
      isFirst = false;
      let start = wasReturn && text.startsWith("\n") ? 1 : 0;
      wasReturn = text.endsWith("\r");
      for (;;) {
        const end = lineEnd(text, start);
        const stop = end === -1 ? text.length : end;
        heldChars += stop - start;
        // A message is many lines, and each has a price even where it is empty of data.
        isOver = heldChars > messageCharsMax;
        if (isOver) return false;
        if (end === -1) break;
        const line = text.slice(start, end);
        take(pieces.length === 0 ? line : pieces.join("") + line);
        pieces = [];
        start = end + (text[end] === "\r" && text[end + 1] === "\n" ? 2 : 1);
      }
      if (start < text.length) pieces.push(text.slice(start));
      return true;
    },
  };
}

function lineEnd(text: string, from: number): number {
  const found = /[\r\n]/g;
  found.lastIndex = from;
  return found.exec(text)?.index ?? -1;
}

/** `data` without carriage returns; several lines are told as several, which is read as one text again. */
export function sseText(data: string, event: string | null = null): string {
  const lines = data.includes("\n") ? data.replaceAll("\n", "\ndata: ") : data;
  return event === null ? `data: ${lines}\n\n` : `event: ${event}\ndata: ${lines}\n\n`;
}
