// The owner's editor on a text, through a private file that is gone afterwards.

import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../kernel/index.ts";

const TEXT_BYTES_MAX = 4 * 1024 * 1024;

/** Faults: `cli.editor`. */
export function editText(text: string): string {
  const command = process.env["VISUAL"] ?? process.env["EDITOR"] ?? "vi";
  const folder = mkdtempSync(join(tmpdir(), "freehold-edit-"));
  const file = join(folder, "arguments.json");
  const tty = openSync("/dev/tty", "r+");
  try {
    writeFileSync(file, `${text}\n`, { mode: 0o600, flag: "wx" });
    // Through the shell, because EDITOR may hold arguments; the file's name is passed beside it.
    const ended = spawnSync("/bin/sh", ["-c", `${command} "$1"`, "sh", file], { stdio: [tty, tty, tty] });
    if (ended.status !== 0) {
      throw new Fault("cli.editor", {
        message: "the editor did not end well, so nothing was answered.",
        next: "set EDITOR",
      });
    }
    if (statSync(file).size > TEXT_BYTES_MAX)
      throw new Fault("cli.editor", { message: "the edited text is too long." });
    return readFileSync(file, "utf8");
  } finally {
    closeSync(tty);
    rmSync(folder, { recursive: true, force: true });
  }
}
