// freehold update freehold --from PATH: another Freehold is brought, tried on a copy of the state, shown, switched to.

import { resolve } from "node:path";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { textOption, type Given } from "./given.ts";
import { callAsOwner, proveOwner } from "./owner.ts";
import { flagIn, lineIn, numberIn, safeLine, textIn } from "./reply.ts";
import { restartInto } from "./restart-into.ts";
import type { Outcome, Shell } from "./shell.ts";

export async function updateFreehold(shell: Shell, given: Given): Promise<Outcome> {
  const from = textOption(given, "from");
  if (from === null) {
    throw new Fault("cli.usage", {
      message: "where the new Freehold lies is to be said: nothing is asked on the network.",
      next: "freehold update freehold --from PATH (a built folder, or a packed package with its lock)",
    });
  }
  const terminal = await shell.needTerminal("an update is decided on");
  await proveOwner(shell);
  const onEvent = (event: JsonObject): void => shell.say(shell.paint("dim", `  ${lineIn(event, "progress", 200)}`));
  const staged = await callAsOwner(shell, { op: "freehold.stage", input: { from: resolve(from) }, onEvent });
  if (flagIn(staged, "same")) {
    return { json: { ...staged, switched: false }, text: "That is the very Freehold that runs." };
  }
  terminal.write(`${stagedLines(staged).join("\n")}\n`);
  if (!(await terminal.confirm("Switch to it?"))) {
    return { json: { ...staged, switched: false }, text: "Nothing was changed.", exit: 2 };
  }
  const status = await (await shell.control()).call("status", {});
  const isUnit = textIn(status, "mode") === "own-user";
  const done = await callAsOwner(shell, { op: "freehold.switch", input: { tree: textIn(staged, "tree") } });
  const { version, failed } = await restartInto(shell, numberIn(done, "pid"), isUnit);
  const wanted = textIn(staged, "version");
  // Versions may be equal: who was started twice is the old one.
  if (failed !== null || version !== wanted) {
    const why = failed === null ? "" : ` ${safeLine(failed, 400)}`;
    const text = `Freehold ${safeLine(wanted, 60)} was not ready, so ${safeLine(version, 60)} runs again.${why}`;
    return { json: { ...staged, ...done, switched: false, failed, version }, text, exit: 1 };
  }
  const back = numberIn(done, "back");
  const runs = `Freehold ${safeLine(version, 60)} runs: generation ${numberIn(done, "generation")}`;
  const text = `${runs}. Back to ${back}: freehold rollback`;
  return { json: { ...staged, ...done, switched: true, version }, text };
}

function stagedLines(staged: JsonObject): readonly string[] {
  const where = flagIn(staged, "isSandboxed")
    ? "in the sandbox, without network"
    : "without a sandbox, since there is none here";
  return [
    `Freehold ${lineIn(staged, "from", 60)} -> ${lineIn(staged, "version", 60)}`,
    `  tried on a copy of your state (${where}): ready in ${numberIn(staged, "readyMs")} ms, answers, same servers`,
    `  the ledger in the copy verifies: ${numberIn(staged, "entries")} entries; schema ${numberIn(staged, "schema")}`,
    "  not checked: who made it, and what it does besides; that is for you to know",
  ];
}
