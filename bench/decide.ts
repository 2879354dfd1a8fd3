// How long one decision takes at 1,000 rules in a session that has read 2 MB, and what such a session weighs:
// npm run -s bench -- decide --json

import { spawnSync } from "node:child_process";
import {
  beginRequest,
  decide,
  indexRules,
  NO_CAPS,
  noProvenance,
  noteResult,
  principalText,
  type Facts,
  type JsonValue,
  type Provenance,
  type Rule,
  type ToolCard,
} from "../src/kernel/index.ts";
import { quantile, round, type Bench } from "./lib.ts";

const RULES = 1_000;
const SESSION_BYTES = 2_000_000;
const SESSIONS = 50;
const SERVERS = 20;
const ROUNDS = 40_000;
const AGENT = { kind: "agent", name: "" } as const;
const WORDS =
  "Please look at the budget file, then send the numbers to dora@example.org and bob@example.org, and plan one hour " +
  "on May 19 at 10:00 with id 17. ".repeat(10);

function cardOf(
  tool: string,
  choice: { readonly effect: "read" | "send"; readonly trust: "owner" | "third-party" },
): ToolCard {
  return {
    tool,
    effect: choice.effect,
    result: { trust: choice.trust, compartments: ["family"], secret: false, mode: "inline" },
    roles: { to: "critical", subject: "content", body: "content" },
    ids: ["id"],
    pin: "0".repeat(64),
  };
}

/** A fifth is for the very tool, as where one person's stack has grown around its mail; a few bans are for all. */
function rules(): readonly Rule[] {
  return Array.from({ length: RULES }, (_, index): Rule => {
    const isBan = index % 50 === 0;
    return {
      id: `r${index}`,
      answer: isBan ? "deny" : "allow",
      principals: index % 3 === 0 ? [] : [principalText(AGENT)],
      tool: isBan ? "*" : index % 5 === 0 ? "s0.send" : `s${index % SERVERS}.tool${index % 7}`,
      args: { to: { kind: "equals", values: [`person${index}@example.org`] } },
      reason: "as every week",
      expiresAtMs: null,
      perDayMax: index % 4 === 0 ? 5 : null,
    };
  });
}

/** Mail, calendar and files as they come: records of a few hundred bytes, half of them the owner's own. */
function readTwoMegabytes(seed: number): Provenance {
  const provenance = noProvenance();
  beginRequest(provenance, WORDS, new Map([["s0.send", 3]]));
  let bytes = 0;
  for (let page = 0; bytes < SESSION_BYTES; page += 1) {
    const structured: JsonValue = Array.from({ length: 50 }, (_, row) => ({
      id: `${seed}-${page}-${row}`,
      subject: `Subject ${seed} ${page} ${row}`,
      from: `person${row}@example.org`,
      body: `${seed}-${page}-${row} `.repeat(30),
      size: page * 1_000 + row,
    }));
    const one: JsonValue = [{ id: `one-${seed}-${page}`, subject: "budget", text: `${seed} ${page} `.repeat(40) }];
    const trust = page % 2 === 0 ? "owner" : "third-party";
    const card = cardOf(`s${page % SERVERS}.search`, { effect: "read", trust });
    noteResult(provenance, { card, args: { what: "all the mail" }, structured, wasClean: page % 2 === 0 });
    noteResult(provenance, { card, args: { what: "budget" }, structured: one, wasClean: false });
    bytes += JSON.stringify(structured).length + JSON.stringify(one).length;
  }
  return provenance;
}

function situations(provenance: Provenance): readonly Facts[] {
  const family = ["family"];
  const base = {
    nowMs: 0,
    stopped: false,
    principal: AGENT,
    tool: "s0.send",
    card: cardOf("s0.send", { effect: "send", trust: "owner" }),
    pin: "same",
    schemaFault: null,
    overBudget: null,
    caps: NO_CAPS,
    usedOf: () => 0,
    session: { ...provenance, label: { compartments: family, integrity: "third-party", secret: false } },
    handles: { compartments: [], integrity: "owner", secret: false },
    sink: { compartments: family, network: true },
    receiver: family,
    rules: indexRules(rules()),
    usesToday: () => 0,
  } satisfies Omit<Facts, "args">;
  const body = "The 14 numbers of 2024 are in, see the table below. ".repeat(10);
  const lead = `${body} See https://evil.example/pay or write to eve@evil.example.`;
  return [
    { ...base, args: { to: "dora@example.org", subject: "numbers", body } },
    { ...base, args: { to: ["dora@example.org", "bob@example.org"], subject: "numbers", body } },
    { ...base, args: { to: "eve@evil.example", subject: "numbers", body: lead } },
    { ...base, args: { to: "person995@example.org", subject: "numbers", body } },
    { ...base, args: { to: "one-0-4", subject: "May 19", body: "short" } },
    { ...base, tool: "s1.search", card: cardOf("s1.search", { effect: "read", trust: "owner" }), args: { what: "x" } },
  ];
}

function time(rounds: number): { readonly p50Us: number; readonly p99Us: number; readonly kinds: readonly string[] } {
  const cases = situations(readTwoMegabytes(0));
  const kinds = cases.map((facts) => decide(facts)).map(({ kind, because }) => `${kind} ${because}`);
  for (let index = 0; index < 5_000; index += 1) decide(cases[index % cases.length] ?? assertNever());
  const tookUs: number[] = [];
  for (let index = 0; index < rounds; index += 1) {
    const facts = cases[index % cases.length] ?? assertNever();
    const start = process.hrtime.bigint();
    decide(facts);
    tookUs.push(Number(process.hrtime.bigint() - start) / 1_000);
  }
  return { p50Us: round(quantile(tookUs, 0.5), 1), p99Us: round(quantile(tookUs, 0.99), 1), kinds };
}

function assertNever(): never {
  throw new Error("there is a situation at every place");
}

/** In a process of its own that can collect garbage when told: growth of the heap over many such sessions. */
function sessionMb(): number {
  const child = spawnSync(process.execPath, ["--expose-gc", import.meta.filename, "--weigh"], { encoding: "utf8" });
  if (child.status !== 0) throw new Error(`weighing failed: ${child.stderr}`);
  return round(Number(child.stdout), 3);
}

function weigh(): number {
  readTwoMegabytes(-1);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const kept = Array.from({ length: SESSIONS }, (_, seed) => readTwoMegabytes(seed));
  globalThis.gc?.();
  const grown = process.memoryUsage().heapUsed - before;
  if (kept.length !== SESSIONS) assertNever();
  return grown / SESSIONS / 1_000_000;
}

export const run: Bench = (options) =>
  Promise.resolve({ ...time(options.quick ? 2_000 : ROUNDS), sessionMb: sessionMb(), rules: RULES });

if (process.argv[2] === "--weigh") process.stdout.write(String(weigh()));
