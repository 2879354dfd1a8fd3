// Where the lines of a conversation come from: typed on the terminal, or piped in.

import { createInterface } from "node:readline";
import { Fault } from "../kernel/index.ts";
import type { Terminal } from "./terminal.ts";

export interface Lines {
  /** Null at the end. */
  next(prompt: string): Promise<string | null>;
  close(): void;
}

const ENDS = "Once more, or /quit, ends it.\n";

/** Control-C at the prompt ends nothing at the first time. */
export function typedLines(terminal: Terminal): Lines {
  return {
    async next(prompt) {
      for (let round = 0; round < 2; round += 1) {
        try {
          return await terminal.ask(prompt);
        } catch (error) {
          if (!(error instanceof Fault) || error.code !== "cli.interrupted") throw error;
          terminal.write(round === 0 ? `\n${ENDS}` : "\n");
        }
      }
      return null;
    },
    close: () => undefined,
  };
}

export function pipedLines(input: NodeJS.ReadableStream): Lines {
  const reader = createInterface({ input, crlfDelay: Infinity });
  const lines = reader[Symbol.asyncIterator]();
  return {
    async next() {
      const { value, done } = await lines.next();
      return done === true ? null : value;
    },
    close: () => reader.close(),
  };
}

/** One line that was given with the command. */
export function oneLineOnly(line: string): Lines {
  let isGiven = false;
  return {
    async next() {
      if (isGiven) return null;
      isGiven = true;
      return line;
    },
    close: () => undefined,
  };
}
