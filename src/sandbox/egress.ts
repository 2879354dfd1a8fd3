// The one way out of a sandbox: an HTTP proxy on a Unix socket with the owner's list of hosts.
// Invariants: nothing is resolved or connected before the list and permitConnection agree;
// the addresses that were checked are the addresses that are connected to.

import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type LookupFunction } from "node:net";
import { pipeline, type Duplex } from "node:stream";
import { Fault, oneLine, reasonOf, type PermitConnection } from "../kernel/index.ts";
import { checkedAddresses, parseTarget, resolveByDns, targetText } from "./targets.ts";
import type { Address, Resolve, Target } from "./targets.ts";

const CONNECTIONS_MAX = 128;
const HEADER_BYTES_MAX = 16_384;
const HEADERS_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 20_000;
const IDLE_TIMEOUT_MS = 600_000;
const HOP_BY_HOP =
  /^(?:connection|keep-alive|te|trailer|transfer-encoding|upgrade|proxy-(?:authenticate|authorization|connection))$/;

export interface EgressOptions {
  readonly socketPath: string;
  /** `host:port`, exact. */
  readonly allow: readonly string[];
  readonly permitConnection: PermitConnection;
  readonly resolve?: Resolve;
  /** What was refused and why, for the owner. */
  readonly onNote?: (text: string) => void;
}

export interface Egress {
  close(): Promise<void>;
}

interface Way {
  readonly target: Target;
  readonly lookup: LookupFunction;
}

/** Fault `sandbox.network-entry` names an entry that is not `host:port`. */
export async function openEgress(options: EgressOptions): Promise<Egress> {
  const allowed = new Set(options.allow.map((entry) => allowText(entry)));
  const tunnels = new Set<Duplex>();
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX, headersTimeout: HEADERS_TIMEOUT_MS });
  server.maxConnections = CONNECTIONS_MAX;
  server.on("connect", (request, client, head) => {
    tunnels.add(client);
    const drop = (): void => void client.destroy();
    client.on("error", drop).on("close", () => tunnels.delete(client));
    const open = (way: Way | string): void => {
      if (typeof way !== "string") openTunnel({ way, client, head });
      else client.end(`HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n${way}\n`);
    };
    findWay(request.url ?? "", allowed, options).then(open, drop);
  });
  server.on("request", (request, response) => {
    const [, authority = "", path = ""] = /^http:\/\/([^/?#\\]+)([^#]*)$/i.exec(request.url ?? "") ?? [];
    const written = /:\d+$/.test(authority) ? authority : `${authority}:80`;
    const open = (way: Way | string): void => {
      if (typeof way === "string") response.writeHead(403, { "content-type": "text/plain" }).end(`${way}\n`);
      else forward({ way, path: path.startsWith("/") ? path : `/${path}`, request, response });
    };
    findWay(written, allowed, options).then(open, () => response.destroy());
  });
  server.listen(options.socketPath);
  await once(server, "listening");
  return {
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
        for (const client of tunnels) client.destroy();
      }),
  };
}

function allowText(entry: string): string {
  const target = parseTarget(entry);
  if (target !== null) return targetText(target);
  throw new Fault("sandbox.network-entry", {
    message: `"${oneLine(entry, 80)}" is not a host and port.`,
    next: 'write it as "api.example.org:443".',
  });
}

/** A way to the target, or why there is none. */
async function findWay(written: string, allowed: ReadonlySet<string>, options: EgressOptions): Promise<Way | string> {
  const shown = oneLine(written, 120);
  const refused = (reason: string): string => {
    options.onNote?.(`refused: ${reason}`);
    return reason;
  };
  try {
    const target = parseTarget(written);
    if (target === null || !allowed.has(targetText(target)))
      return refused(`${shown} is not on the list of this server`);
    if (!(await options.permitConnection(target))) return refused(`a connection to ${shown} was not permitted`);
    const addresses = await checkedAddresses(target, options.resolve ?? resolveByDns);
    return typeof addresses === "string" ? refused(addresses) : { target, lookup: lookupOf(addresses) };
  } catch (error) {
    const reason = `no connection to ${shown}: ${reasonOf(error)}`;
    options.onNote?.(reason);
    return reason;
  }
}

function lookupOf(addresses: readonly Address[]): LookupFunction {
  return (_host, wanted, done) => {
    if (wanted.all === true) done(null, [...addresses]);
    else done(null, addresses[0]?.address ?? "", addresses[0]?.family);
  };
}

function openTunnel({ way, client, head }: { way: Way; client: Duplex; head: Buffer }): void {
  const upstream = connect({ host: way.target.host, port: way.target.port, lookup: way.lookup });
  upstream.setTimeout(CONNECT_TIMEOUT_MS, () => upstream.destroy(new Error("timed out")));
  const fail = (): void => void client.end("HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n");
  client.once("close", () => upstream.destroy());
  upstream.once("error", fail).once("connect", () => {
    upstream.off("error", fail).setTimeout(IDLE_TIMEOUT_MS);
    client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    upstream.write(head);
    // An end of either side, in order or not, ends both.
    pipeline(client, upstream, client, () => client.destroy());
  });
}

interface Forwarding {
  readonly way: Way;
  readonly path: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Plain http only. A redirect goes back to the program, whose next request is checked like any other. */
function forward({ way, path, request, response }: Forwarding): void {
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !HOP_BY_HOP.test(name)));
  const { host, port } = way.target;
  const upstream = httpRequest({
    host,
    port,
    path,
    lookup: way.lookup,
    agent: false,
    timeout: IDLE_TIMEOUT_MS,
    method: request.method ?? "GET",
    headers: { ...headers, host: port === 80 ? targetText(way.target).replace(/:80$/, "") : targetText(way.target) },
  });
  const fail = (): void => void (response.headersSent ? response.destroy() : response.writeHead(502).end());
  upstream.on("timeout", () => upstream.destroy(new Error("timed out"))).on("error", fail);
  upstream.on("response", (answer) => {
    const kept = Object.entries(answer.headers).filter(([name]) => !HOP_BY_HOP.test(name));
    response.writeHead(answer.statusCode ?? 502, Object.fromEntries(kept));
    pipeline(answer, response, (error) => error && response.destroy());
  });
  response.on("close", () => upstream.destroy());
  request.pipe(upstream);
}
