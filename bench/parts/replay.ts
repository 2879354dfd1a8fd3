// Recorded servers: definitions as they were served, replayed by a small program that Freehold installs and starts.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ControlClient } from "../../src/control/index.ts";
import { isObject, textAt, type JsonObject } from "../../src/kernel/index.ts";
import { draftCards, formatCardFile, parseLock } from "../../src/manifest/index.ts";

export interface RecordedServer {
  readonly name: string;
  readonly package: string;
  readonly version: string;
  readonly serverInfo: JsonObject;
  readonly tools: readonly JsonObject[];
}

/** `definitions.jsonl`: a line that opens a server, then one for each of its tools. */
export function readRecorded(file: string): readonly RecordedServer[] {
  const servers: (Omit<RecordedServer, "tools"> & { readonly tools: JsonObject[] })[] = [];
  for (const line of readFileSync(file, "utf8").trim().split("\n")) {
    const given: unknown = JSON.parse(line);
    if (!isObject(given)) throw new Error(`no object: ${line.slice(0, 80)}`);
    const { tool, serverInfo } = given;
    if (isObject(tool)) servers.at(-1)?.tools.push(tool);
    else if (isObject(serverInfo)) {
      const text = (key: string): string => textAt(given, key) ?? "";
      servers.push({ name: text("server"), package: text("package"), version: text("version"), serverInfo, tools: [] });
    }
  }
  return servers;
}

/** Adds it as the owner would, and takes the cards that ship for its package. The proposal waits to be applied. */
export async function addRecorded(
  home: string,
  control: ControlClient,
  { server, compartment }: { readonly server: RecordedServer; readonly compartment: string },
): Promise<void> {
  const { name, serverInfo, tools } = server;
  const folder = join(home, "..", "recorded", name);
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(import.meta.dirname, "replay-server.ts"), join(folder, "server.ts"));
  writeFileSync(join(folder, "tools.json"), JSON.stringify({ serverInfo, tools }));
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: `recorded-${name}`, version: "1.0.0", type: "module", bin: "server.ts" }),
  );
  await control.call("server.add", { name, source: `path:${folder}`, compartment });
  const locked = parseLock(readFileSync(join(home, "stack.lock"), "utf8"), "stack.lock").servers[name];
  if (locked === undefined) throw new Error(`${name} was not locked`);
  const source = `npm:${server.package}@${server.version}`;
  const cards = draftCards({ server: name, surface: locked.surface, compartment, source });
  writeFileSync(join(home, "cards", `${name}.yaml`), formatCardFile(cards));
}
