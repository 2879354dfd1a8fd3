// The person's own terminal: lines, keys and secrets from /dev/tty, whatever stdin and stdout are joined to.
// What was typed before a question stood on the screen never answers it.

import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { ReadStream } from "node:tty";
import { Fault } from "../kernel/index.ts";

export interface Terminal {
  write(text: string): void;
  /** One line, without its end. */
  ask(prompt: string): Promise<string>;
  /** One line that is not shown. */
  secret(prompt: string): Promise<string>;
  /** True only for y or yes. */
  confirm(question: string): Promise<boolean>;
  /** One key out of `keys`, in lower case; others are ignored. */
  key(prompt: string, keys: string): Promise<string>;
  close(): void;
}

const LINE_LENGTH_MAX = 10_000;
const TTY = "/dev/tty";

/** Null when this process has no terminal. */
export function openTerminal(): Terminal | null {
  let fd: number;
  try {
    fd = openSync(TTY, constants.O_RDWR | constants.O_NOCTTY);
  } catch {
    // ENXIO: the process has no controlling terminal.
    return null;
  }
  const input = new ReadStream(fd);
  input.pause();
  // Left to itself an idle terminal would keep the process running.
  input.unref();

  const write = (text: string): void => writeWhole(fd, text.replaceAll(/\r?\n/g, "\r\n"));

  async function ask(prompt: string): Promise<string> {
    return readLine(input, { write, prompt, isShown: true });
  }

  return {
    write,
    ask,
    secret: (prompt) => readLine(input, { write, prompt, isShown: false }),
    async confirm(question) {
      const answer = await ask(`${question} [y/N] `);
      return ["y", "yes"].includes(answer.trim().toLowerCase());
    },
    async key(prompt, keys) {
      const start = (): void => write(prompt);
      const key = await typed(input, start, (char) => (keys.includes(char.toLowerCase()) ? char.toLowerCase() : null));
      write(`${key}\n`);
      return key;
    },
    close() {
      input.setRawMode(false);
      input.destroy();
    },
  };
}

interface LineRequest {
  readonly write: (text: string) => void;
  readonly prompt: string;
  readonly isShown: boolean;
}

async function readLine(input: ReadStream, { write, prompt, isShown }: LineRequest): Promise<string> {
  let line: string[] = [];
  const show = (text: string): void => {
    if (isShown) write(text);
  };
  await typed(
    input,
    () => write(prompt),
    (char) => {
      if (char === "\r" || char === "\n") return "end";
      if (char === "\u007f" || char === "\b") {
        if (line.pop() !== undefined) show("\b \b");
      } else if (char === "\u0015") {
        show("\b \b".repeat(line.length));
        line = [];
      } else if (char >= " " && line.length < LINE_LENGTH_MAX) {
        line.push(char);
        show(char);
      }
      return null;
    },
  );
  write("\n");
  return line.join("");
}

/**
 * Feeds each typed character to `take` until it answers. Control-C and control-D end the command. `start` writes the
 * prompt, once echo is off and the queue is empty: what is typed at the sight of it counts and is not shown.
 */
function typed(input: ReadStream, start: () => void, take: (char: string) => string | null): Promise<string> {
  input.setRawMode(true);
  drain();
  start();
  input.ref();
  return new Promise((resolve, reject) => {
    const end = (): void => {
      input.off("data", onData).off("error", onError).pause();
      input.unref();
      input.setRawMode(false);
    };
    const onError = (cause: Error): void => {
      end();
      reject(new Fault("cli.terminal", { message: `the terminal cannot be read: ${cause.message}.`, cause }));
    };
    const onData = (chunk: Buffer): void => {
      for (const char of withoutSequences(chunk.toString("utf8"))) {
        if (char === "\u0003" || char === "\u0004") {
          end();
          reject(new Fault("cli.interrupted", { message: "stopped at the keyboard; nothing was decided." }));
          return;
        }
        const answer = take(char);
        if (answer !== null) {
          end();
          resolve(answer);
          return;
        }
      }
    };
    input.on("data", onData).on("error", onError).resume();
  });
}

/** Arrow keys and the marks around a paste are no characters. */
function withoutSequences(text: string): string {
  // oxlint-disable-next-line no-control-regex -- escape sequences begin with a control character
  return text.replaceAll(/\u001b\[[0-9;?]*[ -/]*[@-~]|\u001bO./g, "");
}

/** Throws away what waits in the terminal's queue. Best effort: what is typed a moment later is an answer. */
function drain(): void {
  const waste = Buffer.alloc(4_096);
  const fd = openSync(TTY, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    for (let round = 0; round < 256 && readSync(fd, waste) > 0; round += 1);
  } catch {
    // EAGAIN: the queue is empty.
  } finally {
    closeSync(fd);
  }
}

function writeWhole(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
    }
  }
}
