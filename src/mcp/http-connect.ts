// Connections to one remote host: each is permitted first and goes to the very address that was resolved.

import { lookup } from "node:dns/promises";
import { Agent as HttpAgent, type ClientRequestArgs } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { connect as connectTcp, isIP } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { reasonOf, type PermitConnection } from "../kernel/index.ts";

/** Rejects when the name has no address or one that must not be reached. */
export type ResolveAddress = (host: string) => Promise<string>;

export interface Connector {
  readonly agent: HttpAgent;
  destroy(): void;
}

const SOCKETS_MAX = 64;
const CONNECT_TIMEOUT_MS = 15_000;

export async function resolveByDns(host: string): Promise<string> {
  return isIP(host) !== 0 ? host : (await lookup(host)).address;
}

export function createConnector(options: {
  readonly url: URL;
  readonly permit: PermitConnection;
  readonly resolve: ResolveAddress;
}): Connector {
  const { url, permit, resolve } = options;
  const secure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);

  async function open(): Promise<Duplex> {
    if (!(await permit({ host, port }))) throw new Error(`the connection to ${host}:${port} is not permitted`);
    const address = await resolve(host);
    const socket = connectTcp({ host: address, port, noDelay: true });
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error(`${host}:${port} did not accept in time`)));
    socket.once("connect", () => socket.setTimeout(0));
    if (!secure) return socket;
    return connectTls({ socket, ...(isIP(host) === 0 ? { servername: host } : {}), ALPNProtocols: ["http/1.1"] });
  }

  const agent = secure
    ? new HttpsAgent({ keepAlive: true, maxSockets: SOCKETS_MAX })
    : new HttpAgent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  agent.createConnection = (_request: ClientRequestArgs, done?: (error: Error | null, stream: Duplex) => void) => {
    void open().then(
      (stream) => done?.(null, stream),
      // The type asks for a stream even beside an error; the agent never looks at it.
      (error: unknown) => done?.(new Error(reasonOf(error), { cause: error }), new Duplex()),
    );
    return undefined;
  };
  return { agent, destroy: () => agent.destroy() };
}
