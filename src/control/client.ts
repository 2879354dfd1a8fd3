// Calls the running daemon over its control socket.

import { createConnection, type Socket } from "node:net";
import { Fault, isObject, parseStrict, type JsonObject, type JsonValue } from "../kernel/index.ts";
import { ANSWER_BYTES_MAX, LINE_BYTES_MAX, lineReader } from "./lines.ts";

export interface ControlClient {
  /** Faults: those of the operation, `control.lost` when the daemon goes away, `control.too-large`. */
  call(op: string, input: JsonObject, onEvent?: (event: JsonObject) => void): Promise<JsonObject>;
  /** Also ends the owner session that this connection had. */
  close(): void;
}

interface Waiting {
  readonly resolve: (value: JsonObject) => void;
  readonly reject: (fault: Fault) => void;
  readonly onEvent: ((event: JsonObject) => void) | undefined;
}

/** Faults: `control.not-running`, `control.forbidden`. */
export async function connectControl(socketPath: string): Promise<ControlClient> {
  const socket = await connected(socketPath);
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let end: Fault | null = null;

  function finish(fault: Fault): void {
    end ??= fault;
    for (const each of waiting.values()) each.reject(end);
    waiting.clear();
    socket.destroy();
  }

  function onLine(line: string): void {
    const parsed = parseStrict(line);
    const message = parsed.kind === "value" && isObject(parsed.value) ? parsed.value : {};
    if (message["id"] === null) return finish(faultIn(message["error"]));
    const id = message["id"];
    const call = typeof id === "number" ? waiting.get(id) : undefined;
    if (typeof id !== "number" || call === undefined) return;
    if (isObject(message["event"])) return call.onEvent?.(message["event"]);
    waiting.delete(id);
    if (message["ok"] === true && isObject(message["value"])) return call.resolve(message["value"]);
    call.reject(faultIn(message["error"]));
  }

  const lost = (): Fault =>
    new Fault("control.lost", { at: socketPath, message: "Freehold went away.", next: "npm start" });
  const reader = lineReader({ bytesMax: ANSWER_BYTES_MAX, onLine, onOversize: () => finish(lost()) });
  socket.on("data", (chunk) => reader.push(chunk));
  socket.on("error", () => finish(lost()));
  socket.once("close", () => finish(lost()));

  return {
    call(op, input, onEvent) {
      if (end !== null) return Promise.reject(end);
      lastId += 1;
      const id = lastId;
      const line = `${JSON.stringify({ id, op, input })}\n`;
      if (Buffer.byteLength(line) > LINE_BYTES_MAX) {
        const message = `'${op}' was given more than ${LINE_BYTES_MAX} bytes.`;
        return Promise.reject(new Fault("control.too-large", { message }));
      }
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject, onEvent });
        socket.write(line);
      });
    },
    close: () => finish(new Fault("control.closed", { message: "the connection was closed." })),
  };
}

function connected(socketPath: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketPath);
    const onError = (error: Error): void => reject(connectFault(error, socketPath));
    socket.once("error", onError);
    socket.once("connect", () => {
      socket.off("error", onError);
      resolve(socket);
    });
  });
}

function connectFault(error: Error, socketPath: string): Fault {
  const code = "code" in error ? error.code : undefined;
  if (code === "EACCES" || code === "EPERM") {
    const message = "this user may not talk to Freehold.";
    const next = "join the group that the service was installed with, or run it as the user that started Freehold";
    return new Fault("control.forbidden", { at: socketPath, message, next, cause: error });
  }
  const message = "Freehold is not running.";
  return new Fault("control.not-running", { at: socketPath, message, next: "Start it with: npm start", cause: error });
}

function faultIn(error: JsonValue | undefined): Fault {
  if (!isObject(error))
    return new Fault("control.lost", { message: "Freehold answered something else.", next: "npm stop" });
  const { code, message, at, next } = error;
  return new Fault(typeof code === "string" ? code : "control.bug", {
    message: typeof message === "string" ? message : "no reason was given.",
    ...(typeof at === "string" ? { at } : {}),
    ...(typeof next === "string" ? { next } : {}),
  });
}
