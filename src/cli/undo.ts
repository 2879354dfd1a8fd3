// freehold undo [ID]: takes back a call that ran, where its card says how; without an ID, what can be taken back.

import { Fault, type JsonObject } from "../kernel/index.ts";
import type { Given } from "./given.ts";
import { callAsOwner, proveOwner } from "./owner.ts";
import { flagIn, lineIn, maybeTextIn, numberIn, objectIn, objectsIn, textIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { distance, table, wrap } from "./table.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const terminal = await shell.needTerminal();
  await proveOwner(shell);
  const [id] = given.args;
  if (id === undefined) return listed(shell, await callAsOwner(shell, { op: "undo.list" }));
  const undo = await callAsOwner(shell, { op: "undo.show", input: { id } });
  const request = textIn(undo, "request");
  const why = maybeTextIn(undo, "gone");
  if (why !== null) {
    throw new Fault("undo.gone", {
      message: `the undo is gone: ${lineIn(undo, "gone", 300)}.`,
      next: `freehold why ${request}`,
    });
  }
  const lines = [
    `${lineIn(undo, "ran", 100)} ran ${distance(numberIn(undo, "atMs"))}. Its card takes it back by:`,
    ...wrap(`${lineIn(undo, "tool", 100)} ${textIn(undo, "shown")}`, shell.width),
  ];
  terminal.write(`${lines.join("\n")}\n`);
  if (!(await terminal.confirm("Call exactly this?"))) return { json: undo, text: "Nothing was done.", exit: 2 };
  const input = { id: request, digest: textIn(undo, "digest") };
  const reply = await callAsOwner(shell, { op: "undo.run", input });
  return { json: reply, text: outcomeText(objectIn(reply, "outcome"), flagIn(reply, "isOffered")) };
}

function listed(shell: Shell, reply: JsonObject): Outcome {
  const undos = objectsIn(reply, "undos");
  if (undos.length === 0) return { json: reply, text: "Nothing that ran in the last 7 days can be undone." };
  const rows = undos.map((undo) => [
    lineIn(undo, "request", 60),
    lineIn(undo, "ran", 60),
    distance(numberIn(undo, "atMs")),
    `by ${lineIn(undo, "tool", 60)}`,
  ]);
  return { json: reply, text: [...table(rows, shell.width), "One of them: freehold undo ID"] };
}

function outcomeText(outcome: JsonObject, isOffered: boolean): string {
  const offered = isOffered ? "The undo is still offered." : "It is not offered again.";
  const reason = maybeTextIn(outcome, "reason") === null ? "" : `: ${lineIn(outcome, "reason", 500)}`;
  switch (textIn(outcome, "kind")) {
    case "result":
    case "withheld":
      return "The undo ran. What it did is in freehold ledger tail.";
    case "waiting":
      return `It is asked anew as ${lineIn(outcome, "question", 20)}, because things have changed: freehold inbox.`;
    case "denied":
      return `Not undone${reason}. ${offered}`;
    default:
      return `The undo failed${reason}. ${offered}`;
  }
}
