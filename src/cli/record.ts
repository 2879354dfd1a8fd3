// freehold record SERVER [TOOL ARGUMENTS]: runs the version in use on samples and keeps what it answers.

import { Fault, isObject, parseStrict, type JsonObject } from "../kernel/index.ts";
import { needArgument, type Given } from "./given.ts";
import { callAsOwner } from "./owner.ts";
import { flagIn, lineIn, objectsIn, safeLine } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { count, table } from "./table.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const name = needArgument(given);
  const [, tool, written] = given.args;
  const input: JsonObject = { name, ...(tool === undefined ? {} : { tool, args: argsFrom(written ?? "{}") }) };
  const reply = await callAsOwner(shell, { op: "contracts.record", input });
  const calls = objectsIn(reply, "calls");
  const rows = calls.map((call) => [
    lineIn(call, "label", 160),
    lineIn(call, "match", 20),
    `${lineIn(call, "kind", 20)}${flagIn(call, "isPicked") ? ", picked by you" : ""}`,
  ]);
  const text = [
    `${count(calls.length, "call")} of ${safeLine(name, 60)} kept in ${lineIn(reply, "file", 200)}:`,
    ...table(rows, shell.width),
  ];
  return { json: reply, text };
}

function argsFrom(written: string): JsonObject {
  const parsed = parseStrict(written);
  if (parsed.kind === "value" && isObject(parsed.value)) return parsed.value;
  throw new Fault("cli.usage", {
    message: "the arguments are a JSON object.",
    next: `freehold record files read_text_file '{"path":"\${files}/freehold.txt"}'`,
  });
}
