// The control socket: one JSON object a line, operations in, answers and events out. It decides only who may ask.

import { createServer, type Socket } from "node:net";
import { unlinkSync } from "node:fs";
import { assert, Fault, isObject, parseStrict, reasonOf, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { ANSWER_BYTES_MAX, LINE_BYTES_MAX, lineReader } from "./lines.ts";
import { requireOwner, type Operation } from "./operation.ts";
import type { OwnerAuth, OwnerSession } from "./owner-auth.ts";
import { listen, preparePlace } from "./socket-place.ts";

export interface ControlOptions {
  readonly socketPath: string;
  /** 0o600; 0o660 where the daemon has its own user and the owner's group may connect. */
  readonly mode: number;
  readonly operations: readonly Operation[];
  readonly auth: Pick<OwnerAuth, "prove">;
  /** Hears of errors that are no faults: bugs. The caller hears only that there was one. */
  readonly onBug?: (error: unknown) => void;
}

export interface ControlServer {
  /** Ends every connection and removes the socket. */
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 64;
const RUNNING_MAX = 32;
const UNREAD_BYTES_MAX = 2 * ANSWER_BYTES_MAX;

/** Faults: `control.path`, `control.folder`, `control.running`. */
export async function startControl(options: ControlOptions): Promise<ControlServer> {
  const { socketPath, mode } = options;
  const operations = new Map(options.operations.map((operation) => [operation.name, operation]));
  assert(operations.size === options.operations.length, "two operations have one name");
  /** The one that did something last stands last. */
  const sockets = new Map<Socket, Attended>();
  const server = createServer((socket) => {
    if (sockets.size >= CONNECTIONS_MAX && !dropIdle(sockets)) {
      const message = `${CONNECTIONS_MAX} programs are connected already.`;
      socket.on("error", ignore);
      socket.end(failure(null, new Fault("control.busy", { message, next: "close one of them" })));
      return;
    }
    const onUse = (): void => {
      const attended = sockets.get(socket);
      if (sockets.delete(socket) && attended !== undefined) sockets.set(socket, attended);
    };
    sockets.set(socket, attend(socket, { ...options, known: operations, onUse }));
    socket.once("close", () => sockets.delete(socket));
  });
  await preparePlace(socketPath, mode);
  await listen(server, socketPath, mode);
  return {
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const socket of sockets.keys()) socket.destroy();
      await closed;
      removeSocket(socketPath);
    },
  };
}

interface Attended {
  /** Nobody has proven to be the owner on it, and nothing that it asked for is running. */
  isIdle(): boolean;
}

/** Whoever holds connections open and does nothing makes room; the one that was idle longest goes. */
function dropIdle(sockets: Map<Socket, Attended>): boolean {
  for (const [socket, attended] of sockets) {
    if (!attended.isIdle()) continue;
    sockets.delete(socket);
    socket.destroy();
    return true;
  }
  return false;
}

interface Asked {
  readonly id: string | number;
  readonly op: string;
  readonly input: JsonObject;
}

interface AttendOptions extends ControlOptions {
  readonly known: ReadonlyMap<string, Operation>;
  readonly onUse: () => void;
}

/** One connection: its owner session ends with it. */
function attend(socket: Socket, options: AttendOptions): Attended {
  const gone = new AbortController();
  const running = new Set<string | number>();
  let owner: OwnerSession | null = null;

  function send(line: string): void {
    if (socket.destroyed) return;
    socket.write(line);
    if (socket.writableLength > UNREAD_BYTES_MAX) socket.destroy(); // It asks and does not read.
  }

  async function becomeOwner(input: JsonObject): Promise<JsonObject> {
    const session = await proven(options.auth, input);
    if (gone.signal.aborted) session.end(); // Hung up while the proof was checked.
    owner?.end();
    owner = session;
    return { owner: true };
  }

  async function perform(asked: Asked): Promise<JsonObject> {
    if (asked.op === "owner.prove") return becomeOwner(asked.input);
    const operation = options.known.get(asked.op);
    if (operation === undefined) {
      const next = "freehold --version, and update the older of the two";
      throw new Fault("control.unknown", { message: `there is no operation '${asked.op.slice(0, 80)}'.`, next });
    }
    if (operation.needsOwner) requireOwner(owner);
    return operation.run(asked.input, {
      owner,
      signal: gone.signal,
      emit: (event) => send(`${JSON.stringify({ id: asked.id, event })}\n`),
    });
  }

  async function answer(asked: Asked): Promise<void> {
    running.add(asked.id);
    try {
      send(success(asked.id, await perform(asked)));
    } catch (error) {
      if (!(error instanceof Fault)) options.onBug?.(error);
      send(failure(asked.id, error));
    }
    running.delete(asked.id);
  }

  function onLine(line: string): void {
    options.onUse();
    const asked = askedIn(line);
    if (asked instanceof Fault) return send(failure(null, asked));
    if (running.has(asked.id) || running.size >= RUNNING_MAX) {
      return send(failure(asked.id, new Fault("control.busy", { message: "too much at once on this connection." })));
    }
    answer(asked).catch(ignore); // It has told the caller itself.
  }

  const reader = lineReader({ bytesMax: LINE_BYTES_MAX, onLine, onOversize: () => socket.end(tooLarge()) });
  socket.on("data", (chunk) => reader.push(chunk));
  socket.on("error", ignore); // "close" follows and does what there is to do.
  socket.once("close", () => {
    gone.abort();
    owner?.end();
  });
  return { isIdle: () => owner === null && running.size === 0 };
}

async function proven(auth: Pick<OwnerAuth, "prove">, input: JsonObject): Promise<OwnerSession> {
  const secret = input["secret"];
  if (typeof secret !== "string") throw new Fault("control.input", { message: "'secret' must be a text." });
  const proof = await auth.prove(secret);
  if (proof.kind === "owner") return proof.session;
  const next = proof.waitMs === 0 ? "try again" : `try again in ${Math.ceil(proof.waitMs / 1_000)} s`;
  throw new Fault("owner.refused", { message: "that is not the owner's PIN or passphrase.", next });
}

function tooLarge(): string {
  const message = `a request is longer than ${LINE_BYTES_MAX} bytes.`;
  return failure(null, new Fault("control.too-large", { message }));
}

function ignore(): void {
  // The callers say why nothing is left to do.
}

function askedIn(line: string): Asked | Fault {
  const parsed = parseStrict(line);
  if (parsed.kind === "refused") return new Fault("control.malformed", { message: `a request is ${parsed.reason}.` });
  const request = parsed.value;
  if (!isObject(request)) return new Fault("control.malformed", { message: "a request is not an object." });
  const { id, op, input = {} } = request;
  if (!isId(id) || typeof op !== "string" || !isObject(input)) {
    return new Fault("control.malformed", { message: "a request needs an id, an op, and an object as input." });
  }
  return { id, op, input };
}

function isId(value: JsonValue | undefined): value is string | number {
  return typeof value === "number" || (typeof value === "string" && value.length <= 64);
}

function success(id: string | number, value: JsonObject): string {
  const line = `${JSON.stringify({ id, ok: true, value })}\n`;
  if (Buffer.byteLength(line) <= ANSWER_BYTES_MAX) return line;
  throw new Fault("control.too-large", { message: "the answer is too large.", next: "ask for less at once" });
}

function failure(id: string | number | null, error: unknown): string {
  const fault =
    error instanceof Fault ? error : new Fault("control.bug", { message: `this is a bug: ${reasonOf(error)}` });
  const { code, message, at = null, next = null } = fault;
  return `${JSON.stringify({ id, ok: false, error: { code, at, message, next } })}\n`;
}

function removeSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    // Closing has usually removed it already.
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}
