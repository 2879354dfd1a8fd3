// Clients that cost little: JSON-RPC over a server's pipes, and over keep-alive HTTP connections.

import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { Agent, request, type OutgoingHttpHeaders } from "node:http";

export interface RpcClient {
  /** The text of the whole answer. Rejects when it is an error or says isError. */
  call(method: string, params: object): Promise<string>;
  close(): void;
}

const PROTOCOL = "2025-11-25";
const HELLO = { protocolVersion: PROTOCOL, capabilities: {}, clientInfo: { name: "bench", version: "1" } };

export async function stdioClient(child: ChildProcessWithoutNullStreams): Promise<RpcClient> {
  const waiting = new Map<number, (line: string) => void>();
  let lastId = 0;
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const id = line === "" ? null : idOf(line);
      if (id === null) continue;
      waiting.get(id)?.(line);
      waiting.delete(id);
    }
  });
  const call = (method: string, params: object): Promise<string> => {
    lastId += 1;
    const id = lastId;
    const line = new Promise<string>((resolve) => waiting.set(id, resolve));
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    return line.then(good);
  };
  await call("initialize", HELLO);
  child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
  return { call, close: () => child.stdin.end() };
}

/** Replies only: a request of the server's has a method. */
function idOf(line: string): number | null {
  const message: unknown = JSON.parse(line);
  if (typeof message !== "object" || message === null || "method" in message || !("id" in message)) return null;
  return typeof message.id === "number" ? message.id : null;
}

export async function httpClient(options: {
  readonly url: string;
  readonly token: string | null;
  readonly connections: number;
}): Promise<RpcClient> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.connections, scheduling: "fifo" });
  const url = new URL(options.url);
  const headers: OutgoingHttpHeaders = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    ...(options.token === null ? {} : { authorization: `Bearer ${options.token}` }),
  };
  let lastId = 0;

  function post(body: object): Promise<{ readonly text: string; readonly session: string | null }> {
    const text = JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          agent,
          host: url.hostname,
          port: url.port,
          path: url.pathname,
          method: "POST",
          headers: { ...headers, "content-length": Buffer.byteLength(text) },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.once("end", () => {
            const session = response.headers["mcp-session-id"];
            const answer = Buffer.concat(chunks).toString("utf8");
            if ((response.statusCode ?? 500) >= 300) reject(new Error(`${response.statusCode}: ${answer.slice(0, 300)}`));
            else resolve({ text: answer, session: typeof session === "string" ? session : null });
          });
        },
      );
      asked.once("error", reject);
      asked.end(text);
    });
  }

  const hello = await post({ jsonrpc: "2.0", id: 0, method: "initialize", params: HELLO });
  headers["mcp-protocol-version"] = PROTOCOL;
  if (hello.session !== null) headers["mcp-session-id"] = hello.session;
  await post({ jsonrpc: "2.0", method: "notifications/initialized" });
  return {
    async call(method, params) {
      lastId += 1;
      return good((await post({ jsonrpc: "2.0", id: lastId, method, params })).text);
    },
    close: () => agent.destroy(),
  };
}

function good(answer: string): string {
  if (!answer.includes('"result"') || /"isError"\s*:\s*true/.test(answer)) {
    throw new Error(`the call failed: ${answer.slice(0, 300)}`);
  }
  return answer;
}

/** Milliseconds of each of `count` calls, one after the other. */
export async function sequentialMs(count: number, call: () => Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let done = 0; done < count; done += 1) {
    const from = performance.now();
    await call();
    times.push(performance.now() - from);
  }
  return times;
}

export interface Load {
  readonly calls: number;
  readonly seconds: number;
}

/** Keeps `inFlight` calls under way for `seconds`. */
export async function concurrently(
  { inFlight, seconds }: { readonly inFlight: number; readonly seconds: number },
  call: () => Promise<unknown>,
): Promise<Load> {
  const from = performance.now();
  const until = from + seconds * 1_000;
  let calls = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < until) {
      await call();
      calls += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return { calls, seconds: (performance.now() - from) / 1_000 };
}
