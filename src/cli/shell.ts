// What every command works with: the way to print, the terminal, the home and the daemon. Opened only when used.

import { styleText, stripVTControlCharacters } from "node:util";
import { Fault, revealJson, type JsonObject } from "../kernel/index.ts";
import type { Control } from "./reach.ts";
import type { Terminal } from "./terminal.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** What a command leaves behind. With --json exactly `json` is printed, else `text`. */
export interface Outcome {
  /** Null when everything was printed as it came. */
  readonly json: JsonObject | null;
  readonly text: string | readonly string[];
  /** 0 when left out; 2 when changes or questions wait; after `run` that of the program. */
  readonly exit?: number;
}

export interface Shell {
  readonly json: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The stack home's folder, absolute; it may not exist yet. */
  home(): Promise<string>;
  readonly width: number;
  readonly isTty: boolean;
  paint(style: Style, text: string): string;
  /** Progress and long output for people; silent with --json. */
  say(text: string): void;
  /** The person's own terminal, or null; never stdin, which may be a pipe. */
  terminal(): Promise<Terminal | null>;
  /** Faults with `cli.no-terminal`; `what` completes "… on a terminal". */
  needTerminal(what?: string): Promise<Terminal>;
  control(): Promise<Control>;
  close(): void;
}

export interface ShellOptions {
  readonly json: boolean;
  readonly home: string | null;
}

const WIDTH_DEFAULT = 80;
const WIDTH_MAX = 120;

export function openShell(options: ShellOptions): Shell {
  const { env, stdout } = process;
  let terminal: Terminal | null | undefined;
  let control: Control | null = null;
  const shell: Shell = {
    json: options.json,
    env,
    isTty: stdout.isTTY,
    width: Math.min(WIDTH_MAX, stdout.isTTY ? stdout.columns : WIDTH_DEFAULT),
    async home() {
      const { findHome } = await import("./reach.ts");
      return findHome(options.home);
    },
    paint: (style, text) => styleText(style, text, { stream: stdout }),
    say(text) {
      if (!options.json) stdout.write(`${text}\n`);
    },
    async terminal() {
      if (terminal === undefined) {
        const { openTerminal } = await import("./terminal.ts");
        terminal = openTerminal();
      }
      return terminal;
    },
    async needTerminal(what = "the owner's PIN is typed") {
      const found = await shell.terminal();
      if (found !== null) return found;
      throw new Fault("cli.no-terminal", {
        message: `${what} on a terminal, and there is none.`,
        next: "run this in a terminal window",
      });
    },
    async control() {
      const { reach } = await import("./reach.ts");
      control ??= await reach(await shell.home());
      return control;
    },
    close() {
      control?.close();
      terminal?.close();
      [control, terminal] = [null, undefined];
    },
  };
  return shell;
}

export function printOutcome(shell: Shell, outcome: Outcome): void {
  if (shell.json) {
    if (outcome.json !== null) process.stdout.write(`${revealJson(JSON.stringify(outcome.json))}\n`);
    return;
  }
  const text = typeof outcome.text === "string" ? outcome.text : outcome.text.join("\n");
  if (text !== "") process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

/** One line on stderr; with --json one object on stdout. */
export function printFault(fault: Fault, json: boolean): void {
  if (json) {
    const { code, at, message, next } = fault;
    process.stdout.write(`${revealJson(JSON.stringify({ error: { code, at, message, next } }))}\n`);
    return;
  }
  process.stderr.write(`${safeLine(fault.line())}\n`);
}

/** A fault's text may quote what came from outside. Its own lines become one. */
function safeLine(line: string): string {
  return revealJson(
    stripVTControlCharacters(line)
      .trimEnd()
      .replaceAll(/\s*\n\s*/g, " "),
  );
}
