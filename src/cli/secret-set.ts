// freehold secret set NAME: a value typed without echo, or piped in; never an argument, which other programs can see.

import { Fault } from "../kernel/index.ts";
import { needArgument, type Given } from "./given.ts";
import { callAsOwner } from "./owner.ts";
import { maybeTextIn, safeLine } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";

const VALUE_BYTES_MAX = 65_536;

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const name = needArgument(given);
  const value = process.stdin.isTTY ? await typedValue(shell, name) : await pipedValue();
  if (value === "") throw new Fault("cli.no-secret", { message: "the value is empty, so nothing was stored." });
  const reply = await callAsOwner(shell, { op: "secret.set", input: { name, value } });
  const stored = `Stored. In stack.yaml it is "secret:${safeLine(name, 100)}".`;
  const warning = maybeTextIn(reply, "warning");
  return { json: { name, warning }, text: warning === null ? stored : [stored, `Note: ${safeLine(warning, 300)}.`] };
}

async function typedValue(shell: Shell, name: string): Promise<string> {
  const terminal = await shell.needTerminal("a secret is typed, or piped in,");
  return terminal.secret(`Value of ${safeLine(name, 100)}: `);
}

/** Without the one line end that `echo` adds. */
async function pipedValue(): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const input: AsyncIterable<unknown> = process.stdin;
  for await (const part of input) {
    if (!(part instanceof Uint8Array)) continue;
    bytes += part.length;
    if (bytes > VALUE_BYTES_MAX) {
      throw new Fault("cli.too-long", { message: `a secret has at most ${VALUE_BYTES_MAX} bytes.` });
    }
    chunks.push(part);
  }
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}
