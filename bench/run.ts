// npm run -s bench -- NAME [--json] [--quick] [--servers N] [--profile-dir DIR]: runs bench/NAME.ts and prints its
// figures, with --json as exactly one JSON object. Progress goes to stderr. A bench sets up and removes what it needs.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Bench } from "./lib.ts";

const NOT_BENCHES = ["run.ts", "lib.ts"];

function benchNames(): readonly string[] {
  return readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !NOT_BENCHES.includes(file))
    .map((file) => file.slice(0, -".ts".length))
    .sort();
}

function isBench(module: unknown): module is { readonly run: Bench } {
  return typeof module === "object" && module !== null && "run" in module && typeof module.run === "function";
}

function print(figures: Readonly<Record<string, unknown>>, asJson: boolean): void {
  if (asJson) {
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    return;
  }
  const width = Math.max(...Object.keys(figures).map((name) => name.length));
  for (const [name, value] of Object.entries(figures)) {
    process.stdout.write(`${name.padEnd(width)}  ${JSON.stringify(value)}\n`);
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      json: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      "profile-dir": { type: "string" },
      cases: { type: "string" },
      cards: { type: "string" },
      roster: { type: "string" },
      servers: { type: "string", default: "1" },
    },
    allowPositionals: true,
  });
  const [name, ...more] = positionals;
  const names = benchNames();
  if (name === undefined || more.length > 0 || !names.includes(name)) {
    const reason = name === undefined ? "Name one bench" : `There is no bench '${positionals.join(" ")}'`;
    process.stderr.write(`${reason}. Benches: ${names.join(", ") || "none yet"}.\n`);
    return 1;
  }
  const module: unknown = await import(join(import.meta.dirname, `${name}.ts`));
  if (!isBench(module)) throw new TypeError(`bench/${name}.ts exports no function 'run'`);
  const note = (text: string) => process.stderr.write(`${name}: ${text}\n`);
  const profileDir = values["profile-dir"];
  const profile = profileDir === undefined ? {} : { profileDir };
  const { cases, cards, roster } = values;
  const paths = { ...(cases && { cases }), ...(cards && { cards }), ...(roster && { roster }) };
  print(
    await module.run({ quick: values.quick, servers: Number(values.servers), note, paths, ...profile }),
    values.json,
  );
  return 0;
}

// A bench may leave a socket or a timer behind; its figures are out, so the process ends.
process.exit(await main());
