// The stream behind /live: server-sent events, written straight to the socket so that back-pressure is felt.

import type { Hono } from "hono";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { ConsoleEnv, Desk } from "./desk.ts";
import type { Live, Stream } from "./live.ts";

export function routeLive(app: Hono<ConsoleEnv>, desk: Desk, live: Live): void {
  app.get("/live", (call) => {
    const owner = desk.owner(call);
    if (owner === null) return call.text("Only the owner's pages renew themselves.\n", 401);
    const { outgoing } = call.env;
    const stream: Stream = {
      owner,
      end: () => void outgoing.end(),
      write: (event) =>
        new Promise((resolve, reject) => {
          if (!outgoing.headersSent) outgoing.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
          outgoing.write(`event: ${event}\ndata: \n\n`, (error) => (error ? reject(error) : resolve()));
        }),
    };
    outgoing.on("close", () => live.drop(stream));
    if (!live.open(stream)) return call.text("Too many pages are open.\n", 503);
    return RESPONSE_ALREADY_SENT;
  });
}
