// The owner's console on the daemon's own port. An idle daemon carries this file and the guard alone: pages, and Hono
// with its Node listener, are imported by the first request that passes the guard.

import type { IncomingMessage, ServerResponse } from "node:http";
import { reasonOf } from "../kernel/index.ts";
import { refusalOf, setSecurityHeaders } from "./guard.ts";
import type { Console, ConsoleOptions, Pages } from "./shape.ts";

const PATHS: ReadonlySet<string> = new Set([
  "",
  "login",
  "q",
  "chat",
  "activity",
  "why",
  "stack",
  "live",
  "assets",
  "always",
  "alike",
]);
const ACTIONS: ReadonlySet<string> = new Set(["stop", "resume", "seen", "undo", "apply", "leave"]);

export function openConsole(options: ConsoleOptions): Console {
  let pages: Promise<Pages> | null = null;
  let isClosed = false;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    pages ??= import("./routes.ts").then(({ openPages }) => openPages(options));
    const opened = await pages;
    if (isClosed) opened.close();
    await opened.listen(request, response);
  }

  return {
    handle(request, response) {
      if (!isOurs(request.url ?? "")) return false;
      setSecurityHeaders(response);
      const refusal = refusalOf(request, options.allowedHosts());
      if (refusal !== null) {
        refuse(response, 403, refusal);
        return true;
      }
      answer(request, response).catch((error: unknown) => refuse(response, 500, `Freehold failed: ${reasonOf(error)}`));
      return true;
    },
    close() {
      isClosed = true;
      pages?.then(
        (opened) => opened.close(),
        // They never opened, and the request that tried has been told.
        () => undefined,
      );
    },
  };
}

function isOurs(url: string): boolean {
  if (!url.startsWith("/")) return false;
  const first = url.slice(1).split(/[/?#]/, 1)[0] ?? "";
  return PATHS.has(first) || ACTIONS.has(first);
}

/** Plain text: nothing to parse, nothing to escape. The rest of an unread body is not waited for. */
function refuse(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", Connection: "close" });
  response.end(`${text}\n`);
}
