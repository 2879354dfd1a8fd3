// Clients that cost little: JSON-RPC over a server's pipes, and over keep-alive HTTP connections.

import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";

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
    const { promise, resolve } = Promise.withResolvers<string>();
    waiting.set(id, resolve);
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    return promise.then(good);
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

/**
 * Keep-alive connections on bare sockets, each with one call at a time, so that on a small machine the client takes
 * little from what it measures. Reads answers with a length and chunked ones, JSON and event streams alike.
 */
export async function httpClient(options: {
  readonly url: string;
  readonly token: string | null;
  readonly connections: number;
}): Promise<RpcClient> {
  const url = new URL(options.url);
  const lines = [
    `POST ${url.pathname} HTTP/1.1`,
    `host: ${url.host}`,
    "content-type: application/json",
    "accept: application/json, text/event-stream",
    ...(options.token === null ? [] : [`authorization: Bearer ${options.token}`]),
  ];
  const first = await openLine(url);
  const post = async (line: Line, body: object): Promise<Answer> => {
    const text = JSON.stringify(body);
    const answer = await line.send(
      `${lines.join("\r\n")}\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    );
    if (answer.status >= 300) throw new Error(`${answer.status}: ${answer.body.slice(0, 300)}`);
    return answer;
  };
  const hello = await post(first, { jsonrpc: "2.0", id: 0, method: "initialize", params: HELLO });
  const session = /^mcp-session-id: *(\S+)/im.exec(hello.head)?.[1];
  lines.push(`mcp-protocol-version: ${PROTOCOL}`, ...(session === undefined ? [] : [`mcp-session-id: ${session}`]));
  await post(first, { jsonrpc: "2.0", method: "notifications/initialized" });
  const others = await Promise.all(Array.from({ length: options.connections - 1 }, () => openLine(url)));
  const free = [first, ...others];
  let lastId = 0;
  return {
    async call(method, params) {
      const line = free.pop();
      if (line === undefined) throw new Error(`more than ${options.connections} calls at once`);
      lastId += 1;
      const answer = await post(line, { jsonrpc: "2.0", id: lastId, method, params });
      free.push(line);
      return good(answer.body);
    },
    close: () => [first, ...others].forEach((line) => line.close()),
  };
}

interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

interface Line {
  send(text: string): Promise<Answer>;
  close(): void;
}

async function openLine(url: URL): Promise<Line> {
  const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
  await once(socket, "connect");
  let got = "";
  let waiting: PromiseWithResolvers<Answer> | null = null;
  socket.setEncoding("latin1").on("data", (text: string) => {
    got += text;
    const answer = wholeAnswer(got);
    if (answer === null || waiting === null) return;
    got = "";
    waiting.resolve(answer);
  });
  socket.on("error", (error) => waiting?.reject(error)).on("close", () => waiting?.reject(new Error("closed")));
  return {
    send(text) {
      waiting = Promise.withResolvers<Answer>();
      socket.write(text);
      return waiting.promise;
    },
    close: () => socket.destroy(),
  };
}

/** Null while more must come. The bodies of these benches are ASCII, so characters are bytes. */
function wholeAnswer(got: string): Answer | null {
  const end = got.indexOf("\r\n\r\n");
  if (end === -1) return null;
  const head = got.slice(0, end);
  const body = got.slice(end + 4);
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  const isWhole = length === undefined ? /(^|\r\n)0\r\n\r\n$/.test(body) : body.length >= Number(length);
  return isWhole ? { status: Number(head.slice(9, 12)), head, body } : null;
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
