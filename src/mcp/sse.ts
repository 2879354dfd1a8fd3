// Server-sent events, read with a limit on each event (WHATWG HTML, 9.2.6), and written.

import { StringDecoder } from "node:string_decoder";

export interface SseEvent {
  readonly data: string;
  /** `message` where the server named none. */
  readonly type: string;
}

export interface SseReader {
  /** False when an event is over the limit: stop reading then. */
  feed(chunk: Buffer): boolean;
  /** What Last-Event-ID would say; null when the server named none that a header can carry. */
  lastEventId(): string | null;
  /** How long the server wants to be left alone before a reconnect; null when it said nothing. */
  retryMs(): number | null;
}

const EVENT_ID_MAX = 1024;

export function createSseReader(eventCharsMax: number, onEvent: (event: SseEvent) => void): SseReader {
  const decoder = new StringDecoder("utf8");
  /** Of a line that has not ended: looked at once, so that a long event costs its length and no more. */
  let parts: string[] = [];
  let partsLength = 0;
  let data: string[] = [];
  let held = 0;
  let type = "";
  let lastId: string | null = null;
  let retryMs: number | null = null;

  function field(line: string): void {
    if (line === "") {
      if (data.length > 0) onEvent({ data: data.join("\n"), type: type === "" ? "message" : type });
      data = [];
      held = 0;
      type = "";
      return;
    }
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") {
      data.push(value);
      held += value.length;
    } else if (name === "event") type = value.slice(0, EVENT_ID_MAX);
    else if (name === "id") lastId = isEventId(value) ? value : null;
    else if (name === "retry" && /^\d{1,9}$/.test(value)) retryMs = Number(value);
  }

  return {
    lastEventId: () => lastId,
    retryMs: () => retryMs,
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

function isEventId(value: string): boolean {
  return value.length <= EVENT_ID_MAX && /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value);
}

/** `text` is one line of JSON. */
export function sseText(text: string): string {
  return `event: message\ndata: ${text}\n\n`;
}
