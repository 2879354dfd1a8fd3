// freehold egress [--since 7d]: what left this machine, from the ledger: bytes to models, calls of servers,
// connections.

import type { JsonObject } from "../kernel/index.ts";
import { spanOption, type Given } from "./given.ts";
import { flagIn, lineIn, numberIn, objectsIn } from "./reply.ts";
import type { Outcome, Shell } from "./shell.ts";
import { count, grouped, table } from "./table.ts";

export async function run(shell: Shell, given: Given): Promise<Outcome> {
  const spanMs = spanOption(given, "since");
  const reply = await (await shell.control()).call("egress", spanMs === null ? {} : { spanMs });
  const since = new Date(numberIn(reply, "sinceMs")).toISOString().slice(0, 16).replace("T", " ");
  const section = (title: string, rows: readonly (readonly string[])[], none: string): readonly string[] => [
    "",
    shell.paint("bold", title),
    ...(rows.length === 0 ? [none] : table(rows, shell.width)),
  ];
  const text = [
    `${grouped(numberIn(reply, "bytes"))} bytes left this machine for models since ${since} UTC.`,
    ...section("To models", objectsIn(reply, "models").map(modelRow), "nothing"),
    ...section("Calls of servers that may reach out", objectsIn(reply, "servers").map(serverRow), "none"),
    ...section("Connections", objectsIn(reply, "connections").map(connectionRow), "none"),
    ...(flagIn(reply, "isCut") ? ["", "There are older entries that were not looked at."] : []),
  ];
  return { json: reply, text };
}

function modelRow(row: JsonObject): readonly string[] {
  const place = lineIn(row, "place", 20);
  const cutOff = numberIn(row, "cutOff");
  const stayed = place === "this-machine" ? ", stayed here" : "";
  return [
    lineIn(row, "model", 40),
    `${grouped(numberIn(row, "bytes"))} bytes${stayed}`,
    count(numberIn(row, "requests"), "request") + (cutOff === 0 ? "" : `, ${cutOff} cut off: bytes unknown`),
    `${lineIn(row, "address", 120)} (${place})`,
  ];
}

function serverRow(row: JsonObject): readonly string[] {
  return [lineIn(row, "name", 60), count(numberIn(row, "calls"), "call")];
}

function connectionRow(row: JsonObject): readonly string[] {
  const refused = numberIn(row, "refused");
  const opened = `${numberIn(row, "opened")} opened${refused === 0 ? "" : `, ${refused} refused`}`;
  return [lineIn(row, "target", 120), opened, `for ${lineIn(row, "by", 80)}`];
}
