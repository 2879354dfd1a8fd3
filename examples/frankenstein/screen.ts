// The freehold command as a person at a terminal has it: typed on a pseudo-terminal, its screen printed.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { onTerminal, type Typing } from "../../tests/e2e/pty.ts";

const MAIN = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");
const PIN = "48291357";
const ASK_PIN = "Your PIN or passphrase: ";
const COLUMNS = 100;
const LINES_MAX = 64;
/** `files 2025.12.18: 138 packages, 14 tools` */
const SUMMARY = /^[a-z]+(?: \d[\d.]*)?: /;

/** The proof that the owner is there. It is not shown. */
export const PROOF: Typing = { expect: ASK_PIN, send: `${PIN}\r` };

export interface Screen {
  readonly text: string;
  readonly code: number | null;
}

export interface Freehold {
  readonly home: string;
  /** A new stack home with a running daemon and a PIN. */
  begin(): Promise<void>;
  /** Prints the command and its screen. */
  shown(args: readonly string[], steps?: readonly Typing[]): Promise<Screen>;
  /** Prints the command and what it comes to; it must not fault. */
  shortly(args: readonly string[], steps?: readonly Typing[]): Promise<void>;
  close(): Promise<void>;
}

/** A line that is typed when the prompt stands on the screen. */
export function line(expect: string, text: string): Typing {
  return { expect, send: `${text}\r` };
}

export function openFreehold(options: { readonly base: string; readonly registry: string }): Freehold {
  const { base, registry } = options;
  const home = join(base, "home");
  const person = join(base, "person");
  mkdirSync(person);
  const env = {
    ...{ PATH: process.env["PATH"] ?? "", HOME: person, TERM: "dumb", NO_COLOR: "1", NODE_NO_WARNINGS: "1" },
    ...{ FREEHOLD_PORT: "0", npm_config_registry: registry },
  };
  async function type(args: readonly string[], steps: readonly Typing[]): Promise<Screen> {
    const argv = [process.execPath, MAIN, "--home", home, ...args];
    const { output, missed, code } = await onTerminal({ argv, env, cwd: person, steps, columns: COLUMNS });
    const text = tidied(output, base);
    assert.equal(missed, null, `freehold ${args.join(" ")} never said: ${missed}\n${text}`);
    return { text, code };
  }
  const command = (args: readonly string[]): string =>
    `\n$ freehold ${args.map(quoted).join(" ").replaceAll(base, "~")}`;
  let hasBegun = false;
  async function shortly(args: readonly string[], steps: readonly Typing[] = []): Promise<void> {
    const { text, code } = await type(args, steps);
    assert.notEqual(code, 1, text);
    const lines = text.split("\n").filter((each) => each.trim() !== "");
    const kept = lines.filter((each, at) => SUMMARY.test(each) || at === lines.length - 1);
    console.log([command(args), ...kept].join("\n"));
  }
  return {
    home,
    shortly,
    async begin() {
      await shortly(["init", "--name", "Ada"]);
      hasBegun = true;
      await shortly(["start"]);
      const twice = [
        { expect: "characters: ", send: `${PIN}\r` },
        { expect: "Once more: ", send: `${PIN}\r` },
      ];
      await shortly(["pin", "set"], twice);
    },
    async shown(args, steps = []) {
      const screen = await type(args, steps);
      const lines = screen.text.trimEnd().split("\n");
      const rest = lines.length - LINES_MAX;
      const kept = rest > 0 ? [...lines.slice(0, LINES_MAX), `(${rest} more lines)`] : lines;
      console.log([command(args), ...kept].join("\n"));
      return screen;
    },
    async close() {
      if (hasBegun) await type(["shutdown"], []);
    },
  };
}

function quoted(argument: string): string {
  return /^[\w@%+=:,./~-]+$/.test(argument) ? argument : `'${argument}'`;
}

/** Without the proof, and without the folder's random name. */
function tidied(output: string, base: string): string {
  const lines = output.replaceAll("\r\n", "\n").split("\n");
  return lines
    .filter((each) => !each.startsWith(ASK_PIN.trim()))
    .join("\n")
    .replaceAll(base, "~");
}
