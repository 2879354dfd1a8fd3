// The lines that pass through the stdio shim: what it must know of each, which is little.

import { StringDecoder } from "node:string_decoder";

type Fields = Readonly<Record<string, unknown>>;
export interface Line {
  readonly text: string;
  readonly id: string | number | null;
  readonly method: string | null;
  readonly params: Fields;
  /** The modern version that the message itself names. */
  readonly modern: string | null;
}

const VERSION_KEY = "io.modelcontextprotocol/protocolVersion";
const NAME_FIELDS: Fields = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
  "tasks/get": "taskId",
  "tasks/update": "taskId",
  "tasks/cancel": "taskId",
};

/** Whole lines out of bytes; what is held is looked at once. */
export class Lines {
  heldChars = 0;
  readonly #decoder = new StringDecoder("utf8");
  readonly #onLine: (line: string) => void;
  #held: string[] = [];

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  feed(chunk: Buffer): void {
    const [first = "", ...others] = this.#decoder.write(chunk).split("\n");
    this.#held.push(first);
    this.heldChars += first.length;
    for (const other of others) {
      const line = this.#held.join("");
      this.#held = [other];
      this.heldChars = other.length;
      if (line.trim() !== "") this.#onLine(line);
    }
  }
}

export function bytesOf(chunk: unknown): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk), "utf8");
}

/** What intermediaries and the daemon check the body against (2026-07-28, transports). */
export function modernHeaders(line: Line, version: string): Record<string, string> {
  const field = line.method === null ? undefined : NAME_FIELDS[line.method];
  const name = typeof field === "string" ? line.params[field] : undefined;
  return {
    "mcp-protocol-version": version.replace(/[^\x21-\x7e]/g, "?"),
    ...(line.method === null ? {} : { "mcp-method": line.method.replace(/[^\x21-\x7e]/g, "?") }),
    ...(typeof name === "string" ? { "mcp-name": encodeName(name) } : {}),
  };
}

function encodeName(name: string): string {
  if (/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(name) && !name.startsWith("=?base64?")) return name;
  return `=?base64?${Buffer.from(name, "utf8").toString("base64")}?=`;
}

/** What is no JSON goes on as it is: the daemon says what is wrong with it. */
export function readLine(text: string): Line {
  const message = objectIn(text);
  const { id, method, params } = message;
  const fields = asFields(params);
  const version = asFields(fields["_meta"])[VERSION_KEY];
  return {
    text: text.trim(),
    id: typeof id === "string" || typeof id === "number" ? id : null,
    method: typeof method === "string" ? method : null,
    params: fields,
    modern: typeof version === "string" ? version : null,
  };
}

export function protocolIn(text: string): string | null {
  const version = asFields(objectIn(text)["result"])["protocolVersion"];
  return typeof version === "string" ? version : null;
}

function objectIn(text: string): Fields {
  try {
    return asFields(JSON.parse(text));
  } catch {
    return {};
  }
}

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
