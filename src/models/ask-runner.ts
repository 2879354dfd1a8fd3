// Short questions to a local engine over one permitted connection: deadline, size and kind of answer are bounded.

import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { isIP } from "node:net";
import { isObject, readJson, type JsonObject, type PermitConnection } from "../kernel/index.ts";
import type { ResolveAddress } from "./addresses.ts";
import type { RunnerLine } from "./runners.ts";

const DEADLINE_MS = 3_000;
const BYTES_MAX = 2_000_000;

export interface RunnerAddress {
  /** As declared: what stands below its `/v1` is the engine's own. */
  readonly url: URL;
  readonly permit: PermitConnection;
  readonly resolve: ResolveAddress;
  /** Null for none. */
  readonly key: string | null;
}

/** Rejects where it cannot be reached, is not permitted, or its name leads elsewhere. */
export async function withRunner<T>(runner: RunnerAddress, work: (line: RunnerLine) => Promise<T>): Promise<T> {
  const { url } = runner;
  const isSecure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (isSecure ? 443 : 80) : Number(url.port);
  const address = await runner.resolve(host);
  if (!(await runner.permit({ host, port }))) throw new Error(`the connection to ${url.host} is not permitted`);
  const agent = new (isSecure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 1 });
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const base = url.pathname.replace(/\/+$/, "").replace(/\/v1$/, "");

  async function ask(path: string, body?: JsonObject): Promise<string | null> {
    const text = body === undefined ? null : JSON.stringify(body);
    const answer = await new Promise<IncomingMessage>((done, fail) => {
      const options = {
        host: address,
        port,
        agent,
        signal,
        path: `${base}${path}`,
        method: text === null ? "GET" : "POST",
        ...(isSecure && isIP(host) === 0 ? { servername: host } : {}),
        headers: {
          host: url.host,
          accept: "application/json",
          ...(runner.key === null ? {} : { authorization: `Bearer ${runner.key}` }),
          ...(text === null ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
        },
      };
      const sent = isSecure ? requestHttps(options, done) : requestHttp(options, done);
      sent.once("error", fail).end(text ?? undefined);
    });
    return readWhole(answer);
  }

  try {
    return await work({
      text: (path) => ask(path),
      async json(path, body) {
        const said = await ask(path, body);
        return said === null ? null : objectIn(said);
      },
    });
  } finally {
    agent.destroy();
  }
}

/** Null for another status than 200, a redirect included, and for more than an engine would say. */
async function readWhole(answer: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    if (bytes > BYTES_MAX) {
      answer.destroy();
      return null;
    }
    chunks.push(chunk);
  }
  return answer.statusCode === 200 ? Buffer.concat(chunks).toString("utf8") : null;
}

function objectIn(text: string): JsonObject | null {
  try {
    const value = readJson(text);
    return isObject(value) ? value : null;
  } catch {
    // Whatever is no JSON is no answer of an engine's.
    return null;
  }
}
