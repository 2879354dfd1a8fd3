// Connections to one model: each is permitted first, and goes to the very address that was checked.

import { Agent as HttpAgent, type ClientRequestArgs } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { reasonOf, type PermitConnection } from "../kernel/index.ts";

export interface Host {
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
}

const SOCKETS_MAX = 64;
/** Shorter than servers keep an idle connection: a request on one that is just being closed would be lost, and paid. */
const IDLE_SOCKET_MS = 4_000;

export function hostOf(url: URL): Host {
  const isSecure = url.protocol === "https:";
  const port = url.port === "" ? (isSecure ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port, isSecure };
}

/** A request gets a socket only once it is connected, so that one without a socket has sent nothing. */
export function agentFor(
  to: Host,
  how: {
    readonly permit: PermitConnection;
    readonly resolve: (host: string) => Promise<string>;
    readonly connectMs: number;
  },
): HttpAgent {
  const { host, port, isSecure } = to;

  async function open(): Promise<Socket> {
    if (!(await how.permit({ host, port }))) throw new Error(`the connection to ${host}:${port} is not permitted`);
    const address = await how.resolve(host);
    const plain = connectTcp({ host: address, port, noDelay: true });
    const within = { to: `${host}:${port}`, ms: how.connectMs };
    await connected(plain, "connect", within);
    if (!isSecure) return plain;
    const name = isIP(host) === 0 ? { servername: host } : {};
    const secure = connectTls({ socket: plain, host, ...name, ALPNProtocols: ["http/1.1"] });
    await connected(secure, "secureConnect", within);
    return secure;
  }

  const options = { keepAlive: true, maxSockets: SOCKETS_MAX, timeout: IDLE_SOCKET_MS };
  const agent = isSecure ? new HttpsAgent(options) : new HttpAgent(options);
  agent.createConnection = (_request: ClientRequestArgs, done?: (error: Error | null, stream: Duplex) => void) => {
    void open().then(
      (stream) => done?.(null, stream),
      // The type asks for a stream even beside an error; the agent never looks at it.
      (error: unknown) => done?.(new Error(reasonOf(error), { cause: error }), new Duplex()),
    );
    return undefined;
  };
  return agent;
}

function connected(
  socket: Socket,
  event: "connect" | "secureConnect",
  { to, ms }: { readonly to: string; readonly ms: number },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const late = setTimeout(() => socket.destroy(new Error(`${to} did not accept a connection in time`)), ms);
  socket.once(event, resolve).once("error", reject);
  return promise.finally(() => {
    clearTimeout(late);
    socket.off(event, resolve).off("error", reject);
  });
}
