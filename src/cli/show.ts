// freehold show ID: every entry about a request or question; with the owner's PIN also the recorded texts.

import { revealJson, type JsonObject } from "../kernel/index.ts";
import { hasFlag, needArgument, type Given } from "./given.ts";
import { entryLines } from "./ledger-tail.ts";
import { proveOwner } from "./owner.ts";
import { maybeTextIn, objectIn, objectsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { indent, wrap } from "./table.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  if (hasFlag(given, "text")) await proveOwner(shell);
  const control = await shell.control();
  const reply = await control.call("show", { id: needArgument(given) });
  return { json: reply, text: objectsIn(reply, "entries").flatMap((entry) => entryText(shell, entry)) };
}

function entryText(shell: Shell, entry: JsonObject): readonly string[] {
  const facts = Object.entries(objectIn(entry, "facts")).map(([name, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return revealJson(`${name}: ${text}`);
  });
  const recorded = maybeTextIn(entry, "text");
  const text = recorded === null ? [] : [revealJson(`text: ${recorded}`)];
  const lines = [...facts, ...text].flatMap((line) => wrap(line, shell.width - 4));
  return [...entryLines(shell, [entry]), ...indent(lines, 4)];
}
