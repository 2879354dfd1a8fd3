// A stdio MCP server that is no more than a pipe to the daemon: each line is posted, each answer printed.
// It decides nothing, and loads nothing but Node's own modules, because agents start it often and wait for it.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import type { Readable, Writable } from "node:stream";
import { bytesOf, Lines, modernHeaders, protocolIn, readLine, type Line } from "./shim-lines.ts";

export interface ShimOptions {
  readonly stdin: Readable;
  readonly stdout: Writable;
  /** Default: the process's own. */
  readonly stderr?: Writable;
  readonly target:
    | { readonly kind: "socket"; readonly path: string }
    /** Loopback only: the token goes there. */
    | { readonly kind: "url"; readonly url: string };
  readonly token: string;
}

const LINE_CHARS_MAX = 32 * 1024 * 1024;
const DRAIN_MAX_MS = 5000;
const REOPEN_FIRST_MS = 1000;
const REOPEN_LAST_MS = 30_000;
const UNREAD_BYTES_MAX = 8 * 1024 * 1024;
/** Resolves with the exit code once the agent has closed our input and what was under way has ended. */
export async function runShim(options: ShimOptions): Promise<number> {
  const stderr = options.stderr ?? process.stderr;
  if (options.target.kind === "url" && !isLoopback(options.target.url)) {
    stderr.write(`freehold: ${options.target.url} is not on this machine; the token stays here.\n`);
    return 1;
  }
  const shim = new Shim(options, stderr);
  await shim.read();
  await shim.drain();
  return 0;
}

function isLoopback(url: string): boolean {
  return URL.canParse(url) && /^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:|\/|$)/.test(new URL(url).href);
}

/** Owns the connections to the daemon and the session with it. */
class Shim {
  readonly #options: ShimOptions;
  readonly #stderr: Writable;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #process = randomBytes(16).toString("hex");
  readonly #open = new Map<ClientRequest, Line | null>();
  #onIdle: (() => void) | null = null;
  #session: string | null = null;
  #protocol: string | null = null;
  /** The agent's own initialize, to open a new session when the daemon was restarted. */
  #hello: Line | null = null;
  #reopening: Promise<boolean> | null = null;
  #stream: ClientRequest | null = null;
  #streamTimer: NodeJS.Timeout | null = null;
  #reopened = 0;
  #warned = "";

  constructor(options: ShimOptions, stderr: Writable) {
    this.#options = options;
    this.#stderr = stderr;
  }

  async read(): Promise<void> {
    const { stdin, stdout } = this.#options;
    const lines = new Lines((line) => this.#forward(readLine(line)));
    stdout.on("error", () => stdin.destroy());
    try {
      for await (const chunk of stdin) {
        lines.feed(bytesOf(chunk));
        if (lines.heldChars > LINE_CHARS_MAX) {
          return this.#warn("a message on our input is too long; the connection ends.");
        }
        if (stdout.writableLength > UNREAD_BYTES_MAX) await once(stdout, "drain");
      }
      lines.feed(Buffer.from("\n"));
    } catch {
      // Destroyed because the agent closed our output: nobody is left to tell.
    }
  }

  /** The session is deleted, so that the daemon does not keep it until it is idle. */
  async drain(): Promise<void> {
    if (this.#streamTimer !== null) clearTimeout(this.#streamTimer);
    this.#stream?.destroy();
    await this.#reopening;
    await this.#idle();
    if (this.#session !== null) this.#send({ verb: "DELETE", line: null }, (response) => response.resume());
    await this.#idle();
    this.#agent.destroy();
  }

  async #idle(): Promise<void> {
    if (this.#open.size === 0) return;
    const idle = Promise.withResolvers<void>();
    this.#onIdle = () => idle.resolve();
    const limit = setTimeout(() => {
      for (const request of this.#open.keys()) request.destroy();
    }, DRAIN_MAX_MS);
    await idle.promise;
    clearTimeout(limit);
  }

  #forward(line: Line): void {
    if (line.method === "notifications/cancelled" && this.#cancelModern(line.params["requestId"])) return;
    if (line.method === "initialize") {
      this.#hello = line;
      this.#session = null;
    } else if (line.modern === null && this.#session === null && this.#hello !== null) {
      return this.#forwardAfterReopening(line);
    }
    this.#post(line, true);
  }

  /** In the modern era leaving is cancelling. */
  #cancelModern(id: unknown): boolean {
    for (const [request, line] of this.#open) {
      if (line === null || line.id !== id || line.modern === null) continue;
      this.#open.delete(request);
      request.destroy();
      return true;
    }
    return false;
  }

  #post(line: Line, mayReopen: boolean): void {
    const session = this.#session;
    const request = this.#send({ verb: "POST", line }, (response) => {
      const status = response.statusCode ?? 0;
      if (status === 404 && mayReopen && session !== null && line.modern === null) {
        // The daemon did not know the session, so it did not run the message.
        response.resume();
        if (this.#session === session) this.#session = null;
        return this.#forwardAfterReopening(line);
      }
      this.#warned = "";
      if (status === 401) this.#warn("the daemon does not know this client's token. Next: freehold connect");
      if (line.method === "initialize" && status === 200) this.#greeted(response);
      if (status === 202) return void response.resume();
      if ((response.headers["content-type"] ?? "").startsWith("text/event-stream")) {
        // Not when the agent cancelled: it waits for nothing.
        return this.#printEvents(response, () => this.#open.has(request) && this.#fail(line, BROKE));
      }
      this.#printBody(response, line);
    });
  }

  #greeted(response: IncomingMessage): void {
    const session = response.headers["mcp-session-id"];
    this.#session = typeof session === "string" ? session : null;
    this.#openStream(REOPEN_FIRST_MS);
  }

  #printBody(response: IncomingMessage, line: Line): void {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", () => this.#fail(line, BROKE));
    response.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      if (line.method === "initialize") this.#protocol = protocolIn(text) ?? this.#protocol;
      if (text.startsWith("{")) this.#print(text);
      else this.#fail(line, `Freehold answered HTTP ${response.statusCode}.`);
    });
  }

  #printEvents(response: IncomingMessage, onBreak: () => unknown): void {
    const lines = new Lines((field) => {
      // An event without content only says where the stream is.
      if (field.startsWith("data: {")) this.#print(field.slice(6));
    });
    response.on("error", onBreak);
    response.on("data", (chunk: Buffer) => lines.feed(chunk));
  }

  #forwardAfterReopening(line: Line): void {
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = null;
    });
    this.#reopening.then(
      (isOpen) => (isOpen ? this.#post(line, false) : this.#fail(line, NOT_RUNNING)),
      () => this.#fail(line, NOT_RUNNING),
    );
  }

  /** A new session in place of one that the daemon lost; what it offers may have changed meanwhile. */
  #reopen(): Promise<boolean> {
    const hello = this.#hello;
    if (hello === null) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#reopened += 1;
    const id = `freehold-${this.#process}-${this.#reopened}`;
    const text = JSON.stringify({ jsonrpc: "2.0", id, method: "initialize", params: hello.params });
    const sent = this.#send({ verb: "POST", line: { ...hello, text, id: null } }, (response) => {
      response.resume();
      if (response.statusCode === 401)
        this.#warn("the daemon does not know this client's token. Next: freehold connect");
      if (response.statusCode !== 200) return resolve(false);
      this.#greeted(response);
      this.#post(readLine('{"jsonrpc":"2.0","method":"notifications/initialized"}'), false);
      for (const list of ["tools", "prompts", "resources"]) {
        this.#print(`{"jsonrpc":"2.0","method":"notifications/${list}/list_changed"}`);
      }
      resolve(true);
    });
    sent.once("close", () => resolve(false));
    return promise;
  }

  #openStream(waitMs: number): void {
    this.#stream?.destroy();
    const session = this.#session;
    if (session === null) return;
    let nextMs = Math.min(waitMs * 2, REOPEN_LAST_MS);
    const stream = this.#send({ verb: "GET", line: null }, (response) => {
      if (response.statusCode !== 200) {
        response.resume();
        if (response.statusCode === 404 && this.#session === session) this.#session = null;
        nextMs = 0;
        return;
      }
      nextMs = REOPEN_FIRST_MS;
      this.#printEvents(response, () => undefined);
    });
    this.#stream = stream;
    // It is not waited for at the end.
    this.#open.delete(stream);
    stream.once("close", () => {
      if (this.#stream !== stream || nextMs === 0 || this.#session !== session) return;
      this.#streamTimer = setTimeout(() => this.#openStream(nextMs), nextMs).unref();
    });
  }

  #send(
    sending: { readonly verb: "POST" | "GET" | "DELETE"; readonly line: Line | null },
    onResponse: (response: IncomingMessage) => void,
  ): ClientRequest {
    const { verb, line } = sending;
    const body = line === null ? null : Buffer.from(line.text, "utf8");
    const headers = { ...this.#headers(line), ...(body === null ? {} : { "content-length": body.length }) };
    const where = placeOf(this.#options.target);
    const request = httpRequest({ ...where, method: verb, agent: this.#agent, headers }, onResponse);
    this.#open.set(request, line);
    request.on("error", (error) => {
      if (line !== null && this.#open.has(request)) this.#fail(line, isAbsent(error) ? NOT_RUNNING : BROKE);
    });
    request.on("close", () => {
      this.#open.delete(request);
      if (this.#open.size === 0) this.#onIdle?.();
    });
    request.end(body ?? undefined);
    return request;
  }

  #headers(line: Line | null): Record<string, string> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.#options.token}`,
      accept: line === null ? "text/event-stream" : "application/json, text/event-stream",
      "freehold-process": this.#process,
    };
    if (line !== null) headers["content-type"] = "application/json";
    if (line !== null && line.modern !== null) return { ...headers, ...modernHeaders(line, line.modern) };
    if (line?.method === "initialize") return headers;
    if (this.#session !== null) headers["mcp-session-id"] = this.#session;
    if (this.#protocol !== null) headers["mcp-protocol-version"] = this.#protocol;
    return headers;
  }

  #fail(line: Line, message: string): void {
    this.#warn(message);
    if (line.id === null) return;
    this.#print(JSON.stringify({ jsonrpc: "2.0", id: line.id, error: { code: -32_000, message } }));
  }

  #print(text: string): void {
    // A line break outside of strings means nothing in JSON, and everything on our output.
    this.#options.stdout.write(`${text.replace(/[\r\n]+/g, " ")}\n`);
  }

  /** Once for each trouble, not once for each message. */
  #warn(message: string): void {
    if (this.#warned === message) return;
    this.#warned = message;
    this.#stderr.write(`freehold: ${message}\n`);
  }
}

const NOT_RUNNING = "Freehold is not running. Next: freehold start";
const BROKE = "The connection to Freehold broke; the call may or may not have run. Next: freehold inbox";

function isAbsent(error: NodeJS.ErrnoException): boolean {
  return error.code === "ECONNREFUSED" || error.code === "ENOENT" || error.code === "EACCES";
}

function placeOf(target: ShimOptions["target"]): { socketPath: string; path: string; host: string } | URLParts {
  if (target.kind === "socket") return { socketPath: target.path, path: "/mcp", host: "localhost" };
  const { hostname, port, pathname } = new URL(target.url);
  return { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? 80 : Number(port), path: pathname };
}

interface URLParts {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}
