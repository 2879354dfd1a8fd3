// Server-sent events, read with a limit on each event (WHATWG HTML, 9.2.6), and written.

import { StringDecoder } from "node:string_decoder";

export interface SseEvent {
  readonly data: string;
}

export interface SseReader {
  /** False when an event is over the limit: stop reading then. */
  feed(chunk: Buffer): boolean;
}

export function createSseReader(eventCharsMax: number, onEvent: (event: SseEvent) => void): SseReader {
  const decoder = new StringDecoder("utf8");
  /** Of a line that has not ended: looked at once, so that a long event costs its length and no more. */
  let parts: string[] = [];
  let partsLength = 0;
  let data: string[] = [];
  let held = 0;

  function field(line: string): void {
    if (line === "") {
      if (data.length > 0) onEvent({ data: data.join("\n") });
      data = [];
      held = 0;
      return;
    }
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name !== "data") return;
    data.push(value);
    held += value.length;
  }

  return {
    feed(chunk) {
      const text = decoder.write(chunk);
      let start = 0;
      for (;;) {
        const end = text.indexOf("\n", start);
        if (end === -1) break;
        const line = parts.join("") + text.slice(start, end);
        field(line.endsWith("\r") ? line.slice(0, -1) : line);
        parts = [];
        partsLength = 0;
        start = end + 1;
        if (held > eventCharsMax) return false;
      }
      parts.push(text.slice(start));
      partsLength += text.length - start;
      return held + partsLength <= eventCharsMax;
    },
  };
}

/** `text` is one line of JSON. */
export function sseText(text: string): string {
  return `event: message\ndata: ${text}\n\n`;
}
