// Where the daemon listens: one loopback port for clients and the console, one Unix socket for shims in a jail.

import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Fault } from "../kernel/index.ts";
import { LOGIN_PATH } from "../control/index.ts";
import { MODEL_PATHS, type ModelEndpoint } from "../gateway/index.ts";
import { HTTP_SERVER_LIMITS, METADATA_PATHS } from "../mcp/index.ts";

export interface ListenerParts {
  readonly port: number;
  /** Further names under which a proxy of the owner's reaches the port, such as a tailnet name. */
  readonly hosts: readonly string[];
  readonly socket: string;
  readonly mcp: { handle(request: IncomingMessage, response: ServerResponse): void };
  /** For programs that ask models through Freehold. */
  readonly models: ModelEndpoint;
  /** Where a client from elsewhere learns who issues tokens. */
  readonly metadata: (request: IncomingMessage, response: ServerResponse) => void;
  /** Where a browser brings back what a server's issuer gave it. */
  readonly login: (request: IncomingMessage, response: ServerResponse) => void;
  /** True when the path was the console's. */
  readonly console: { handle(request: IncomingMessage, response: ServerResponse): boolean };
}

/** Filled in once the port is known; what is built before that reads it at its first request. */
export interface Place {
  url: string;
  port: number;
  /** What a client may name as the host. */
  hosts: readonly string[];
}

export interface Listeners {
  close(): Promise<void>;
}

const PORTS_TRIED = 30;
const CONNECTIONS_MAX = 1_024;

export async function openListeners(parts: ListenerParts, place: Place): Promise<Listeners> {
  const answer = (request: IncomingMessage, response: ServerResponse, withConsole: boolean): void => {
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    if (path === "/readyz") response.writeHead(200, { "content-type": "text/plain" }).end("ready\n");
    else if (path === "/mcp") parts.mcp.handle(request, response);
    else if (path.startsWith(MODEL_PATHS)) parts.models.handle(request, response);
    else if (withConsole && METADATA_PATHS.includes(path)) parts.metadata(request, response);
    else if (withConsole && path === LOGIN_PATH) parts.login(request, response);
    else if (!withConsole || !parts.console.handle(request, response)) response.writeHead(404).end();
  };
  const tcp = makeServer((request, response) => answer(request, response, true));
  const socket = makeServer((request, response) => answer(request, response, false));
  const port = await listenOnPort(tcp, parts.port);
  rmSync(parts.socket, { force: true });
  await listen(socket, { path: parts.socket });
  chmodSync(parts.socket, 0o666);
  place.port = port;
  place.url = `http://127.0.0.1:${port}/`;
  place.hosts = [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, "localhost", ...parts.hosts];
  return {
    close: () => Promise.all([end(tcp), end(socket)]).then(() => undefined),
  };
}

function makeServer(answer: (request: IncomingMessage, response: ServerResponse) => void): Server {
  const server = createServer(HTTP_SERVER_LIMITS, answer);
  server.maxConnections = CONNECTIONS_MAX;
  return server;
}

async function listenOnPort(server: Server, first: number): Promise<number> {
  for (let port = first; port < first + PORTS_TRIED; port += 1) {
    try {
      await listen(server, { host: "127.0.0.1", port });
      const address = server.address();
      return typeof address === "object" && address !== null ? address.port : port;
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : null;
      if (code !== "EADDRINUSE" || first === 0) throw error;
    }
  }
  throw new Fault("daemon.port", {
    message: `no free port between ${first} and ${first + PORTS_TRIED - 1} on 127.0.0.1.`,
    next: "FREEHOLD_PORT=9000 npm start",
  });
}

function listen(
  server: Server,
  where: { readonly host: string; readonly port: number } | { readonly path: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function end(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
