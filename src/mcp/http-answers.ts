// What comes back from a server behind HTTP: one body or a stream of events, both with limits, and what a status says.

import type { IncomingMessage } from "node:http";
import { parseIncoming, type Message } from "./messages.ts";
import { createSseReader, type SseReader } from "./sse.ts";

/** How an exchange ended; later calls mean nothing. `isFinal`: taking it up again would not help. */
export type Ended = (end: { readonly reason: string; readonly status?: number; readonly isFinal?: boolean }) => void;

export function readStream(options: {
  readonly response: IncomingMessage;
  readonly charsMax: number;
  readonly ended: Ended;
  readonly onMessage: (message: Message) => void;
}): SseReader {
  const { response, charsMax, ended, onMessage } = options;
  const reader = createSseReader(charsMax, (event) => {
    for (const message of messagesIn(event.data)) onMessage(message);
  });
  response.on("data", (chunk: Buffer) => {
    if (reader.feed(chunk)) return;
    ended({ reason: `the server sent a message over ${charsMax} bytes`, isFinal: true });
    response.destroy();
  });
  response.once("error", (error) => ended({ reason: `the stream broke: ${error.message}` }));
  response.once("end", () => ended({ reason: "the stream ended without an answer" }));
  return reader;
}

export function messagesIn(text: string): readonly Message[] {
  const incoming = parseIncoming(text);
  return incoming.kind === "messages" ? incoming.messages : [];
}

/** A refusal of the whole HTTP request may come without our id. One that is about access or a fault stays a status. */
export function forCall(message: Message, id: number, status: number): Message {
  const isRefusal = status >= 400 && status < 500 && status !== 401 && status !== 403;
  if (message.kind !== "reply" || message.id !== null || !isRefusal) return message;
  return { kind: "reply", id, reply: message.reply };
}

export function sessionIdOf(response: IncomingMessage): string | null {
  const value = response.headers["mcp-session-id"];
  return typeof value === "string" && /^[\x21-\x7e]{1,256}$/.test(value) ? value : null;
}

export function explain(status: number, type: string): { reason: string; status: number } {
  if (status >= 300 && status < 400) return { reason: `HTTP ${status}: redirects are not followed`, status };
  if (status === 401) return { reason: "HTTP 401: the server asks for authorisation", status };
  if (status >= 400) return { reason: `HTTP ${status}`, status };
  return { reason: `HTTP ${status} (${type.slice(0, 80) || "no content type"}) carried no answer`, status };
}

/** Null: over the limit; the connection is gone then. */
export function readBody(response: IncomingMessage, bytesMax: number, done: (text: string | null) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= bytesMax) chunks.push(chunk);
    else {
      done(null);
      response.destroy();
    }
  });
  response.once("error", () => undefined);
  response.once("end", () => done(Buffer.concat(chunks).toString("utf8")));
}
