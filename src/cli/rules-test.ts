// freehold rules test TOOL [ARGUMENTS]: what each rule says to a call, and the decision that comes of it.

import { Fault, isObject, parseStrict, type JsonObject } from "../kernel/index.ts";
import { needArgument, textOption, type Given } from "./given.ts";
import { lineIn, objectsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { table } from "./table.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const control = await shell.control();
  const principal = textOption(given, "as") ?? "agent";
  const input = { tool: needArgument(given), principal, args: argsFrom(given.args[1] ?? "{}") };
  const reply = await control.call("rules.test", input);
  const rules = objectsIn(reply, "rules").map((rule) => [
    lineIn(rule, "says", 10),
    lineIn(rule, "id", 40),
    lineIn(rule, "why", 400),
  ]);
  const clauses = objectsIn(reply, "clauses").map((clause) => [
    lineIn(clause, "answer", 10),
    lineIn(clause, "clause", 10),
    lineIn(clause, "reason", 400),
  ]);
  const decision = `${lineIn(reply, "decision", 10)} by ${lineIn(reply, "because", 10)}`;
  const text = [
    shell.paint("bold", "What your rules say"),
    ...(rules.length === 0 ? ["No rule names this tool."] : table(rules, shell.width)),
    "",
    shell.paint("bold", `The decision: ${decision}`),
    ...table(clauses, shell.width),
    "",
    "Assumed: no argument is yours, and what strangers wrote was read before.",
  ];
  return { json: reply, text };
}

function argsFrom(text: string): JsonObject {
  const parsed = parseStrict(text);
  if (parsed.kind === "value" && isObject(parsed.value)) return parsed.value;
  const reason = parsed.kind === "refused" ? parsed.reason : "not an object";
  throw new Fault("cli.arguments", {
    message: `the arguments are ${reason}.`,
    next: `freehold rules test files.write_file '{"path":"/home/ada/notes/a.md"}'`,
  });
}
