// Servers of 2024-11-05 behind HTTP+SSE: one stream for all they say, which names the address that they are asked at.

import type { IncomingMessage } from "node:http";
import { messagesIn } from "./http-answers.ts";
import type { Listening } from "./http-exchange.ts";
import type { Message } from "./messages.ts";
import { createSseReader } from "./sse.ts";

const ENDPOINT_WITHIN_MS = 10_000;

/** What such a server says to a POST where its stream is. */
export function isOldRefusal(status: number): boolean {
  return status === 400 || status === 404 || status === 405;
}

/** Null when this is no such server. The address is of the server's own origin, or it is not taken. */
export function openOldStream(options: {
  readonly url: URL;
  readonly charsMax: number;
  /** Starts the GET. */
  readonly start: (listening: Listening) => void;
  readonly onMessage: (message: Message) => void;
  /** After the address was found: nothing more can be heard. */
  readonly ended: (reason: string) => void;
}): Promise<URL | null> {
  const { url, charsMax, start, onMessage, ended } = options;
  const found = Promise.withResolvers<URL | null>();
  let stream: IncomingMessage | null = null;
  let isOpen = false;

  function close(reason: string): void {
    clearTimeout(timer);
    stream?.destroy();
    if (isOpen) ended(reason);
    else found.resolve(null);
  }

  function open(endpoint: URL | null): void {
    if (isOpen) return;
    if (endpoint === null || endpoint.origin !== url.origin) return close("no address of its own");
    clearTimeout(timer);
    isOpen = true;
    found.resolve(endpoint);
  }

  const timer = setTimeout(() => close("no address"), ENDPOINT_WITHIN_MS);
  start({
    ended: ({ reason }) => close(reason),
    onResponse(response) {
      stream = response;
      const isEvents = (response.headers["content-type"] ?? "").startsWith("text/event-stream");
      if (response.statusCode !== 200 || !isEvents) return close("no stream");
      const reader = createSseReader(charsMax, (event) => {
        if (event.type === "endpoint") open(URL.parse(event.data, url.href));
        else if (isOpen) for (const message of messagesIn(event.data)) onMessage(message);
      });
      response.on("data", (chunk: Buffer) => {
        if (!reader.feed(chunk)) close(`the server sent a message over ${charsMax} bytes`);
      });
      response.once("error", (error) => close(`the stream broke: ${error.message}`));
      response.once("end", () => close("the server ended its stream"));
    },
  });
  return found.promise;
}
